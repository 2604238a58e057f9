"""The demo node as a service: `python demo_node.py 2` serves API version 2 until SIGTERM."""

import asyncio
import signal
import sys

from proxy.demo import DemoNode


async def serve(api_version: int, host: str, http_port: int, websocket_port: int) -> None:
    """Answer until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with DemoNode(api_version, host=host, http_port=http_port, websocket_port=websocket_port):
        await stop.wait()


if __name__ == "__main__":
    # On the ports that a rippled has by default; in a container they are reached from its network only.
    asyncio.run(serve(int(sys.argv[1]), "0.0.0.0", 5005, 6006))  # noqa: S104
