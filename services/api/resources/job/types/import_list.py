"""``import``: addresses onto a list, which is made if there is none of that name."""

from services.api.resources.job.given import MISSING, Given
from services.api.resources.job.job_type import JobType, Order
from services.api.resources.job.source import read_lines, read_source, read_url


def _read(given: Given) -> Order:
    """``params``: ``list`` (its name), ``url`` if the lines are to be fetched, ``signup_dates`` if they say when each
    has signed up.
    """
    name = given.require("list", given.text("list"))
    source = read_source(given, ("emails", "file", "url"))
    url, dated = read_url(given, source), given.flag("signup_dates")
    if dated and source == "emails":
        given.blame("signup_dates", "needs a file or url: CSV with the columns email and signup_date", MISSING)
    return Order(
        name=f"List Import: {name}",
        params={"list": name, **({"url": url} if url else {}), **({"signup_dates": True} if dated else {})},
        lines=read_lines(given, source),
        tell={"list": name},
        url=url,
    )


TYPE = JobType("import", _read)
