"""Writing to one client: in pieces, counted and freed as the client takes them."""

import asyncio
from collections.abc import Iterable

from proxy.eventloop.unsent_bytes import UnsentBytes
from proxy.eventloop.write_batcher import WriteBatcher
from proxy.http.writer import ResponseWriter

HIGH_WATER = 65_536
BODY = bytes(range(256)) * 32_768  # 8 MiB


class Transport(asyncio.Transport):
    """Holds what is written until the client takes it."""

    def __init__(self, writer: ResponseWriter) -> None:
        super().__init__()
        self._writer = writer
        self.held = bytearray()
        self.taken = bytearray()
        self.aborted = False
        writer.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.held += data
        if len(self.held) > HIGH_WATER:
            self._writer.pause()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def take(self) -> None:
        self.taken += self.held
        self.held.clear()
        self._writer.resume()

    def get_write_buffer_size(self) -> int:
        return len(self.held)

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


async def test_a_large_body_is_written_as_the_client_takes_it_and_counted_until_then() -> None:
    unsent = UnsentBytes(100_000_000)
    writer = ResponseWriter(WriteBatcher(), unsent, lambda: None)
    transport = Transport(writer)
    writer.write((b"head", BODY))
    drained = asyncio.create_task(writer.drain())
    while not writer.is_drained:
        assert len(transport.held) <= 1_100_000
        assert writer.unsent_bytes() == unsent.total == len(BODY) + 4 - len(transport.taken)
        transport.take()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await drained
    transport.take()
    assert transport.taken == b"head" + BODY
    assert unsent.total == 0


async def test_others_have_their_turn_while_a_client_takes_a_large_body_as_fast_as_it_is_written() -> None:
    writer = ResponseWriter(WriteBatcher(), UnsentBytes(100_000_000), lambda: None)
    transport = Transport(writer)
    transport.write = transport.taken.extend  # type: ignore[assignment, method-assign]
    writer.write((b"head", BODY))
    drained = asyncio.create_task(writer.drain())
    taken = len(transport.taken)
    while not drained.done():
        await asyncio.sleep(0)
        assert len(transport.taken) - taken <= 1_100_000
        taken = len(transport.taken)
    assert transport.taken == b"head" + BODY


async def test_a_client_that_is_shed_or_leaves_frees_what_waits() -> None:
    for is_shed in (True, False):
        unsent = UnsentBytes(100_000_000)
        shed: list[str] = []
        writer = ResponseWriter(WriteBatcher(), unsent, lambda shed=shed: shed.append("shed"))  # type: ignore[misc]
        transport = Transport(writer)
        writer.write((b"head", BODY))
        drained = asyncio.create_task(writer.drain())
        await asyncio.sleep(0)
        assert unsent.total == len(BODY) + 4
        if is_shed:
            writer.shed()
            assert transport.aborted
            assert shed == ["shed"]
        writer.connection_lost()
        await drained
        assert unsent.total == writer.unsent_bytes() == 0


class Doubled:
    """Encodes a body as each of its bytes twice."""

    held_bytes = 1000

    def __init__(self) -> None:
        self.may_go_on = asyncio.Event()

    async def encode(self, piece: memoryview, *, is_last: bool) -> bytes:
        await self.may_go_on.wait()
        return b"" if is_last else bytes(piece) * 2


async def test_an_encoded_body_is_encoded_as_the_client_takes_it() -> None:
    unsent = UnsentBytes(100_000_000)
    writer = ResponseWriter(WriteBatcher(), unsent, lambda: None)
    transport = Transport(writer)
    encoder = Doubled()
    writer.write((b"head", BODY), encoder, chunked=True)
    drained = asyncio.create_task(writer.drain())
    await asyncio.sleep(0)
    writer.check()
    assert unsent.total == len(BODY) + 4 + 1000
    encoder.may_go_on.set()
    while not writer.is_drained:
        assert len(transport.held) <= 600_000
        assert unsent.total == writer.unsent_bytes()
        transport.take()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await drained
    transport.take()
    size = 262_144
    chunks = [BODY[start : start + size] * 2 for start in range(0, len(BODY) - size, size)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    assert transport.taken == b"head" + framed + b"0\r\n\r\n"
    assert unsent.total == 0


async def test_a_client_that_leaves_while_its_body_is_encoded_frees_it() -> None:
    unsent = UnsentBytes(100_000_000)
    writer = ResponseWriter(WriteBatcher(), unsent, lambda: None)
    transport = Transport(writer)
    encoder = Doubled()
    writer.write((b"head", BODY), encoder)
    drained = asyncio.create_task(writer.drain())
    await asyncio.sleep(0)
    transport.abort()
    writer.connection_lost()
    encoder.may_go_on.set()
    await drained
    assert transport.held == b"head"
    assert unsent.total == writer.unsent_bytes() == 0


async def test_little_that_waits_is_counted_when_it_is_checked() -> None:
    unsent = UnsentBytes(100_000_000)
    writer = ResponseWriter(WriteBatcher(), unsent, lambda: None)
    transport = Transport(writer)
    writer.write((b"x" * 50_000,))
    assert writer.is_drained
    writer.check()
    assert unsent.total == 50_000
    transport.take()
    assert unsent.total == 0
