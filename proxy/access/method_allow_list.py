"""What is refused at one listener beside what is refused everywhere: all methods but its own."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from proxy.access.method_policy import MethodPolicy, Verdict


@dataclass(frozen=True, slots=True)
class MethodAllowList(MethodPolicy):
    """A guard that lets `methods` through, if the configuration lets them through at all, and no others."""

    methods: frozenset[str] = frozenset()

    @classmethod
    def of(cls, guard: MethodPolicy, methods: frozenset[str]) -> "MethodAllowList":
        """That guard, with these methods."""
        return cls(**{field.name: getattr(guard, field.name) for field in fields(guard)}, methods=methods)

    def judge(self, method: object, params: Mapping[str, Any]) -> Verdict | None:
        """As `Guard.judge`."""
        if isinstance(method, str) and method not in self.methods:
            return "forbidden"
        return MethodPolicy.check(self, method, params)
