"""A plain proxy that rewrites: aiohttp's server and client, orjson. `python -m bench.rivals.plain NODE PORT`.

Over WebSocket each client has a connection to the node, and each message is rewritten for each.
"""

import asyncio
import sys

import aiohttp
import orjson
import uvloop
from aiohttp import web

from bench.rivals.rewriting import downgrade, downgrade_pushed


async def serve(node: str, port: int) -> None:
    """Serves until it is killed."""
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def answer(request: web.Request) -> web.Response:
        asked = orjson.loads(await request.read())
        params = asked["params"][0]
        version = params.get("api_version", 1)
        params["api_version"] = 2
        async with session.post(f"http://{node}/", data=orjson.dumps(asked)) as response:
            body = await response.read()
        if version == 1:
            reported = orjson.loads(body)
            downgrade(reported["result"])
            body = orjson.dumps(reported)
        return web.Response(body=body, content_type="application/json")

    async def converse(request: web.Request) -> web.WebSocketResponse:
        client = web.WebSocketResponse(compress=False, decode_text=False)
        await client.prepare(request)
        version = 1
        async with session.ws_connect(f"ws://{node}/", decode_text=False, max_msg_size=0) as node_side:

            async def give_on() -> None:
                async for message in node_side:
                    body: bytes = message.data
                    if version == 1:
                        reported = orjson.loads(body)
                        downgrade(reported["result"]) if "result" in reported else downgrade_pushed(reported)
                        body = orjson.dumps(reported)
                    await client.send_frame(body, aiohttp.WSMsgType.TEXT)

            giving = asyncio.create_task(give_on())
            async for message in client:
                asked = orjson.loads(message.data)
                version = asked.get("api_version", 1)
                asked["api_version"] = 2
                await node_side.send_frame(orjson.dumps(asked), aiohttp.WSMsgType.TEXT)
            giving.cancel()
        return client

    app = web.Application()
    app.router.add_post("/", answer)
    app.router.add_get("/", converse)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], int(sys.argv[2])))
