"""Calls of the native handlers: what a request in this dialect says, said in theirs, and their answer in ours."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from services.api.dialects.signupto.envelope import Envelope, RefusalEnvelope
from services.api.fields import Id, NoQuery, RequestModel
from services.api.operation import Answer, Api, Call, Operation, Stream
from shared.domain.refusal import Refused

Handler = Callable[[Api, Call[Any, Any]], Awaitable[Answer | Stream | Refused]]

SECURITY = ("suthash", "suttoken", "bearer", "basic")


class ById(RequestModel):
    """The id may be in the path, the query or the body."""

    id: Id | None = None


async def carry_out(
    handler: Handler,
    api: Api,
    call: Call[Any, Any],
    spell: Callable[[Any], Answer],
    *,
    ids: tuple[int, ...] = (),
    query: RequestModel | None = None,
    content: object = None,
) -> Answer | Refused:
    """What ``handler`` answers, spelled by ``spell``; so spelled it is also kept for a repeat of the request."""

    def spelled(answer: Answer) -> Answer:
        return spell(answer.body)

    native: Call[Any, Any] = Call(
        caller=call.caller,
        ids=ids,
        query=query or NoQuery(),
        content=content,
        target=call.target,
        accept="application/json",
        remember=lambda answer: call.remember(spelled(answer)),
    )
    done = await handler(api, native)
    if isinstance(done, Refused):
        return done
    if isinstance(done, Stream):
        raise TypeError(f"{call.target}: a stream cannot be put into an envelope")
    return spelled(done)


def about(refused: Refused, resource_id: int | None) -> Refused:
    """The same, and with which resource there is a conflict."""
    return replace(refused, resource_id=resource_id) if refused.because == "conflict" else refused


def operation(method: Any, path: str, summary: str, handler: Handler, data: Any, **more: Any) -> Operation[Any, Any]:
    """``data``: the type of the answer within its envelope."""
    made: Operation[Any, Any] = Operation(
        method,
        f"/v1{path}",
        summary,
        handler,
        Envelope[data],
        refusal=RefusalEnvelope,
        **{"security": SECURITY, **more},
    )
    return made


def named(call: Call[Any, Any]) -> int | None:
    """The id of what a request is about, wherever it is; that of the path first."""
    if call.ids:
        return call.ids[0]
    in_query: int | None = getattr(call.query, "id", None)
    return in_query if in_query is not None else getattr(call.content, "id", None)
