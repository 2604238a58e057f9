"""A plain proxy that rewrites: aiohttp's server and client, orjson. `python -m bench.rivals.plain NODE PORT`."""

import asyncio
import sys

import aiohttp
import orjson
import uvloop
from aiohttp import web

from bench.rivals.rewriting import downgrade


async def serve(node: str, port: int) -> None:
    """Serves until it is killed."""
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def answer(request: web.Request) -> web.Response:
        asked = orjson.loads(await request.read())
        params = asked["params"][0]
        version = params.get("api_version", 1)
        params["api_version"] = 2
        async with session.post(node, data=orjson.dumps(asked)) as response:
            body = await response.read()
        if version == 1:
            reported = orjson.loads(body)
            downgrade(reported["result"])
            body = orjson.dumps(reported)
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], int(sys.argv[2])))
