"""Bookings and a file for requests to meet, and what may be said about them."""

from typing import Any

from services.api.operation import Operation
from shared.object_store.in_folder import InFolder
from shared.postgres.database import Database
from tests.integration.api.conftest import FILES, Client

BOOKINGS = 24
KEY = "abc234"

BODIES: dict[str, list[dict[str, Any]]] = {
    "POST /adplan": [
        {"name": "b", "start_date": "20301101", "end_date": "20301130", "impressions_per_day": 5},
        {"name": "c", "start_date": 20301101, "end_date": 20301101, "impressions_per_day": 0},
    ],
    "PUT /adplan/{booking_id}": [
        {"name": "d", "impressions_per_day": 7},
        {"start_date": "20301102", "end_date": "20301201"},
    ],
}
_FILE = """
WITH made AS (
    INSERT INTO job (id, account_id, job_id, kind, name, version, status, cdate)
    VALUES (1, 1, '0000000000000001', 'export_list_data', 'x', 1, 'completed', now())
    RETURNING id)
INSERT INTO export_file (key, job_id, account_id, upload, filename, expires_at)
SELECT $1, id, 1, '1', 'x.csv', now() + interval '1 hour' FROM made"""


async def prepare(operation: Operation[Any, Any], client: Client, database: Database) -> None:
    for number in range(BOOKINGS if "{booking_id}" in operation.path else 0):
        booking = {"name": f"b{number}", "start_date": "20301101", "end_date": "20301130", "impressions_per_day": 5}
        assert (await client.post("/adplan", booking)).status == 201
    if operation.path == "/export":
        objects = InFolder(FILES)
        upload = await objects.begin(KEY)
        await objects.finish(KEY, upload, [await objects.put_part(KEY, upload, 1, b"a,b\n")])
        await objects.close()
        await database.execute(_FILE, KEY)
