"""Reading from one client: pauses while there is no room, and between very small pieces."""

import asyncio
from typing import Any

from proxy.http.reader import ReadControl


class Transport(asyncio.Transport):
    """Notes whether it is read from."""

    def __init__(self) -> None:
        super().__init__()
        self.reading = True

    def is_closing(self) -> bool:
        return False

    def is_reading(self) -> bool:
        return self.reading

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class Loop:
    """Keeps the callbacks that are to be called later."""

    def __init__(self) -> None:
        self.later: list[Any] = []

    def call_later(self, _: float, callback: Any) -> "Loop":
        self.later.append(callback)
        return self

    def cancel(self) -> None:
        """As a timer's handle does it; it has been called by then."""


def control() -> tuple[ReadControl, Transport, Loop]:
    loop, transport = Loop(), Transport()
    reader = ReadControl(loop)  # type: ignore[arg-type]
    reader.connection_made(transport)
    return reader, transport, loop


def test_reading_pauses_between_small_pieces_and_is_not_resumed_early() -> None:
    reader, transport, loop = control()
    pieces = 0
    while transport.reading:
        reader.received_part(1)
        pieces += 1
    assert pieces < 50
    assert not reader.is_paused  # the delay is the client's fault
    reader.resume()
    assert not transport.reading
    loop.later.pop()()
    assert transport.reading


def test_small_pieces_are_counted_again_after_each_check() -> None:
    reader, transport, _ = control()
    for _ in range(100):
        reader.received_part(1)
        reader.check()
    assert transport.reading


def test_large_pieces_are_read_as_they_come() -> None:
    reader, transport, _ = control()
    for _ in range(1_000):
        reader.received_part(64)
    assert transport.reading
    reader.pause()
    assert reader.is_paused
    reader.resume()
    assert transport.reading
