"""What is not passed on: other versions, other methods, who says to be somebody else, and what is too much."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub
from hypothesis import given
from hypothesis import strategies as st

from proxy.grpc_passthrough.identity import Malformed, with_client_identity
from proxy.grpc_passthrough.methods import KNOWN, IdentityFields
from tests.support.client import until
from tests.support.grpc_node import GET_LEDGER, Context, GrpcNode, Started, streaming, unary

UNREAD = (
    ("grpc.http2.bdp_probe", 0),  # a window of 64 kB, however much comes
    ("grpc.max_receive_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),
)
GET_LEDGER_FIELDS = KNOWN["GetLedger"]


def request_class(fields: IdentityFields) -> type[Message]:
    """A message with those two fields, as protobuf's own library reads it."""
    file = descriptor_pb2.FileDescriptorProto(name="r.proto", package="r", syntax="proto3")
    message = file.message_type.add(name="Request")
    for name, number in (("client_ip", fields.client_ip), ("user", fields.user)):
        if number is not None:
            message.field.add(name=name, number=number, type=9, label=1)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("r.Request"))


Request = request_class(GET_LEDGER_FIELDS)


async def refusal(call: "grpc.aio.UnaryUnaryCall[bytes, bytes]") -> tuple[grpc.StatusCode, str | None]:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return raised.value.code(), raised.value.details()


@pytest.mark.parametrize(("package", "asked"), [("v2", 2), ("v99", 99)])
async def test_another_versions_package_is_refused_in_xls_22s_words(
    node: GrpcNode, served: Started, package: str, asked: int
) -> None:
    _, channel = await served(node)
    code, details = await refusal(unary(channel, GET_LEDGER.replace("v1", package))(b""))
    assert code is grpc.StatusCode.UNIMPLEMENTED
    assert details == f"Unsupported API version {asked}: this server supports API versions 1 to 1."
    assert node.called == []


async def test_another_version_passes_where_the_configuration_says_so(node: GrpcNode, served: Started) -> None:
    _, channel = await served(node, grpc={"versions": {"min": 1, "max": 2}})
    await unary(channel, GET_LEDGER.replace("v1", "v2"))(b"")
    assert node.called[0][0] == "/org.xrpl.rpc.v2.XRPLedgerAPIService/GetLedger"


@pytest.mark.parametrize(
    "path",
    [
        "/org.xrpl.rpc.v1.XRPLedgerAPIService/Stop",
        "/org.xrpl.rpc.v1.Admin/GetLedger",
        "/org.xrpl.rpc.v01.XRPLedgerAPIService/GetLedger",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/",
    ],
)
async def test_what_is_not_known_is_not_passed_on(node: GrpcNode, served: Started, path: str) -> None:
    _, channel = await served(node)
    code, details = await refusal(unary(channel, path)(b""))
    assert code is grpc.StatusCode.UNIMPLEMENTED
    assert details
    assert "XRPLedgerAPIService" in details or "offers GetLedger, GetLedgerData" in details
    assert node.called == []


async def test_a_method_that_is_configured_passes_as_it_is(node: GrpcNode, served: Started) -> None:
    _, channel = await served(node, grpc={"methods": ["Other"]})
    await unary(channel, "/org.xrpl.rpc.v1.XRPLedgerAPIService/Other")(b"not protobuf")
    assert node.messages == [b"not protobuf"]


async def test_a_client_is_identified(node: GrpcNode, served: Started) -> None:
    _, channel = await served(node)
    spoofed = Request(client_ip="10.0.0.1", user="admin").SerializeToString()
    await unary(channel)(b"\x10\x01" + spoofed + spoofed)
    got = Request.FromString(node.messages[0])
    assert (got.client_ip, got.user) == ("ipv4:127.0.0.1:0", "")  # type: ignore[attr-defined]
    assert node.messages[0].startswith(b"\x10\x01")


async def test_behind_a_trusted_proxy_a_client_is_the_forwarded_one(node: GrpcNode, served: Started) -> None:
    _, channel = await served(node, guard={"trusted_proxies": ["127.0.0.1/32"]})
    await unary(channel)(b"", metadata=(("x-forwarded-for", "10.0.0.1, 2001:db8::7"),))
    assert Request.FromString(node.messages[0]).client_ip == "ipv6:[2001:db8::7]:0"  # type: ignore[attr-defined]
    assert ("x-forwarded-for", "2001:db8::7") in node.called[0][1]


async def test_a_message_that_would_swallow_what_is_appended_is_refused(node: GrpcNode, served: Started) -> None:
    _, channel = await served(node)
    admin = Request(user="admin").SerializeToString()
    appended = len(with_client_identity(b"", GET_LEDGER_FIELDS, "127.0.0.1"))
    code, details = await refusal(unary(channel)(admin + bytes([15 << 3 | 2, appended])))
    assert (code, details) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "The request is not valid protobuf: truncated.",
    )
    assert node.messages == []


PIECES = st.lists(
    st.one_of(
        st.binary(max_size=12),
        st.builds(lambda text: Request(user=text).SerializeToString(), st.text(max_size=5)),
        st.builds(lambda text: Request(client_ip=text).SerializeToString(), st.text(max_size=5)),
        st.builds(lambda high: bytes([0x32 | 0x80, 0x80, 0x80, 0x80, high, 3]) + b"abc", st.integers(0, 127)),
        st.builds(lambda number, size: bytes([number << 3 | 2, size]), st.integers(1, 15), st.integers(0, 40)),
    ),
    max_size=6,
).map(b"".join)


@given(message=PIECES, client=st.sampled_from(["192.0.2.1", "2001:db8::1"]))
def test_whatever_a_client_writes_a_node_reads_the_true_address_and_no_user(message: bytes, client: str) -> None:
    try:
        passed = with_client_identity(message, GET_LEDGER_FIELDS, client)
    except Malformed:
        return
    try:
        read = Request.FromString(passed)
    except DecodeError:
        return  # which the node refuses
    assert read.user == ""  # type: ignore[attr-defined]
    assert client in read.client_ip  # type: ignore[attr-defined]


async def test_a_message_larger_than_allowed_is_refused(node: GrpcNode, served: Started) -> None:
    _, channel = await served(node, grpc={"request_bytes": 1000, "answer_bytes": 5000})
    code, _ = await refusal(unary(channel)(b"\x0a\x87\x08" + bytes(1031)))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert node.messages == []

    async def large(requests: AsyncIterator[bytes], context: Context) -> None:
        await context.write(bytes(5001))

    node.behaves = large
    code, _ = await refusal(unary(channel)(b""))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_requests_a_second_are_limited(node: GrpcNode, served: Started) -> None:
    _, channel = await served(
        node, limits={"requests_per_second": 1, "burst_seconds": 2, "exempt": []}, cors={"origins": []}
    )
    call = unary(channel)
    await call(b"")
    await call(b"")
    assert await refusal(call(b"")) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "Server is overloaded")


@pytest.mark.parametrize("limits", [{"limits": {"in_flight_per_address": 1, "exempt": []}}, {"grpc": {"in_flight": 1}}])
async def test_calls_in_flight_are_limited(node: GrpcNode, served: Started, limits: dict[str, dict[str, int]]) -> None:
    release = asyncio.Event()

    async def wait(requests: AsyncIterator[bytes], context: Context) -> None:
        await context.write(b"first")
        await release.wait()

    node.behaves = wait
    _, channel = await served(node, **limits)
    first = streaming(channel)(b"")
    assert await first.read() == b"first"
    assert (await refusal(unary(channel)(b"")))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
    release.set()
    assert await first.read() == grpc.aio.EOF
    assert await unary(channel)(b"") == b"first"


async def test_connections_are_limited(node: GrpcNode, served: Started) -> None:
    proxy, channel = await served(node, limits={"connections": 1})
    await unary(channel)(b"")
    options = (("grpc.use_local_subchannel_pool", 1),)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{proxy.grpc_ports[0]}", options=options) as another:
        assert (await refusal(unary(another)(b"", timeout=5)))[0] is grpc.StatusCode.UNAVAILABLE
    await unary(channel)(b"")


def test_a_request_of_many_fields_is_refused_early() -> None:
    """Each field is looked at in Python; 1 MB of the smallest is 1 kB compressed."""
    fields = b"\x78\x01"
    with pytest.raises(Malformed, match="more than 1000 fields"):
        with_client_identity(fields * 499_000, GET_LEDGER_FIELDS, "192.0.2.1")
    assert with_client_identity(fields * 1000, GET_LEDGER_FIELDS, "192.0.2.1").startswith(fields * 1000)


async def test_health_checks_are_charged(node: GrpcNode, served: Started) -> None:
    _, channel = await served(node, limits={"requests_per_second": 1, "burst_seconds": 2, "exempt": []})
    health: Any = HealthStub(channel)
    for _ in range(2):
        await health.Check(HealthCheckRequest(), timeout=5)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await health.Check(HealthCheckRequest(), timeout=5)
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    watching = health.Watch(HealthCheckRequest(), timeout=5)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await anext(aiter(watching))
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_calls_that_do_not_read_share_the_bound_of_unsent_bytes(node: GrpcNode, served: Started) -> None:
    """Four calls do not read messages of 8 MB, of which about two fit; a client that reads gets its own."""
    size, ended = 8_000_000, 0

    async def large(requests: AsyncIterator[bytes], context: Context) -> None:
        nonlocal ended
        try:
            for _ in range(3):
                await context.write(b"x" * size)
        finally:
            ended += 1

    node.behaves = large
    proxy, channel = await served(node, limits={"unsent_bytes": 2 * size + 1}, grpc={"in_flight": 100})
    stalled = [grpc.aio.insecure_channel(f"127.0.0.1:{proxy.grpc_ports[0]}", options=UNREAD) for _ in range(4)]
    calls = [streaming(each)(b"") for each in stalled]
    try:
        await until(lambda: ended >= 2)
        received = [len(message) async for message in streaming(channel)(b"")]
        assert received == [size] * 3
    finally:
        for call in calls:
            call.cancel()
        for each in stalled:
            await each.close()


async def test_what_the_library_leaves_of_large_messages_is_collected_in_time(
    node: GrpcNode, served: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it a call holds its message of 1 MB until 50,000 objects have been created."""
    collected: list[int] = []
    monkeypatch.setattr("proxy.grpc_passthrough.garbage._COLLECTED_BYTES", 2_000_000)
    monkeypatch.setattr("proxy.grpc_passthrough.garbage.gc.collect", collected.append)
    _, channel = await served(node)
    size = 950_000
    request = bytes([0x12, size & 127 | 128, size >> 7 & 127 | 128, size >> 14]) + b"x" * size
    for _ in range(12):
        await unary(channel, GET_LEDGER)(request)
    assert collected[:4] == [0, 0, 0, 1]
