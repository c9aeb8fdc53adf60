"""``update``: vars, lists and opt-outs of many subscribers, and at the end a campaign to them."""

from typing import Any, Final

from services.api.resources.job.given import BAD_DATE, MISSING, OTHER, Given
from services.api.resources.job.job_type import JobType, Order
from services.api.resources.job.source import read_lines, read_source, read_url
from shared.domain.profile_update import KEYS, NO_UPDATE, SIGNUP_DATE, ProfileUpdate, read_update

_SOURCES: Final = ("emails", "url", "file", "query")
_SCHEDULE: Final = "schedule_blast"


def _read(given: Given) -> Order:
    """``params``: ``update`` (see ``profile_update``), ``schedule_blast`` if a campaign is to go; ``url`` or ``query``
    if that says who they are.
    """
    source = read_source(given, _SOURCES)
    url, query = read_url(given, source), given.query("query") if source == "query" else None
    wanted = given.mapping("update") or {}
    update = _read_update(given, {name: value for name, value in wanted.items() if name != _SCHEDULE})
    campaign = Given(wanted).whole(_SCHEDULE)
    if campaign is None and wanted.get(_SCHEDULE) not in (None, "", False):
        given.blame(f"update.{_SCHEDULE}", "must be the id of a campaign", MISSING)
    params: dict[str, Any] = {"update": update.as_json()}
    params |= {name: value for name, value in (("url", url), (_SCHEDULE, campaign)) if value is not None}
    named = tuple(name for name, wanted in update.lists.items() if not wanted)
    if query is not None:
        params["query"], named = query[0], (*named, *query[1])
    return Order(
        name="Bulk Update",
        params=params,
        lines=read_lines(given, source),
        lists=named,
        campaigns=(campaign,) if campaign is not None else (),
        url=url,
    )


def _read_update(given: Given, wanted: dict[str, Any]) -> ProfileUpdate:
    update = read_update(wanted, given.now)
    if not isinstance(update, list):
        return update
    codes = {**dict.fromkeys(KEYS, MISSING), SIGNUP_DATE: BAD_DATE}
    for fault in update:
        given.blame(f"update.{fault.field}", fault.message, codes.get(fault.field, OTHER))
    return NO_UPDATE


TYPE = JobType("update", _read)
