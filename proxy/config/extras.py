"""Optional features: whether their packages are installed, and the command that installs them."""

import re
import shlex
import sys
from importlib.metadata import PackageNotFoundError, requires
from importlib.util import find_spec
from typing import Literal

_DISTRIBUTION = "xrpl-version-proxy"

Extra = Literal["grpc", "otel"]

_MODULES: dict[Extra, tuple[str, ...]] = {"grpc": ("grpc", "grpc_health"), "otel": ("opentelemetry",)}


def is_installed(extra: Extra) -> bool:
    """Whether the packages of *extra* are installed."""
    return all(find_spec(module) is not None for module in _MODULES[extra])


def install_command(extra: Extra) -> str:
    """A shell command that installs the packages of *extra* for this interpreter, wherever the proxy came from."""
    try:
        declared = requires(_DISTRIBUTION) or []
    except PackageNotFoundError:  # run from a checkout that is not installed
        declared = []
    suffix = re.compile(rf"\s*;\s*extra\s*==\s*['\"]{extra}['\"]\s*$")
    packages = [suffix.sub("", each) for each in declared if suffix.search(each)]
    return shlex.join([sys.executable, "-m", "pip", "install", *(packages or [f"{_DISTRIBUTION}[{extra}]"])])
