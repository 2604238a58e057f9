"""Frames against RFC 6455 and RFC 7692: how each ends the connection."""

import asyncio
import struct
import zlib

import pytest
from structlog.testing import capture_logs

from tests.support.harness import Harness
from tests.support.raw_websocket import BINARY, CLOSE, PING, PONG, RawWebSocket, close_frame, frame
from tests.support.scripted_node import SECONDS, ScriptedSession

FEE = b'{"command":"fee","id":1}'
ACCENT = '{"command":"fee","id":"é"}'.encode()
LAST_BYTES = b"\x00\x00\xff\xff"


def deflated(text: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH)).removesuffix(LAST_BYTES)


def long_head(size: str, length: int) -> bytes:
    return bytes([0x81, 0xFE if size == "!H" else 0xFF]) + struct.pack(size, length) + b"\0" * 4


SERVED = {
    "text": frame(FEE),
    "binary": frame(FEE, BINARY),
    "fragments": frame(FEE[:5], fin=False) + frame(FEE[5:], 0),
    "a ping between fragments": frame(FEE[:5], fin=False) + frame(b"p", PING) + frame(FEE[5:], 0),
    "a pong that nobody asked for": frame(b"x", PONG) + frame(FEE),
    "a character in two fragments": frame(ACCENT[:24], fin=False) + frame(ACCENT[24:], 0),
}
CLOSED = {
    "not masked": (frame(FEE, masked=False), 1002),
    "RSV1 without an extension": (frame(FEE, rsv=4), 1002),
    "RSV2": (frame(FEE, rsv=2), 1002),
    "RSV3": (frame(FEE, rsv=1), 1002),
    **{f"opcode {opcode}": (frame(FEE, opcode), 1002) for opcode in (3, 7, 11, 15)},
    "a continuation of nothing": (frame(FEE, 0), 1002),
    "a text between fragments": (frame(FEE[:5], fin=False) + frame(FEE), 1002),
    "a ping in fragments": (frame(b"x", PING, fin=False), 1002),
    "a ping of 126 bytes": (frame(b"x" * 126, PING), 1002),
    "a close in fragments": (frame(b"", CLOSE, fin=False), 1002),
    "a close of one byte": (frame(b"x", CLOSE), 1002),
    "a length in two bytes": (long_head("!H", len(FEE)) + FEE, 1002),
    "a length in eight bytes": (long_head("!Q", len(FEE)) + FEE, 1002),
    "a length of 2^64": (long_head("!Q", 2**64 - 1), 1002),
    "a length of 2^40": (long_head("!Q", 2**40) + b"x" * 100, 1009),
    **{f"close {code}": (close_frame(code), 1002) for code in (999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535)},
    **{f"close {code}": (close_frame(code), code) for code in (1000, 1001, 1012, 3000, 4999)},
    "an empty close": (frame(b"", CLOSE), 1000),
    "a close between fragments": (frame(FEE[:5], fin=False) + close_frame(1000), 1000),
    "a close reason that is not UTF-8": (close_frame(1000, b"\xff"), 1007),
    "a text that is not UTF-8": (frame(b"\xff\xfe"), 1007),
    "a surrogate in UTF-8": (frame(b'{"command":"\xed\xa0\x80"}'), 1007),
    "half a character": (frame(ACCENT[:24]), 1007),
    "HTTP": (b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", 1002),
}
COMPRESSED = {
    "a compressed ping": (frame(b"x", PING, rsv=4), 1002),
    "RSV1 on a continuation": (frame(FEE[:5], fin=False) + frame(FEE[5:], 0, rsv=4), 1002),
    "no deflate": (frame(b"\xff\xff\xff\xff", rsv=4), 1002),
    "a compressed text that is not UTF-8": (frame(deflated(b"\xff"), rsv=4), 1007),
}


async def accept(session: ScriptedSession, asked: dict[str, object]) -> None:
    await session.respond(asked)


@pytest.mark.parametrize("frames", SERVED.values(), ids=SERVED)
async def test_allowed_frames_are_served(harness: Harness, frames: bytes) -> None:
    proxy = await harness.proxy(await harness.node(accept))
    async with asyncio.timeout(SECONDS), RawWebSocket(proxy.http_url) as client:
        await client.send(frames)
        while (received := await client.receive())[0] == PONG:
            pass
        assert b'"success"' in received[1]


@pytest.mark.parametrize(
    ("frames", "code", "extensions"),
    [
        *((frames, code, "") for frames, code in CLOSED.values()),
        *((frames, code, "permessage-deflate") for frames, code in COMPRESSED.values()),
    ],
    ids=[*CLOSED, *COMPRESSED],
)
async def test_frames_against_the_rfc_close_the_connection(
    harness: Harness, frames: bytes, code: int, extensions: str
) -> None:
    """Without a word in the log, and other sessions go on."""
    proxy = await harness.proxy(await harness.node(accept))
    other = await harness.client(proxy)
    async with asyncio.timeout(SECONDS), RawWebSocket(proxy.http_url, extensions) as client:
        with capture_logs() as logs:
            await client.send(frames)
            assert (await client.wait_closed())[0] == code
            await harness.wait_metric(1, proxy, "xrpl_proxy_sessions_open")
    assert not [entry for entry in logs if entry["log_level"] in ("error", "warning")]
    assert (await other.request({"command": "fee"}))["status"] == "success"


async def test_a_client_that_compresses_with_context_is_disconnected(harness: Harness) -> None:
    """The handshake demands `client_no_context_takeover`: a message that refers to an earlier one cannot be read."""
    proxy = await harness.proxy(await harness.node(accept))
    async with asyncio.timeout(SECONDS), RawWebSocket(proxy.http_url, "permessage-deflate") as client:
        packer = zlib.compressobj(wbits=-15)
        first, second = (packer.compress(FEE) + packer.flush(zlib.Z_SYNC_FLUSH) for _ in range(2))
        await client.send(frame(first.removesuffix(LAST_BYTES), rsv=4))
        assert (await client.receive())[0] != CLOSE
        await client.send(frame(second.removesuffix(LAST_BYTES), rsv=4))
        assert (await client.wait_closed())[0] == 1002


async def test_a_violation_after_good_messages_closes_the_connection(harness: Harness) -> None:
    proxy = await harness.proxy(await harness.node(accept))
    async with asyncio.timeout(SECONDS), RawWebSocket(proxy.http_url) as client:
        await client.send(frame(FEE))
        assert b'"success"' in (await client.receive())[1]
        await client.send(frame(FEE) + frame(FEE, masked=False) + frame(FEE))
        assert (await client.wait_closed())[0] == 1002
        assert await client.rest() == b""
