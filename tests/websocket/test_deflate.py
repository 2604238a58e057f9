"""Messages compressed one by one, and with context once there are many."""

import zlib

import pytest

from proxy.http.websocket_handshake import Compression
from proxy.websocket.deflate import Deflate

MESSAGE = b'{"type":"ledgerClosed","ledger_index":12345678,"ledger_hash":"E6DB7365949BF9814D76BCC730B01818EB9136A8"}'


def compressed(deflate: Deflate, count: int) -> list[bytes]:
    payloads = []
    for _ in range(count):
        deflate.count()
        payloads.append(deflate.compress(MESSAGE))
    return payloads


async def test_many_messages_are_compressed_with_the_context_of_earlier_ones() -> None:
    payloads = compressed(Deflate(Compression(15)), 200)
    assert len({len(payload) for payload in payloads[:100]}) == 1
    assert len(payloads[-1]) * 4 < len(payloads[0])
    reading = zlib.decompressobj(-15)
    assert {reading.decompress(payload + b"\x00\x00\xff\xff") for payload in payloads} == {MESSAGE}


@pytest.mark.parametrize("bits", [9, 15])
async def test_a_client_without_context(bits: int) -> None:
    payloads = compressed(Deflate(Compression(bits, alone=True)), 200)
    assert {zlib.decompressobj(-bits).decompress(payload) for payload in payloads} == {MESSAGE}
