"""A small load through the proxy and the plain one, for real: everything is answered, and everyone is pushed to."""

import sys
from pathlib import Path

import pytest

from bench.capacity.load import Clients
from bench.capacity.mix import arrivals
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
                requests = list(arrivals(30, 4, seed=1))
                await clients.send(requests)
            finally:
                clients.close()
    seen = clients.seen
    assert max(seen.latencies) < float("inf")
    assert len(seen.latencies) == len(requests)
    assert (seen.errors, seen.closed) == (0, 0)
    assert seen.pushed > 4 * 80
    assert seen.delays
    assert min(seen.delays) >= 0
