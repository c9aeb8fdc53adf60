"""The least an aiohttp server can do with a task: read its JSON and answer 201. `python -m bench.bare_handler PORT`."""

import sys

import orjson
from aiohttp import web


async def answer(request: web.Request) -> web.Response:
    body = orjson.loads(await request.read())
    return web.Response(status=201, body=orjson.dumps(body), content_type="application/json")


if __name__ == "__main__":
    app = web.Application()
    app.router.add_post("/task", answer)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
