"""The demo node as a service of its own: `python demo_node.py 2` speaks API version 2, until it is told to stop."""

import asyncio
import signal
import sys

from proxy.demo import DemoNode


async def serve(api_version: int, host: str = "0.0.0.0", http_port: int = 5005, websocket_port: int = 6006) -> None:
    """Answer on the ports that a rippled has by default, until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with DemoNode(api_version, host=host, http_port=http_port, websocket_port=websocket_port):
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
