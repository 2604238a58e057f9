"""A node's software and release: releases differ in places within one API version."""

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, cast, get_args

Software = Literal["rippled", "xrpld", "clio", "other"]

_XRPLD_SINCE = 3
"""The first release of rippled under its new name."""
_RELEASE = re.compile(r"\d{1,8}(?:\.\d{1,8}){1,3}", re.ASCII)


class NodeInfo(NamedTuple):
    """A node's software, release and network. The default is an unknown node.

    `software`: `rippled` up to 2.x, `xrpld` from 3.0 on, `clio`, or `other` for anything else.
    `release`: its numbers, without the suffix of a pre-release: `(3, 3, 0)` for `3.3.0-b0`; empty if unknown.
    `network_id`: as `server_info` reports it, or None.
    `forwards_to`: of a Clio, the release of the rippled that it forwards requests to.

    Cheap to hash, because pipelines are looked up by it for every request.
    """

    software: Software = "other"
    release: tuple[int, ...] = ()
    network_id: int | None = None
    forwards_to: tuple[int, ...] = ()

    @classmethod
    def from_text(cls, text: str) -> "NodeInfo":
        """The inverse of `text`, without a network: `rippled 1.12.0`. Raises ValueError for other text."""
        software, _, release = text.strip().partition(" ")
        numbers = _release(release.strip())
        if software not in get_args(Software) or (release and not numbers):
            raise ValueError(f"expected software and release such as `rippled 1.12.0`, got `{text}`")
        if software in ("rippled", "xrpld") and numbers:
            return cls.from_server_info({"build_version": release.strip()})
        return cls(cast(Software, software), numbers)

    @property
    def text(self) -> str:
        """For people: `rippled 2.6.1`."""
        return " ".join((self.software, ".".join(map(str, self.release)))).rstrip()

    @property
    def predates_v2(self) -> bool:
        """Whether it is older than API version 2: rippled 1.x, and Xahau's, whose releases start with a year."""
        if self.software == "rippled":
            return bool(self.release) and self.release < (2,)
        return self.software == "other" and self.release >= (2000,)

    @property
    def may_predate_v2(self) -> bool:
        """The same, or a build of which nothing is known."""
        return self.predates_v2 or (self.software == "other" and not self.release)

    @property
    def is_clio(self) -> bool:
        """Whether it is a Clio."""
        return self.software == "clio"

    def is_clio_before(self, *release: int) -> bool:
        """Whether it is a Clio of an earlier release; one of an unknown release counts as new."""
        return self.is_clio and bool(self.release) and self.release < release

    @property
    def network(self) -> int | None:
        """The network's id, None if it is not known. A rippled that reports none runs with the default, 0."""
        if self.network_id is None and self.software in ("rippled", "xrpld"):
            return 0
        return self.network_id

    @classmethod
    def from_server_info(cls, info: Mapping[str, Any]) -> "NodeInfo":
        """Read the `info` object of a `server_info` result."""
        network_id = info.get("network_id")
        if type(network_id) is not int:
            network_id = None
        if "clio_version" in info:
            return cls("clio", _release(info["clio_version"]), network_id, _release(info.get("rippled_version")))
        release = _release(info.get("build_version"))
        if not release or release >= (1000,):
            return cls("other", release, network_id)
        return cls(_named(release), release, network_id)

    @property
    def behind(self) -> "NodeInfo":
        """Of a Clio, the rippled that it forwards requests to."""
        return NodeInfo(_named(self.forwards_to), self.forwards_to, self.network_id)


UNKNOWN_NODE = NodeInfo()
"""A node that has not reported its software yet."""


def _named(release: tuple[int, ...]) -> Software:
    return "xrpld" if release >= (_XRPLD_SINCE,) else "rippled"


def _release(text: object) -> tuple[int, ...]:
    match = _RELEASE.match(text) if isinstance(text, str) else None
    return tuple(int(number) for number in match[0].split(".")) if match else ()
