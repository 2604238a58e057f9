"""Refusals of requests by the proxy itself, at any step of the pipeline."""

from proxy.envelope import HttpRefusal

OVERLOADED = "Server is overloaded"
"""rippled's line for a client that has used up its balance."""


class Refused(Exception):
    """Ends the pipeline of a request: `refusal` is its response, and the reason for the metrics and the log."""

    def __init__(self, refusal: HttpRefusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def overloaded(reason: str, method: str | None = None) -> Refused:
    """The refusal of a client that is over one of its limits; `reason` says which."""
    return Refused(HttpRefusal(503, OVERLOADED, reason, method))
