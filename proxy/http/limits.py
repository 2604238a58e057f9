"""Time limits for clients: a listener's settings, and the timers of one connection."""

from dataclasses import dataclass
from typing import Literal

from proxy.access.client_address import NetworkSet

TimeoutReason = Literal["slow_head", "slow_body", "slow_reader"]

_LINGER_SECONDS = 2.0
"""Seconds to receive the rest of a refused body: closing immediately would discard the response in transit."""


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """What a listener allows its clients, in seconds, bytes per second and connections.

    `head`: for a request's head, and for a TLS handshake. `body`, `write`: grace periods before `min_rate` applies to
    sending a body and to reading a response. `idle`: without a request.
    """

    head: float
    body: float
    write: float
    idle: float
    min_rate: int
    connections: int
    connections_per_address: int
    exempt: NetworkSet


class ConnectionTimers:
    """When the client of one connection started what it is doing. All times are the event loop's."""

    __slots__ = (
        "_body_since",
        "_closing_since",
        "_head_since",
        "_idle_since",
        "_linger_until",
        "_received",
        "_stalled_bytes",
        "_stalled_since",
    )

    def __init__(self, now: float) -> None:
        """The client has connected; the head of a request is expected."""
        self._head_since: float | None = now
        self._idle_since: float | None = None
        self._received = 0  # bytes of an incomplete request
        self._body_since = 0.0
        self._linger_until: float | None = None
        self._stalled_since: float | None = None
        self._stalled_bytes = 0
        self._closing_since: float | None = None

    def received(self, size: int, now: float) -> None:
        """`size` bytes of a request have arrived."""
        if self._idle_since is not None:
            self._head_since, self._idle_since = now, None
        self._received += size

    def head_complete(self, now: float) -> None:
        """The head of a request has arrived; its body is expected."""
        self._head_since = None
        self._body_since = now

    def body_complete(self) -> None:
        """All of a request has arrived."""
        self._received = 0

    def request_complete(self) -> None:
        """All of a request has arrived in one piece."""
        self._head_since = self._idle_since = None

    def mark_idle(self, now: float) -> None:
        """The client has all its responses."""
        self._linger_until = None
        self._idle_since = now

    def start_linger(self, now: float) -> None:
        """The client has its response but has not sent all of its request."""
        self._linger_until = now + _LINGER_SECONDS

    def write_paused(self, unsent: int, now: float) -> None:
        """Writing is paused: `unsent` bytes of the response wait for the client."""
        self._stalled_since, self._stalled_bytes = now, unsent

    def write_resumed(self) -> None:
        """Writing goes on: the client has read enough."""
        self._stalled_since = None

    def awaits_head_since(self, earliest: float) -> bool:
        """Whether the head of a request has been expected, or arriving, for no longer than since then."""
        return self._head_since is not None and self._head_since > earliest

    @property
    def is_stalled(self) -> bool:
        """Whether writing is paused."""
        return self._stalled_since is not None

    @property
    def is_lingering(self) -> bool:
        """Whether the rest of a request that already has its response is expected."""
        return self._linger_until is not None

    def overdue(
        self, now: float, limits: ClientLimits, *, is_closing: bool, unsent: int, is_body_awaited: bool, is_paused: bool
    ) -> TimeoutReason | None:
        """Return which limit was exceeded; None while the client is in time.

        `unsent`: bytes that wait for the client. `is_paused`: reading is paused because of backpressure here.
        """
        if is_closing:
            self._closing_since = now if self._closing_since is None else self._closing_since
            return "slow_reader" if now - self._closing_since > limits.write else None
        if self._head_since is not None and now - self._head_since > limits.head:
            return "slow_head"
        if self._stalled_since is not None:
            taken = max(0, self._stalled_bytes - unsent)
            if now - self._stalled_since > limits.write + taken / limits.min_rate:
                return "slow_reader"
        if not is_body_awaited or self._linger_until is not None:
            return None
        if is_paused:
            self._body_since = now
        return "slow_body" if now - self._body_since > limits.body + self._received / limits.min_rate else None

    def idle_expired(self, now: float, limits: ClientLimits) -> bool:
        """Whether there has been no request for too long, or the rest of a refused body has not arrived."""
        if self._linger_until is not None:
            return now > self._linger_until
        return self._idle_since is not None and now - self._idle_since > limits.idle
