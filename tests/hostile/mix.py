"""All attacks together, while a well-behaved client counts what it loses and how long it waits."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from tests.support.processes import ProxyProcesses

_ROOT = Path(__file__).parents[2]
_PER_SECOND = 25.0
_BYSTANDER = ("127.0.0.99", 0)
_SETTLING = 15.0
P99_SECONDS = 0.1
LEFT_KILOBYTES = 20_000


@dataclass
class Outcome:
    """What the bystander saw: seconds of each response, what failed; and the proxy's memory in kB."""

    seconds: list[float] = field(default_factory=list)
    at_node: list[float] = field(default_factory=list)
    """The same of requests made to the node directly: what neither the proxy nor its clients can do anything about."""
    failures: list[str] = field(default_factory=list)
    before: int = 0
    most: int = 0
    after: int = 0

    def quantile(self, share: float) -> float:
        """Seconds within which this share of the responses came."""
        return _quantile(self.seconds, share)

    def report(self) -> str:
        """The figures on one line."""
        return (
            f"{len(self.seconds)} responses, {len(self.failures)} failures, p50 {self.quantile(0.5) * 1000:.0f} ms, "
            f"p99 {self.quantile(0.99) * 1000:.0f} ms, longest {max(self.seconds) * 1000:.0f} ms (of the node itself: "
            f"p99 {_quantile(self.at_node, 0.99) * 1000:.0f} ms, longest {max(self.at_node) * 1000:.0f} ms); memory "
            f"{self.before // 1000} MB before, {self.most // 1000} at most, {self.after // 1000} after"
        )


def _quantile(seconds: list[float], share: float) -> float:
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * share))]


async def run(seconds: float, workers: int) -> Outcome:
    """Attack a proxy of so many `workers` for `seconds`, with default limits (loopback is not exempt)."""
    node = await _started("tests.hostile.node", stdout=True)
    assert node.stdout is not None
    port = int(await node.stdout.readline())
    url = f"127.0.0.1:{port}"
    sections = {
        "nodes": [{"name": "node", "http": f"http://{url}", "websocket": f"ws://{url}", "api_version": 1}],
        "observe": {"host": "127.0.0.1", "port": 0},
        "limits": {"exempt": []},
    }
    proxy = ProxyProcesses(sections, workers)
    await proxy.start()
    outcome = Outcome()
    try:
        await _ask_for(proxy.http_url, f"http://{url}", 3, outcome)  # what is built once is there from now on
        outcome.before = proxy.kilobytes()
        outcome.seconds.clear()
        outcome.at_node.clear()
        attackers = await _started("tests.hostile", "attack", str(urlsplit(proxy.http_url).port))
        watching = asyncio.create_task(_watch(proxy, outcome))
        await _ask_for(proxy.http_url, f"http://{url}", seconds, outcome)
        watching.cancel()
        attackers.kill()
        await attackers.wait()
        await asyncio.sleep(_SETTLING)
        outcome.after = proxy.kilobytes()
    finally:
        await proxy.stop()
        node.kill()
        await node.wait()
    return outcome


async def _started(module: str, *arguments: str, stdout: bool = False) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        cwd=_ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE if stdout else None,
    )


async def _watch(proxy: ProxyProcesses, outcome: Outcome) -> None:
    while True:
        outcome.most = max(outcome.most, proxy.kilobytes())
        await asyncio.sleep(0.25)


async def _ask_for(url: str, node: str, seconds: float, outcome: Outcome) -> None:
    connector = aiohttp.TCPConnector(local_addr=_BYSTANDER)
    timeout = aiohttp.ClientTimeout(total=10)
    async with (
        aiohttp.ClientSession(connector=connector, timeout=timeout) as client,
        client.ws_connect(url) as websocket,
    ):

        async def over_http() -> str:
            async with client.post(url, json={"method": "fee", "params": [{"api_version": 2}]}) as response:
                return f"HTTP {response.status}" if response.status != 200 else ""

        async def over_websocket() -> str:
            await websocket.send_json({"command": "fee", "api_version": 2})
            message = await websocket.receive_json(timeout=10)
            return "" if message["status"] == "success" else str(message)

        async def at_node() -> str:
            async with client.post(node, json={"method": "fee", "params": [{}]}) as response:
                return f"the node: HTTP {response.status}" if response.status != 200 else ""

        await asyncio.gather(
            _repeat(over_http, seconds, outcome.seconds, outcome.failures),
            _repeat(over_websocket, seconds, outcome.seconds, outcome.failures),
            _repeat(at_node, seconds, outcome.at_node, outcome.failures),
        )


async def _repeat(
    request: Callable[[], Awaitable[str]], seconds: float, taken: list[float], failures: list[str]
) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while (began := loop.time()) < end:
        try:
            failure = await request()
        except (aiohttp.ClientError, TimeoutError, TypeError) as error:  # TypeError: the session was closed
            failure = repr(error)
        if failure:
            failures.append(failure)
        taken.append(loop.time() - began)
        await asyncio.sleep(max(0.0, began + 1 / _PER_SECOND - loop.time()))
