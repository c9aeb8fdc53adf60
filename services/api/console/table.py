"""Which page a request to the console asks for. ``{id}`` stands for an id, ``{name}`` for a word."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from services.api.console.pages import campaigns, jobs, parked, splittests, suppressions, task, tasks
from services.api.console.stream import streaming
from services.api.console.visit import Handle
from shared.domain.identifiers import INT63_MAX

Method = Literal["GET", "POST"]

ROOT: Final = "/console"

PAGES: Final[Mapping[str, Mapping[Method, Handle]]] = {
    ROOT: {"GET": tasks.show_tasks},
    "/console/live": {"GET": streaming(tasks.read_figures)},
    "/console/task/{id}": {"GET": task.show_task},
    "/console/task/{id}/live": {"GET": streaming(task.read_figures)},
    "/console/task/{id}/contact": {"GET": task.show_contacts},
    "/console/task/{id}/pause": {"POST": task.pause},
    "/console/task/{id}/resume": {"POST": task.resume},
    "/console/task/{id}/cancel": {"POST": task.cancel},
    "/console/task/{id}/in-doubt": {"POST": task.decide},
    "/console/campaigns": {"GET": campaigns.show_campaigns},
    "/console/campaigns/live": {"GET": streaming(campaigns.read_list_figures)},
    "/console/campaign/{id}": {"GET": campaigns.show_campaign},
    "/console/campaign/{id}/live": {"GET": streaming(campaigns.read_figures)},
    "/console/campaign/{id}/move": {"POST": campaigns.move},
    "/console/campaign/{id}/callback/{id}/redeliver": {"POST": campaigns.redeliver},
    "/console/splittests": {"GET": splittests.show_splittests},
    "/console/splittests/live": {"GET": streaming(splittests.read_list_figures)},
    "/console/splittest/{id}": {"GET": splittests.show_splittest},
    "/console/splittest/{id}/live": {"GET": streaming(splittests.read_figures)},
    "/console/splittest/{id}/winner": {"POST": splittests.choose},
    "/console/splittest/{id}/cancel": {"POST": splittests.cancel},
    "/console/callbacks": {"GET": campaigns.show_callbacks},
    "/console/parked": {"GET": parked.show_parked},
    "/console/jobs": {"GET": jobs.show_jobs},
    "/console/jobs/live": {"GET": streaming(jobs.read_list_figures)},
    "/console/job/{name}": {"GET": jobs.show_job},
    "/console/job/{name}/live": {"GET": streaming(jobs.read_figures)},
    "/console/suppressions": {"GET": suppressions.show_suppressions},
    "/console/suppression/{id}/lift": {"POST": suppressions.lift},
}


@dataclass(frozen=True, slots=True)
class Place:
    """``path``: as the table spells it."""

    path: str
    handles: Mapping[Method, Handle]
    ids: tuple[int, ...]
    name: str


def find_place(path: str) -> Place | None:
    for spelled, pattern in _PATTERNS.items():
        if found := pattern.fullmatch(path):
            ids = tuple(int(part) for part in found.groups() if part.isdecimal() and "{id}" in spelled)
            name = "" if "{name}" not in spelled else found[1]
            return Place(spelled, PAGES[spelled], ids, name) if all(each <= INT63_MAX for each in ids) else None
    return None


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(path.replace("{id}", "([1-9][0-9]{0,18})").replace("{name}", "([0-9a-z]{1,64})"))


_PATTERNS: Final = {path: _pattern(path) for path in PAGES}
