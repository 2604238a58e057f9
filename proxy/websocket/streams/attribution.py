"""The stream of a pushed message, on a connection with several streams."""

import re
from typing import Literal

from proxy.websocket.stream_names import SHAREABLE_STREAMS, is_validated

_NOT_VALIDATED = re.compile(rb'"validated"\s*:\s*false')
_OF_TRANSACTIONS = ("transactions", "transactions_proposed")


class StreamTracker:
    """The shared streams that a node pushes on one connection, in the order in which they were subscribed to.

    A stream is `asked` before the node may have started it, `on` from the node's response, and `ending` until the node
    has confirmed its end.

    rippled pushes a validated transaction once for `transactions` and then, identically, for `transactions_proposed`
    (`pubValidatedTransaction` in NetworkOPs.cpp, under a lock for both). The two cannot be distinguished, and need not
    be: the first belongs to a stream that is on, an equal one to the other.
    """

    def __init__(self) -> None:
        self._states: dict[str, Literal["asked", "on", "ending"]] = {}
        self._first = b""
        self._second_is = ""

    def asked(self, streams: tuple[str, ...]) -> None:
        """These streams are about to be subscribed to."""
        for stream in streams:
            self._states.setdefault(stream, "asked")

    def begun(self, streams: tuple[str, ...]) -> None:
        """The node has confirmed these streams."""
        for stream in streams:
            self._states[stream] = "on"

    def ending(self, stream: str) -> None:
        """This stream is about to be unsubscribed from."""
        self._states[stream] = "ending"

    def ended(self, stream: str) -> None:
        """The node has confirmed the end of this stream."""
        self._states.pop(stream, None)

    def are_on(self, streams: tuple[str, ...]) -> bool:
        """Whether the node has confirmed all of these."""
        return all(self._states.get(stream) == "on" for stream in streams)

    def active(self) -> tuple[str, ...]:
        """The streams that the node pushes, or may push."""
        return tuple(self._states)

    def stream_of(self, kind: str, message: bytes) -> str | None:
        """The stream that pushed `message`, whose type is counted under `kind`; None if unknown."""
        if kind != "transactions":
            return kind if kind in SHAREABLE_STREAMS else None
        if not is_validated(message) and _NOT_VALIDATED.search(message) is not None:
            return "transactions_proposed"
        return self._of_validated(message)

    def _of_validated(self, message: bytes) -> str:
        if message == self._first:
            self._first = b""
            return self._second_is
        come = [stream for stream in self._states if stream in _OF_TRANSACTIONS]
        if len(come) < 2:
            return come[0] if come else "transactions"
        given = come[0] if self._states[come[0]] == "on" or self._states[come[1]] != "on" else come[1]
        self._first, self._second_is = message, come[1] if given == come[0] else come[0]
        return given
