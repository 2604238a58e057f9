"""Frames of the load and its node, next to aiohttp's."""

import os

import pytest

from bench.capacity.frames import PING, TEXT, Frame, next_frame, text_frame, unmasked


@pytest.mark.parametrize("length", [0, 5, 125, 126, 65535, 65536, 200_000])
@pytest.mark.parametrize("client", [False, True])
def test_a_message_is_read_as_it_was_written(length: int, client: bool) -> None:
    payload = os.urandom(length)
    data = b"before" + text_frame(payload, client=client) + b"\x81"
    frame = next_frame(data, 6)
    assert frame is not None
    assert (frame.opcode, frame.end) == (TEXT, len(data) - 1)
    assert unmasked(data, frame) == payload


def test_a_frame_that_is_not_whole_waits() -> None:
    data = text_frame(b"x" * 70_000)
    for size in (0, 1, 2, 5, 9, 10, len(data) - 1):
        assert next_frame(data[:size], 0) is None


def test_a_masked_payload_is_unmasked() -> None:
    # The example of RFC 6455, section 5.7.
    data = bytes.fromhex("818537fa213d7f9f4d5158")
    frame = next_frame(data, 0)
    assert frame is not None
    assert unmasked(data, frame) == b"Hello"


def test_control_frames_are_recognised() -> None:
    assert next_frame(b"\x89\x00", 0) == Frame(PING, 2, 2, b"")
