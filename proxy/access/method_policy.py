"""What is refused whoever asks: the administration of a node, its credentials, and having it post to a URL.

A node judges by the peer's address, which behind a proxy is the proxy's own, often one it trusts. So what a stranger
may not ask is decided here, as rippled decides it on a public port (`Role.cpp`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.envelope.call import Verdict
from proxy.envelope.methods import ADMIN_METHODS, OLD_ADMIN_METHODS


@dataclass(frozen=True, slots=True)
class MethodPolicy:
    """What the configuration lets through of what is refused otherwise."""

    allow_admin_methods: frozenset[str] = frozenset()
    allow_admin_credentials: bool = False
    allow_subscribe_url: bool = False
    node_may_trust_us_as_admin: bool = False
    """A node may take the proxy for its administrator, and so would what comes through it be."""

    def check(self, method: object, params: Mapping[str, Any]) -> Verdict | None:
        """None to let it pass; `forbidden` before the method is looked at further; `no_permission` as its result.

        `method` is any JSON value, `params` the request's parameters (of a WebSocket request all of it).
        """
        if not self.allow_admin_credentials and ("admin_user" in params or "admin_password" in params):
            return "forbidden"
        if not isinstance(method, str):
            return None
        if method in ADMIN_METHODS or (self.node_may_trust_us_as_admin and method in OLD_ADMIN_METHODS):
            return None if method in self.allow_admin_methods else "forbidden"
        if method in ("subscribe", "unsubscribe") and "url" in params and not self.allow_subscribe_url:
            return "no_permission"
        # Open to all, but voting on an amendment is the administrator's (`Feature1.cpp`).
        if method == "feature" and {"feature", "vetoed"} <= params.keys() and method not in self.allow_admin_methods:
            return "no_permission"
        return None
