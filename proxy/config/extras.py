"""Optional features: whether their packages are installed, and the command that installs them."""

import re
import shlex
import sys
from importlib.metadata import PackageNotFoundError, requires
from importlib.util import find_spec
from typing import Literal

from pydantic_core import PydanticCustomError

_DISTRIBUTION = "xrpl-version-proxy"

Extra = Literal["grpc", "otel", "tls"]

_MODULES: dict[Extra, tuple[str, ...]] = {
    "grpc": ("grpc", "grpc_health"),
    "otel": ("opentelemetry",),
    "tls": ("cryptography",),
}
_FEATURES: dict[Extra, str] = {"grpc": "gRPC", "otel": "tracing", "tls": "TLS"}


def require(extra: Extra) -> None:
    """Raise PydanticCustomError, with the command that installs them, if packages of `extra` are not installed."""
    if any(find_spec(module) is None for module in _MODULES[extra]):
        context = {"feature": _FEATURES[extra], "command": _install_command(extra)}
        raise PydanticCustomError("problem", "{feature} needs more packages: {command}", context)


def _install_command(extra: Extra) -> str:
    """A shell command that installs the packages of `extra` for this interpreter, wherever the proxy came from."""
    try:
        declared = requires(_DISTRIBUTION) or []
    except PackageNotFoundError:  # run from a checkout that is not installed
        declared = []
    suffix = re.compile(rf"\s*;\s*extra\s*==\s*['\"]{extra}['\"]\s*$")
    packages = [suffix.sub("", each) for each in declared if suffix.search(each)]
    # An environment without pip, as those of `uv tool` and `venv --without-pip`, is installed into from outside.
    pip = ["pip", "--python", sys.executable] if find_spec("pip") is None else [sys.executable, "-m", "pip"]
    return shlex.join([*pip, "install", *(packages or [f"{_DISTRIBUTION}[{extra}]"])])
