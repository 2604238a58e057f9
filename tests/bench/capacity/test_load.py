"""A small load through the proxy and the plain one, for real: everything is answered, and everyone is pushed to."""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from bench.capacity.frames import text_frame
from bench.capacity.load import Clients, Seen, Session
from bench.capacity.mix import KINDS, arrivals
from bench.python import Python
from bench.servers import free_port, our_proxy, plain_python, process

PYTHON = Python(sys.executable, "", "")
CORES = "0-1023"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("subject", ["this proxy", "plain aiohttp"])
async def test_all_requests_are_answered_and_all_subscribers_pushed_to(subject: str, tmp_path: Path) -> None:
    port = free_port()
    urls = {"http": f"http://127.0.0.1:{port}/", "websocket": f"ws://127.0.0.1:{port}/", "api_version": 2}
    with process([sys.executable, "-m", "bench.capacity.node", str(port)], port, CORES):
        starting = (
            plain_python(port, cores=CORES) if subject == "plain aiohttp" else our_proxy(tmp_path, urls, cores=CORES)
        )
        with starting as proxy:
            clients = Clients(proxy.port, 8)
            try:
                await clients.open()
                requests = list(arrivals(60, 2, seed=1))
                await clients.send(requests)
            finally:
                clients.close()
    seen = clients.seen
    assert max(seen.latencies) < float("inf")
    assert len(seen.latencies) == len(requests)
    assert (seen.errors, seen.closed) == (0, 0)
    assert clients.pushed > 4 * 15
    assert seen.delays
    assert min(seen.delays) >= 0


async def test_what_the_server_ends_is_opened_again_and_a_lost_request_stays_unanswered() -> None:
    posted = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal posted
        with suppress(asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                if head.startswith(b"GET"):
                    writer.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
                    continue
                await reader.readexactly(int(head.partition(b"Content-Length: ")[2].partition(b"\r")[0]))
                posted += 1
                if posted == 1:
                    break
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    clients = Clients(server.sockets[0].getsockname()[1], 1)
    try:
        await clients.open()
        requests = [request for request in arrivals(200, 0.5, seed=3) if KINDS[request.kind].over_http]
        await clients.send(requests)
    finally:
        clients.close()
        server.close()
    unanswered = [latency for latency in clients.seen.latencies if latency == float("inf")]
    assert len(unanswered) == 1
    assert clients.seen.closed == 1


@pytest.mark.parametrize("samples", [False, True])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_responses_are_found_among_pushed_messages_in_any_pieces(samples: bool, size: int) -> None:
    answered: list[int] = []
    seen = Seen([])
    session = Session(1, seen, answered.append, samples=samples)
    pushed = text_frame(b'{"type":"ledgerClosed","sent":1}')
    of_this_length = text_frame(b"x" * (0x2300 - 10) + b',"sent":1}')  # a length with the byte of a number sign
    error = text_frame(b'{"id":"#0000000012","status":"error"}')
    frames = [pushed, text_frame(b'{"id":"#0000000003","result":{}}'), of_this_length, error, pushed]
    data = b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + b"".join(frames)
    for at in range(0, len(data), size):
        session.data_received(data[at : at + size])
    assert answered == [3, 12]
    if samples or size == 1000:  # otherwise an error has to arrive in one piece, as it does over loopback
        assert seen.errors == 1
    assert seen.pushed == (3 if samples else 0)
