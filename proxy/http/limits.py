"""How long a client may take over what: what a listener grants, and how it is kept to on one connection."""

import asyncio
from dataclasses import dataclass
from typing import Literal

from proxy.access.client_address import NetworkSet

TimeoutReason = Literal["slow_head", "slow_body", "slow_reader"]

_LINGER_SECONDS = 2.0
"""For the rest of a body that was refused: to close at once would take the answer away from the client as well."""


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """What a listener grants its clients, in seconds, bytes a second and connections.

    `head`: for a request's head, and for a TLS handshake. `body`, `write`: until a body or the taking of an answer
    must have kept up with `min_bytes_per_second`. `idle`: without a request.
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
    """What one client takes its time over. Times are the event loop's, `now` the moment that something is said of."""

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
        """The client has connected, and is to send the head of a request."""
        self._head_since: float | None = now
        self._idle_since: float | None = None
        self._received = 0  # of a request that is not there wholly
        self._body_since = 0.0
        self._linger_until: float | None = None
        self._stalled_since: float | None = None
        self._stalled_bytes = 0
        self._closing_since: float | None = None

    def received(self, size: int, now: float) -> None:
        """So many bytes have come."""
        if self._idle_since is not None:
            self._head_since, self._idle_since = now, None
        self._received += size

    def head_complete(self, now: float) -> None:
        """The head of a request is there, and its body is to follow."""
        self._head_since = None
        self._body_since = now

    def body_complete(self) -> None:
        """The request is there wholly."""
        self._received = 0

    def request_complete(self) -> None:
        """A whole request has come at once."""
        self._head_since = self._idle_since = None

    def mark_idle(self, now: float) -> None:
        """The client has all its answers."""
        self._linger_until = None
        self._idle_since = now

    def start_linger(self, now: float) -> None:
        """The client has its answer, but not sent all of its request."""
        self._linger_until = now + _LINGER_SECONDS

    def write_paused(self, unsent: int, now: float) -> None:
        """The client does not take its answer, of which so many bytes wait."""
        self._stalled_since, self._stalled_bytes = now, unsent

    def write_resumed(self) -> None:
        """It has taken it."""
        self._stalled_since = None

    @property
    def is_lingering(self) -> bool:
        """Whether the rest of a request is awaited that has its answer."""
        return self._linger_until is not None

    def overdue(
        self, now: float, terms: ClientLimits, wire: asyncio.Transport, *, is_body_awaited: bool
    ) -> TimeoutReason | None:
        """What has taken too long; None while the client is in time."""
        if wire.is_closing():
            self._closing_since = now if self._closing_since is None else self._closing_since
            return "slow_reader" if now - self._closing_since > terms.write else None
        if self._head_since is not None and now - self._head_since > terms.head:
            return "slow_head"
        if self._stalled_since is not None:
            taken = max(0, self._stalled_bytes - wire.get_write_buffer_size())
            if now - self._stalled_since > terms.write + taken / terms.min_rate:
                return "slow_reader"
        if not is_body_awaited or self._linger_until is not None:
            return None
        if not wire.is_reading():  # which is not the client's doing
            self._body_since = now
        return "slow_body" if now - self._body_since > terms.body + self._received / terms.min_rate else None

    def idle_expired(self, now: float, terms: ClientLimits) -> bool:
        """Whether nothing has been asked for too long, or the rest of a refused body has not come."""
        if self._linger_until is not None:
            return now > self._linger_until
        return self._idle_since is not None and now - self._idle_since > terms.idle
