"""A node that answers each method with the file `METHOD.json`. `python -m bench.file_node FOLDER PORT`."""

import asyncio
import sys
from pathlib import Path

import orjson
import uvloop
from aiohttp import web


async def serve(answers: dict[str, bytes], port: int) -> None:
    """Serves until it is killed."""

    async def answer(request: web.BaseRequest) -> web.Response:
        method = orjson.loads(await request.read())["method"]
        return web.Response(body=answers.get(method, answers["account_info"]), content_type="application/json")

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    files = {path.stem: path.read_bytes() for path in Path(sys.argv[1]).glob("*.json")}
    uvloop.run(serve(files, int(sys.argv[2])))
