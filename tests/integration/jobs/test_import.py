"""``import``: addresses onto a list."""

from tests.integration.jobs.caller import Caller


async def test_addresses_come_onto_a_list_that_is_made(caller: Caller) -> None:
    told = await caller.done(job="import", list="Main", emails="a@example.com, B@Example.com,nobody,a@EXAMPLE.com")

    assert told["name"] == "List Import: Main"
    assert told["list"] == "Main"
    assert (told["rows"], told["rows_failed"]) == (4, 1)
    assert told["errors"] == [{"line": 3, "message": "is not an email address"}]
    assert (told["created"], told["updated"], told["skipped"]) == (2, 0, 0)
    assert told["progress"] == 100
    assert await caller.emails("Main") == ["B@Example.com", "a@example.com"]
