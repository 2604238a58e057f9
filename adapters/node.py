"""Which software a node runs, and its release: releases differ in places within one API version."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Software = Literal["rippled", "xrpld", "clio", "other"]

_XRPLD_SINCE = 3
"""The first release of rippled under its new name."""
_RELEASE = re.compile(r"\d{1,6}(?:\.\d{1,6}){1,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """A node's software and release. The default is a node of which neither is known.

    `software`: `rippled` up to 2.x, `xrpld` from 3.0 on, `clio`, or `other` for anything else.
    `release`: its numbers, without the suffix of a pre-release: `(3, 3, 0)` for `3.3.0-b0`; empty where not known.
    """

    software: Software = "other"
    release: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """For people: `rippled 2.6.1`."""
        return " ".join((self.software, ".".join(map(str, self.release)))).rstrip()

    @property
    def predates_v2(self) -> bool:
        """Whether it is older than API version 2: rippled 1.x, and Xahau's, whose releases begin with a year."""
        if self.software == "rippled":
            return bool(self.release) and self.release < (2,)
        return self.software == "other" and self.release >= (2000,)

    @classmethod
    def from_server_info(cls, info: Mapping[str, Any]) -> "NodeInfo":
        """Read the `info` object of a `server_info` result."""
        if "clio_version" in info:
            return cls("clio", _release(info["clio_version"]))
        release = _release(info.get("build_version"))
        if not release or release >= (1000,):
            return cls("other", release)
        return cls("xrpld" if release >= (_XRPLD_SINCE,) else "rippled", release)


UNKNOWN_NODE = NodeInfo()
"""A node that has not reported its software yet."""


def _release(text: object) -> tuple[int, ...]:
    match = _RELEASE.match(text) if isinstance(text, str) else None
    return tuple(int(number) for number in match[0].split(".")) if match else ()
