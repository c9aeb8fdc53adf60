"""The HTTP client of SMS gateways: what each answer, and each silence, means for the message it was about."""

import ssl

import pytest

from services.dispatcher.channels.interface import OutcomeKind, Stage
from tests.sinks.fake_gateway import FakeGateway, answer
from tests.sinks.fake_relay import DROP, RESET, Action, After, End, Hang, Say
from tests.sinks.sending import until
from tests.sinks.texts import RECEIPTS, SHORT, at, send, session_for, texts
from tests.sinks.witness import Witness


async def test_each_message_is_one_request_on_one_connection() -> None:
    """As the gateway is promised it: method, path, credentials, and the five fields."""
    async with FakeGateway() as gateway:
        witness, stop = await send(gateway, texts(20))

    assert stop is None
    assert witness.kinds == ["accepted"] * 20
    assert gateway.connections == 1
    assert {request.line for request in gateway.requests} == {"POST /send?v=1 HTTP/1.1"}
    assert {request.headers["authorization"] for request in gateway.requests} == {"Basic YWRhOnNlY3JldA=="}
    assert {request.headers["content-type"] for request in gateway.requests} == {"application/json"}
    assert gateway.ledger[7] == {
        "id": "token7",
        "to": "+447700900007",
        "from": "Acme",
        "body": "Hello 7",
        "receipt_url": f"{RECEIPTS}/token7",
    }


async def test_the_moment_before_the_write_is_the_moment_before_the_last_byte() -> None:
    """Nothing of a request is on the way when it is asked for, and one that may not go is not begun."""

    class Careful(Witness):
        def before_dot(self, ordinal: int) -> bool:
            assert len(gateway.requests) == ordinal
            return super().before_dot(ordinal)

    async with FakeGateway() as gateway:
        witness, stop = await send(gateway, texts(9), witness=Careful(may_send=3))

    assert stop is not None
    assert (stop.kind, stop.stage) == (OutcomeKind.UNSENT, Stage.DOT)
    assert witness.kinds == ["accepted"] * 3 + ["unsent"]
    assert len(gateway.requests) == 3


@pytest.mark.parametrize("status", [400, 422])
async def test_refused_is_for_one_recipient_with_the_gateway_s_words(status: int) -> None:
    async with FakeGateway(at(2, answer(status, "no such number: +4477009 00001"))) as gateway:
        witness, stop = await send(gateway, texts(3))

    assert stop is None
    assert witness.kinds == ["accepted", "refused", "accepted"]
    assert witness.outcomes[1][1].note == f"{status} no such number: number"
    assert gateway.connections == 1


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_not_now_is_for_one_recipient_too(status: int) -> None:
    async with FakeGateway(at(2, answer(status, "busy"))) as gateway:
        witness, stop = await send(gateway, texts(3))

    assert stop is None
    assert witness.kinds == ["accepted", "deferred", "accepted"]


async def test_who_asks_for_a_pause_is_left_alone() -> None:
    """The rest is given back, and whoever drives the connection is told for how long."""
    source = iter(texts(9))
    async with FakeGateway(at(2, answer(429, "", "Retry-After: 7"))) as gateway:
        witness, stop = await send(gateway, source)

    assert stop is not None
    assert (stop.kind, stop.pause) == (OutcomeKind.DEFERRED, 7.0)
    assert witness.kinds == ["accepted", "deferred"]
    assert next(source).ordinal == 2


@pytest.mark.parametrize("status", [302, 401, 403, 404, 409])
async def test_who_refuses_us_gets_nothing_more(status: int) -> None:
    """No attempt is spent, and no redirect followed."""
    source = iter(texts(9))
    async with FakeGateway(at(2, answer(status, "not you", "Location: http://127.0.0.1:1/"))) as gateway:
        witness, stop = await send(gateway, source)

    assert stop is not None
    assert (stop.kind, stop.note) == (OutcomeKind.BLOCKED, f"{status} not you")
    assert witness.kinds == ["accepted", "blocked"]
    assert len(gateway.requests) == 2
    assert next(source).ordinal == 2


@pytest.mark.parametrize(
    "ending",
    [DROP, RESET, Hang(), End(say=b"HTTP/1.1 20"), Say(b"220 ready\r\n\r\n")],
    ids=["closed", "reset", "silent", "half a status", "no HTTP"],
)
async def test_no_answer_after_the_last_byte_is_doubt(ending: Action) -> None:
    """The others go on over another connection, since this one had brought messages to their end."""
    async with FakeGateway(at(3, ending)) as gateway:
        witness, stop = await send(gateway, texts(5), SHORT)

    assert stop is None
    assert witness.kinds == ["accepted", "accepted", "doubtful", "accepted", "accepted"]
    assert gateway.connections == 2


@pytest.mark.parametrize("ending", [DROP, Hang()], ids=["closed", "silent"])
async def test_a_gateway_that_answers_nobody_is_not_fed_on(ending: Action) -> None:
    async with FakeGateway(lambda step: ending if step.stage == "request" else None) as gateway:
        witness, stop = await send(gateway, texts(100), SHORT)

    assert stop is not None
    assert stop.kind is OutcomeKind.DOUBTFUL
    assert witness.kinds == ["doubtful"]


@pytest.mark.parametrize(
    "cut",
    [
        End(say=b"HTTP/1.1 202 Accepted\r\nContent-Length: 9\r\n\r\nhi"),
        Say(b"HTTP/1.1 202 OK\r\nContent-Length: 9\r\n\r\n"),
    ],
    ids=["closed amid its body", "silent amid its body"],
)
async def test_a_status_is_believed_without_its_body(cut: Action) -> None:
    async with FakeGateway(at(1, cut)) as gateway:
        witness, _ = await send(gateway, texts(2), SHORT)

    assert witness.kinds == ["accepted", "accepted"]
    assert gateway.connections == 2


async def test_a_connection_that_is_to_end_is_replaced() -> None:
    """Without doubt about anybody, however often."""
    async with FakeGateway(lambda step: answer(202, "", "Connection: close")) as gateway:
        witness, stop = await send(gateway, texts(5))

    assert (witness.kinds, stop) == (["accepted"] * 5, None)
    assert [request.connection for request in gateway.requests] == [1, 2, 3, 4, 5]


async def test_a_connection_closed_while_unused_puts_nobody_in_doubt() -> None:
    """Gateways close what is idle; one that has done so is not written to."""
    async with FakeGateway() as gateway:
        witness, session = Witness(), session_for(gateway, idle=30.0)
        await session.send_all(texts(1), witness)
        for task in gateway.tasks:
            task.cancel()
        await until(lambda: not gateway.tasks)
        await until(lambda: not session._connection or not session._connection.is_usable)
        await session.send_all(texts(2)[1:], witness)
        await session.close()

    assert witness.kinds == ["accepted", "accepted"]
    assert gateway.connections == 2


async def test_an_unused_connection_is_closed_before_the_gateway_does_it() -> None:
    async with FakeGateway() as gateway:
        session = session_for(gateway, idle=0.05)
        await session.send_all(texts(1), Witness())
        await until(lambda: not gateway.tasks)
        await session.close()

    assert gateway.connections == 1


async def test_no_connection_is_nobody_s_fault() -> None:
    async with FakeGateway() as gateway:
        pass
    source = iter(texts(3))
    witness, stop = await send(gateway, source)

    assert stop is not None
    assert (stop.kind, stop.stage) == (OutcomeKind.UNSENT, Stage.CONNECT)
    assert witness.outcomes == []
    assert next(source).ordinal == 0, "no message is taken before there is a connection"


async def test_tls_is_spoken_and_checked(server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    """Who cannot prove who he is gets neither messages nor credentials."""
    async with FakeGateway(tls=server_tls) as gateway:
        trusted, _ = await send(gateway, texts(2), trust=trusting)
        before = len(gateway.requests)
        distrusted, stop = await send(gateway, texts(2))

    assert trusted.kinds == ["accepted"] * 2
    assert stop is not None
    assert (stop.kind, stop.stage) == (OutcomeKind.BLOCKED, Stage.TLS)
    assert distrusted.outcomes == []
    assert len(gateway.requests) == before


async def test_an_answer_that_takes_its_time_is_waited_for() -> None:
    async with FakeGateway(at(1, After(0.2, answer(202)))) as gateway:
        witness, _ = await send(gateway, texts(1))

    assert witness.kinds == ["accepted"]
