"""The least that stores a task: aiohttp reads its JSON, commits it as one row and answers 201.

`python -m bench.bare_handler PORT DATABASE_URL`.
"""

import asyncio
import sys

import asyncpg
import orjson
from aiohttp import web

CONNECTIONS = 8  #: to Postgres, as many as a service has
TABLE = "CREATE TABLE IF NOT EXISTS bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, task text NOT NULL)"
INSERT = "INSERT INTO bare (task) VALUES ($1) RETURNING id"


PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")


async def answer_pixel(_: web.Request) -> web.Response:
    """What an opened mail asks for, without storing that."""
    return web.Response(body=PIXEL, content_type="image/gif")


async def make_app(database_url: str) -> web.Application:
    pool = await asyncpg.create_pool(database_url, min_size=CONNECTIONS, max_size=CONNECTIONS)
    await pool.execute(TABLE)

    async def answer(request: web.Request) -> web.Response:
        task = orjson.loads(await request.read())
        task["id"] = await pool.fetchval(INSERT, orjson.dumps(task).decode())
        return web.Response(status=201, body=orjson.dumps(task), content_type="application/json")

    app = web.Application()
    app.router.add_post("/task", answer)
    app.router.add_get("/{kind}/{token}", answer_pixel)
    return app


if __name__ == "__main__":
    loop = asyncio.new_event_loop()
    app = loop.run_until_complete(make_app(sys.argv[2]))
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None, loop=loop)
