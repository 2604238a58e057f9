"""The method policy: refuses admin methods, admin credentials, and subscriptions by URL.

A node decides by the address of its peer, which behind a proxy is the proxy's, often one that the node trusts. So the
proxy decides instead, as rippled does on a public port (`Role.cpp`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.envelope.call import Verdict
from proxy.envelope.methods import ADMIN_METHODS, OLD_ADMIN_METHODS


@dataclass(frozen=True, slots=True)
class MethodPolicy:
    """Refuses what an administrator or a trusted client may do, except for what the configuration allows."""

    allow_admin_methods: frozenset[str] = frozenset()
    allow_admin_credentials: bool = False
    allow_subscribe_url: bool = False
    node_may_trust_us_as_admin: bool = False
    """A node may treat the proxy as an administrator, and so treat every client behind it."""

    def check(self, method: object, params: Mapping[str, Any]) -> Verdict | None:
        """None to allow it; `forbidden` before anything else is checked; `no_permission` as the call's result.

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
        # Anyone may call it, but only administrators may vote on an amendment (`Feature1.cpp`).
        if method == "feature" and {"feature", "vetoed"} <= params.keys() and method not in self.allow_admin_methods:
            return "no_permission"
        return None
