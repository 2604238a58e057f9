"""A listener's own list of allowed methods, in addition to the method policy of all listeners."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from proxy.access.method_policy import MethodPolicy
from proxy.envelope.call import Verdict


@dataclass(frozen=True, slots=True)
class MethodAllowList(MethodPolicy):
    """Allows only `methods`, as far as the policy of all listeners allows them too."""

    methods: frozenset[str] = frozenset()

    @classmethod
    def of(cls, policy: MethodPolicy, methods: frozenset[str]) -> "MethodAllowList":
        """`policy`, restricted to `methods`."""
        return cls(**{field.name: getattr(policy, field.name) for field in fields(policy)}, methods=methods)

    def check(self, method: object, params: Mapping[str, Any]) -> Verdict | None:
        """As `MethodPolicy.check`."""
        if isinstance(method, str) and method not in self.methods:
            return "forbidden"
        return MethodPolicy.check(self, method, params)
