"""The Pythons that the proxy, and its rivals in Python, are measured on."""

import subprocess
from dataclasses import dataclass

import orjson

_DESCRIBE = """
import json, platform, sysconfig
import aiohttp, httptools, orjson, uvloop
print(json.dumps([platform.python_version(), sysconfig.get_config_var("CONFIG_ARGS") or ""]))
"""


class Unusable(Exception):
    """An interpreter that cannot run the proxy."""


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter with the proxy's dependencies. `build`: how it was compiled, which small requests depend on."""

    path: str
    version: str
    build: str

    @classmethod
    def at(cls, path: str) -> "Python":
        """The interpreter at a path. Raises Unusable."""
        try:
            ran = subprocess.run([path, "-c", _DESCRIBE], capture_output=True, text=True, check=False, timeout=30)
        except OSError as error:
            raise Unusable(f"{path}: {error.strerror}") from error
        if ran.returncode:
            last = ran.stderr.strip().rpartition("\n")[2]
            raise Unusable(f"{path}: {last}. Install the dependencies: {path} -m pip install -r requirements.txt")
        version, arguments = orjson.loads(ran.stdout)
        return cls(path, version, build_of(arguments))


def build_of(arguments: str) -> str:
    """How an interpreter was compiled, from the arguments of its `configure`.

    Distributions profile their builds without an argument for it.
    """
    if "--enable-optimizations" in arguments:
        return "profile-guided"
    return "the distribution's" if "'--prefix=/usr'" in arguments else "not profile-guided"
