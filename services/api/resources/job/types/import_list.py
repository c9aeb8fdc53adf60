"""``import``: addresses onto a list, which is made if there is none of that name."""

from services.api.resources.job.given import Given
from services.api.resources.job.job_type import JobType, Order
from services.api.resources.job.source import read_lines, read_source, read_url


def _read(given: Given) -> Order:
    """``params``: ``list`` (its name), ``url`` if the lines are to be fetched."""
    name = given.require("list", given.text("list"))
    source = read_source(given, ("emails", "file", "url"))
    url = read_url(given, source)
    return Order(
        name=f"List Import: {name}",
        params={"list": name, **({"url": url} if url else {})},
        lines=read_lines(given, source),
        tell={"list": name},
        url=url,
    )


TYPE = JobType("import", _read)
