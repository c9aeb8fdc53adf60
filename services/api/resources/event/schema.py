"""Published events, as ``GET /events`` spells them: CloudEvents 1.0 in their JSON format."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field
from typing_extensions import TypedDict

from services.api.fields import Count, RequestModel
from services.api.paging import DEFAULT_COUNT

END: Final = "end"

After = Annotated[str, Field(max_length=1024, description="of the last one; end: only what comes")]

#: As a queue is bound: `*` stands for one word, `#` for any number of them.
Pattern = Annotated[
    str, Field(max_length=128, pattern=r"^[a-z_*#]+(\.[a-z_*#]+)*$", description="as task.completed, delivery.*, #")
]


class EventQuery(RequestModel):
    """``after``: the cursor of the last one that was read; ``end``: only those to come; without it from the first that
    is kept.
    """

    after: After | None = None
    count: Count = DEFAULT_COUNT
    type: Pattern = "#"


class EventAnswer(TypedDict):
    """One event, as the bus has it. ``id`` is the same there and at every repetition. ``cursor``: for ``after``."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    subject: str
    time: str
    accountid: str
    datacontenttype: Literal["application/json"]
    data: dict[str, Any]
    cursor: str
