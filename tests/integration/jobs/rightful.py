"""What ``/job`` would take as it is, for the test that puts something wrong into it."""

from typing import Any

from shared.postgres.database import Database
from tests.integration.api import exporting
from tests.integration.api.conftest import Client

_QUERY = {"source_list": "Everybody", "criteria": ["match", "open_time"], "field": ["a"], "value": ["b|c", 30]}

BODIES: dict[str, list[dict[str, Any]]] = {
    **exporting.BODIES,
    "POST /job": [
        {"job": "import", "list": "Main", "emails": "a@b.co,c@d.co", "report_email": "a@b.co"},
        {"job": "update", "emails": "a@b.co", "update": {"vars": {"a": 1}, "lists": {"VIP": 1}, "optout": "none"}},
        {"job": "update", "query": {**_QUERY, "timerange": [None, "since_days"]}, "update": {"vars": {"a": 1}}},
        {"job": "export_list_data", "list": "Everybody", "fields": {"lists": 1, "vars": {"a": 1}}},
        {"job": "snapshot", "query": _QUERY | {"timerange": [None, "since_days"]}},
        {"job": "ad_inventory", "start_date": "20301101", "end_date": 20301130},
        {"job": "blast_save_list", "blast_id": 1, "list": "Saved", "query": {}},
    ],
}

#: A job that ``post_known`` makes.
KNOWN_QUERY = "job_id=000000000000000000000001"


async def post_known(client: Client, database: Database) -> None:
    await client.post("/job", BODIES["POST /job"][0])
    await database.execute("UPDATE job SET job_id = '000000000000000000000001' WHERE id = 1")
