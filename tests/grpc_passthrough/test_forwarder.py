"""Calls pass as they are, in both directions, whatever their kind."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest

from tests.support.grpc_node import GET_LEDGER, Context, GrpcNode, Started, both_ways, streaming, unary

STATUS_DETAILS = b"\x08\x05\x12\x02no"


async def failure_of(call: "grpc.aio.UnaryUnaryCall[bytes, bytes]") -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return raised.value


async def test_a_unary_call_passes(node: GrpcNode, served: Started) -> None:
    _, channel = await served(node)
    answer = await unary(channel)(b"\x10\x01")
    assert answer == b"\x0a\x06ledger"
    assert node.called[0][0] == GET_LEDGER
    assert node.messages[0].startswith(b"\x10\x01")


async def test_a_stream_of_answers_passes_in_its_order_and_empty_ones_too(node: GrpcNode, served: Started) -> None:
    sent = [b"%d" % number for number in range(200)] + [b"", b"x" * 3_000_000]

    async def stream(requests: AsyncIterator[bytes], context: Context) -> None:
        for message in sent:
            await context.write(message)

    node.behaves = stream
    _, channel = await served(node)
    got = [message async for message in streaming(channel)(b"")]
    assert got == sent


async def test_streams_pass_in_both_directions_concurrently(node: GrpcNode, served: Started) -> None:
    async def echo(requests: AsyncIterator[bytes], context: Context) -> None:
        async for message in requests:
            await context.write(message)

    node.behaves = echo
    _, channel = await served(node, grpc={"methods": ["Other"]})
    call = both_ways(channel)
    for number in range(5):
        await call.write(bytes([16, number]))
        answer = await call.read()
        assert isinstance(answer, bytes)
        assert answer == bytes([16, number])
    await call.done_writing()
    assert await call.read() == grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK


async def test_a_node_may_end_a_stream_before_its_client(node: GrpcNode, served: Started) -> None:
    async def first_only(requests: AsyncIterator[bytes], context: Context) -> None:
        async for _ in requests:
            await context.abort(grpc.StatusCode.OUT_OF_RANGE, "enough")

    node.behaves = first_only
    _, channel = await served(node, grpc={"methods": ["Other"]})
    call = both_ways(channel)
    await call.write(b"\x10\x01")
    assert await call.code() is grpc.StatusCode.OUT_OF_RANGE
    assert await call.details() == "enough"


async def test_metadata_and_trailers_pass_except_what_is_a_neighbours(node: GrpcNode, served: Started) -> None:
    async def tell(requests: AsyncIterator[bytes], context: Context) -> None:
        await context.send_initial_metadata((("initial", "1"), ("initial-bin", b"\x00\xff"), ("initial", "2")))
        await context.write(b"")
        context.set_trailing_metadata((("trailing", "3"), ("trailing-bin", b"\x01")))

    node.behaves = tell
    _, channel = await served(node)
    passed_on = (("authorization", "Bearer x"), ("key-bin", b"\x00\x01"), ("twice", "1"), ("twice", "2"))
    reported = (("x-user", "admin"), ("x-forwarded-for", "10.9.8.7"), ("forwarded", "for=10.9.8.7"))
    call = unary(channel)(b"", metadata=(*passed_on, *reported))
    await call
    assert tuple(await call.initial_metadata()) == (("initial", "1"), ("initial", "2"), ("initial-bin", b"\x00\xff"))
    assert tuple(await call.trailing_metadata()) == (("trailing", "3"), ("trailing-bin", b"\x01"))
    _, got = node.called[0]
    passed = sorted(pair for pair in got if pair[0] != "user-agent")
    assert passed == sorted([*passed_on, ("x-forwarded-for", "127.0.0.1")])


async def test_a_status_passes_with_its_details_and_trailers(node: GrpcNode, served: Started) -> None:
    async def fail(requests: AsyncIterator[bytes], context: Context) -> None:
        trailers = (("why", "gone"), ("grpc-status-details-bin", STATUS_DETAILS))
        await context.abort(grpc.StatusCode.NOT_FOUND, "ledger not found: ünknown", trailers)

    node.behaves = fail
    _, channel = await served(node)
    error = await failure_of(unary(channel)(b""))
    assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, "ledger not found: ünknown")
    assert ("why", "gone") in tuple(error.trailing_metadata())
    assert ("grpc-status-details-bin", STATUS_DETAILS) in tuple(error.trailing_metadata())


async def test_a_nodes_own_unavailable_keeps_its_words(node: GrpcNode, served: Started) -> None:
    async def fail(requests: AsyncIterator[bytes], context: Context) -> None:
        await context.abort(grpc.StatusCode.UNAVAILABLE, "syncing")

    node.behaves = fail
    _, channel = await served(node)
    error = await failure_of(unary(channel)(b""))
    assert (error.code(), error.details()) == (grpc.StatusCode.UNAVAILABLE, "syncing")


async def test_the_node_has_the_clients_deadline(node: GrpcNode, served: Started) -> None:
    left: list[float] = []

    async def tell(requests: AsyncIterator[bytes], context: Context) -> None:
        left.append(context.time_remaining())
        await context.write(b"")

    node.behaves = tell
    _, channel = await served(node, grpc={"timeout": 20})
    await unary(channel)(b"", timeout=7)
    await unary(channel)(b"", timeout=700)
    await unary(channel)(b"")
    assert 6 < left[0] <= 7.1
    assert 19 < left[1] <= 20.1
    assert 19 < left[2] <= 20.1


async def test_a_call_ends_at_the_clients_deadline_and_at_ours(node: GrpcNode, served: Started) -> None:
    node.behaves = hang
    _, channel = await served(node, grpc={"timeout": 0.3})
    error = await failure_of(unary(channel)(b"", timeout=0.1))
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    error = await failure_of(unary(channel)(b"", timeout=30))
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_client_that_cancels_ends_the_nodes_call_too(node: GrpcNode, served: Started) -> None:
    async def begin(requests: AsyncIterator[bytes], context: Context) -> None:
        await context.write(b"first")
        await asyncio.Event().wait()

    node.behaves = begin
    _, channel = await served(node)
    call = streaming(channel)(b"")
    assert await call.read() == b"first"
    assert not node.ended.is_set()
    call.cancel()
    async with asyncio.timeout(5):
        await node.ended.wait()


async def hang(requests: AsyncIterator[bytes], context: Context) -> None:
    await asyncio.Event().wait()
