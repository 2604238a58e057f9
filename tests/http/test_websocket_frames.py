"""Frames of clients and servers, however they arrive."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.http.websocket_frames import (
    BINARY,
    CONTINUATION,
    TEXT,
    FrameError,
    FrameReader,
    read_close,
    read_masked_text_frame,
    read_text_frame,
    write_close,
    write_frame,
    write_masked_frame,
)
from tests.support.raw_websocket import CLOSE, PING, close_frame, frame

BAD = {
    "not masked": frame(b"{}", masked=False),
    "a length in two bytes that fits into one": b"\x81\xfe" + struct.pack("!H", 125) + b"\0" * 4 + b"x" * 125,
    "a length in eight bytes that fits into two": b"\x81\xff" + struct.pack("!Q", 65_535) + b"\0" * 4,
    "a length with its highest bit set": b"\x81\xff" + b"\xff" * 8 + b"\0" * 4,
    "a compressed ping": frame(b"x", PING, rsv=4),
    "a compressed close": frame(b"", CLOSE, rsv=4),
    **{
        f"close code {code}": close_frame(code)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535)
    },
    "a masked close code": b"\x88\x82\x01\x02\x03\x04" + bytes([(1006 >> 8) ^ 1, (1006 & 255) ^ 2]),
}  # fmt: skip


PAYLOADS = st.binary(max_size=300) | st.integers(0, 140_000).map(lambda size: b"x" * size)
SIZES = st.lists(st.integers(1, 400), max_size=50)


def read_all(reader: FrameReader, data: bytes, sizes: list[int]) -> list[tuple[int, bytes]]:
    """The messages of `data`, which arrives in pieces of these sizes and the rest together, and control frames."""
    found = []
    for size in (*sizes, len(data)):
        reader.feed(data[:size])
        data = data[size:]
        while (read := reader.next()) is not None:
            if read[0] != CONTINUATION:
                found.append(read)
    return found


def read_closes(messages: list[tuple[int, bytes]]) -> None:
    for opcode, payload in messages:
        if opcode == CLOSE:
            read_close(payload)


@pytest.mark.parametrize("is_masked", [False, True])
@given(payloads=st.lists(PAYLOADS, max_size=4), sizes=SIZES)
def test_what_is_written_is_read(is_masked: bool, payloads: list[bytes], sizes: list[int]) -> None:
    reader = FrameReader(masked=is_masked, max_size=200_000)
    write = write_masked_frame if is_masked else write_frame
    data = b"".join(write(payload, BINARY) + write(b"ping", PING) for payload in payloads)
    assert read_all(reader, data, sizes) == [each for one in payloads for each in ((BINARY, one), (PING, b"ping"))]
    assert reader.read_text(write(b"{}")) == b"{}"


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=6), SIZES)
def test_fragments_are_one_message(parts: list[bytes], sizes: list[int]) -> None:
    *first, last = parts
    data = b"".join(frame(part, 0 if number else TEXT, fin=False) for number, part in enumerate(first))
    data += frame(last, 0 if first else TEXT)
    assert read_all(FrameReader(masked=True, max_size=1_000), data, sizes) == [(TEXT, b"".join(parts))]


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=5), SIZES)
def test_compressed_messages(payloads: list[bytes], sizes: list[int]) -> None:
    """Each is compressed by itself."""
    data = b""
    for payload in payloads:
        packer = zlib.compressobj(wbits=-15)
        packed = packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH)
        data += frame(packed.removesuffix(b"\x00\x00\xff\xff"), rsv=4)
    reader = FrameReader(masked=True, max_size=1_000, compressed=True)
    assert read_all(reader, data, sizes) == [(TEXT, payload) for payload in payloads]


def test_a_stream_that_its_sender_has_ended() -> None:
    """RFC 7692, 7.2.3.4: the last block of a message may be marked as the last of its stream."""
    reader = FrameReader(masked=True, max_size=1_000, compressed=True)
    for _ in range(2):
        packer = zlib.compressobj(wbits=-15)
        data = frame(packer.compress(b"{}") + packer.flush(zlib.Z_FINISH) + b"\0", rsv=4)
        assert read_all(reader, data, []) == [(TEXT, b"{}")]


@pytest.mark.parametrize("is_compressed", [False, True])
@pytest.mark.parametrize("in_fragments", [False, True])
def test_a_message_that_is_too_large(is_compressed: bool, in_fragments: bool) -> None:
    payload = b"x" * 1_001
    if is_compressed:
        packer = zlib.compressobj(wbits=-15)
        payload = packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH)
    cut, rsv = len(payload) // 2 if in_fragments else len(payload), 4 * is_compressed
    data = frame(payload[:cut], fin=not in_fragments, rsv=rsv) + (frame(payload[cut:], 0) if in_fragments else b"")
    reader = FrameReader(masked=True, max_size=1_000, compressed=True)
    with pytest.raises(FrameError) as raised:
        read_all(reader, data, [])
    assert raised.value.code == 1009


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@given(sizes=SIZES)
def test_violations(bad: bytes, sizes: list[int]) -> None:
    reader = FrameReader(masked=True, max_size=100_000, compressed=True)
    with pytest.raises(FrameError) as raised:
        read_closes(read_all(reader, frame(b"{}") + bad, sizes))
    assert raised.value.code == 1002


def test_a_server_does_not_mask() -> None:
    with pytest.raises(FrameError):
        read_all(FrameReader(masked=False, max_size=100), frame(b"{}"), [])


@given(PAYLOADS)
def test_a_read_that_is_one_whole_message(payload: bytes) -> None:
    whole = payload if len(payload) < 65_536 else None
    written, masked = write_frame(payload), write_masked_frame(payload)
    assert read_text_frame(written) == read_masked_text_frame(masked) == whole
    assert read_text_frame(masked) is read_masked_text_frame(written) is None
    for more in (written + b"\x81", written[:-1], masked + b"\x81", masked[:-1], b"\x82" + written[1:]):
        assert read_text_frame(more) is read_masked_text_frame(more) is None


@pytest.mark.parametrize(
    "bad", [b"\x81\xfe" + struct.pack("!H", 5) + b"\0" * 4 + b"x" * 5, b"\x81", b"", b"\x01\x80\0\0\0\0"]
)
def test_other_reads_are_not_taken_for_one(bad: bytes) -> None:
    assert read_text_frame(bad) is read_masked_text_frame(bad) is None


def test_close_frames() -> None:
    assert read_close(write_close(1000, b"why")) == (1000, "why")
    assert read_close(write_close(1005)) == (1005, "")
    assert len(write_close(1008, b"x" * 200)) == 125
