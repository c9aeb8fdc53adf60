"""What may be changed of a campaign, and until when: commands, and what follows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.campaign import (
    CallbackChanged,
    CampaignChanged,
    Event,
    Payload,
    PayloadAdded,
    PayloadChanged,
    PayloadRemoved,
    State,
    replay,
)
from shared.domain.campaign_commands import (
    AddPayload,
    ChangeCampaign,
    ChangePayload,
    Command,
    CreateCampaign,
    Known,
    Named,
    RemovePayload,
)
from shared.domain.decide_campaign import decide
from shared.domain.identifiers import DomainId, Instant, MessageId, PayloadId
from shared.domain.refusal import Fault, Refused
from tests.unit.shared.campaign_histories import ADDED, CREATED, DRAFTED, IN, KNOWN, LATER, NOON, SCHEDULED, URL

OTHER = "https://other.example/"
WISH = CreateCampaign(
    campaign_id=CREATED.campaign_id,
    account_id=CREATED.account_id,
    user_id=CREATED.user_id,
    name=CREATED.name,
    state="DRAFT",
    list_id=CREATED.list_id,
    domain_id=CREATED.domain_id,
    segments=CREATED.segments,
    when=LATER,
    event_callback=URL,
    callback_fault="",
    known=KNOWN,
)


def wish(**given: Any) -> CreateCampaign:
    return replace(WISH, **given)


def created(**given: Any) -> Event:
    return replace(CREATED, **given)


def put(known: Known = KNOWN, callback_fault: str = "", **wanted: Any) -> ChangeCampaign:
    return ChangeCampaign(fields=frozenset(wanted), known=known, callback_fault=callback_fault, **wanted)


def changed(**after: Any) -> CampaignChanged:
    return replace(CampaignChanged(CREATED.name, CREATED.domain_id, CREATED.segments, CREATED.when), **after)


def conflict(*faults: tuple[str, str]) -> Refused:
    return Refused("conflict", tuple(Fault(*fault) for fault in faults))


def invalid(*faults: tuple[str, str]) -> Refused:
    return Refused.invalid(*(Fault(*fault) for fault in faults))


NULL_WHEN = ("when", "may be null in DRAFT only")
TOO_LATE = "cannot be changed any more, the campaign is SENDING"


@pytest.mark.parametrize(
    ("asked", "then"),
    [
        pytest.param(WISH, [CREATED], id="a draft"),
        pytest.param(wish(state="SCHEDULED"), [created(state="SCHEDULED")], id="scheduled at once"),
        pytest.param(
            wish(when=None, domain_id=None, segments=(), event_callback=None),
            [created(when=None, domain_id=None, segments=(), event_callback=None)],
            id="a draft needs a list alone",
        ),
        pytest.param(wish(state="SCHEDULED", when=None), invalid(NULL_WHEN), id="scheduled for no time"),
        pytest.param(
            wish(state="READY"), invalid(("state", "must be DRAFT or SCHEDULED at first")), id="ready at once"
        ),
        pytest.param(
            wish(list_id=99, domain_id=98, segments=(97,), callback_fault="is private"),
            invalid(
                ("list", "there is no list 99"),
                ("domain", "there is no domain 98"),
                ("segments", "there is no segment 97"),
                ("event_callback", "is private"),
            ),
            id="what is not there is named, all of it",
        ),
        pytest.param(
            wish(segments=(4, 7, 9)),
            invalid(("segments", "segment 7 is not of list 5"), ("segments", "segment 9 is not of list 5")),
            id="a segment of another list, and a search of none",
        ),
        pytest.param(wish(domain_id=3), [created(domain_id=3)], id="a domain that takes no bounces yet"),
    ],
)
def test_what_may_be_created(asked: CreateCampaign, then: list[Event] | Refused) -> None:
    assert decide(replay([]), asked, NOON) == then


def test_creating_it_again_is_no_change() -> None:
    assert decide(replay([CREATED]), WISH, NOON) == []


@pytest.mark.parametrize(
    ("state", "wish", "then"),
    [
        pytest.param("DRAFT", put(name="Summer"), [changed(name="Summer")], id="it can be renamed"),
        pytest.param("READY", put(name="Summer"), [changed(name="Summer")], id="until sending starts"),
        pytest.param("SENDING", put(name="Summer"), conflict(("name", TOO_LATE)), id="and not after"),
        pytest.param(
            "SENDING",
            put(name="a", domain_id=None, segments=(), when=NOON, state="DRAFT"),
            conflict(
                ("name", TOO_LATE),
                ("domain", TOO_LATE),
                ("segments", TOO_LATE),
                ("when", TOO_LATE),
                ("state", "does not go from SENDING to DRAFT at a client's wish"),
            ),
            id="every conflict is named",
        ),
        pytest.param(
            "DONE",
            put(
                name=CREATED.name, domain_id=2, segments=CREATED.segments, when=LATER, state="DONE", event_callback=URL
            ),
            [],
            id="as it is it may always be put",
        ),
        pytest.param("DRAFT", put(list_id=5), [], id="with its list, too"),
        pytest.param(
            "DRAFT", put(list_id=6), invalid(("list", "is fixed at creation, to 5")), id="but to no other list"
        ),
        pytest.param("DRAFT", put(segments=()), [changed(segments=())], id="to the whole list"),
        pytest.param(
            "DRAFT",
            put(segments=(7, 98)),
            invalid(("segments", "segment 7 is not of list 5"), ("segments", "there is no segment 98")),
            id="to no segment of another list",
        ),
        pytest.param("DRAFT", put(domain_id=9), invalid(("domain", "there is no domain 9")), id="from no such domain"),
        pytest.param("DRAFT", put(when=None), [changed(when=None)], id="a draft needs no time"),
        pytest.param("SCHEDULED", put(when=None), invalid(NULL_WHEN), id="what is scheduled does"),
        pytest.param(
            "SCHEDULED",
            put(when=None, state="DRAFT"),
            [changed(when=None), DRAFTED],
            id="unless it becomes a draft by the same",
        ),
        pytest.param(
            "DRAFT",
            put(when=Instant(LATER + 1), state="SCHEDULED"),
            [changed(when=LATER + 1), SCHEDULED],
            id="changed and moved in one go",
        ),
        pytest.param(
            "READY",
            put(domain_id=DomainId(3)),
            conflict(("domain", "READY needs it: domain 3 takes no bounces, or DNS does not show it")),
            id="what is READY keeps what it needs",
        ),
        pytest.param("DRAFT", put(event_callback=None), [CallbackChanged(None)], id="nobody is called any more"),
        pytest.param(
            "SENDING", put(event_callback=OTHER), [CallbackChanged(OTHER)], id="the URL changes while it is sent"
        ),
        pytest.param("DONE", put(event_callback=OTHER), [CallbackChanged(OTHER)], id="and after"),
        pytest.param("ERROR", put(event_callback=OTHER), [CallbackChanged(OTHER)], id="however it ended"),
        pytest.param(
            "DONE",
            put(callback_fault="is private", event_callback=OTHER),
            invalid(("event_callback", "is private")),
            id="if it may be called",
        ),
        pytest.param("DRAFT", put(callback_fault="is private", event_callback=URL), [], id="the old one is kept"),
        pytest.param("DRAFT", ChangeCampaign(frozenset(), KNOWN, name="x"), [], id="what was not named is not wanted"),
        pytest.param(
            "SENDING",
            put(list_id=6, name="x"),
            invalid(("list", "is fixed at creation, to 5"), ("name", TOO_LATE)),
            id="what is wrong in itself comes first",
        ),
    ],
)
def test_what_may_be_changed(state: State, wish: ChangeCampaign, then: list[Event] | Refused) -> None:
    assert decide(replay(IN[state]), wish, NOON) == then


def test_a_draft_without_a_time_is_not_scheduled() -> None:
    draft = replay([created(when=None)])

    assert decide(draft, put(state="SCHEDULED"), NOON) == conflict(("when", "SCHEDULED needs it: is not set"))
    assert decide(draft, put(state="SCHEDULED", when=None), NOON) == invalid(NULL_WHEN)


def payload(number: int, channel: Any, message_id: int) -> Payload:
    return Payload(PayloadId(number), channel, MessageId(message_id))


def switched(number: int, channel: Any, message_id: int) -> PayloadChanged:
    return PayloadChanged(PayloadId(number), channel, MessageId(message_id))


def change(number: int, channel: Any = None, message_id: Any = None) -> ChangePayload:
    return ChangePayload(PayloadId(number), channel, message_id, KNOWN)


ONE: list[Event] = [CREATED, ADDED[0]]
NO_SMS = ("message_id", "message 10 is for email, the payload for sms")


@pytest.mark.parametrize(
    ("given", "wish", "then"),
    [
        pytest.param(ONE, AddPayload(payload(2, "sms", 11), KNOWN), [ADDED[1]], id="a second one by another channel"),
        pytest.param(
            ONE,
            AddPayload(payload(2, "email", 12), KNOWN),
            conflict(("channel", "there is a payload for email already: 1")),
            id="not by the same",
        ),
        pytest.param(
            ONE,
            AddPayload(payload(2, "sms", 99), KNOWN),
            invalid(("message_id", "there is no message 99")),
            id="no such message",
        ),
        pytest.param(ONE, AddPayload(payload(2, "sms", 10), KNOWN), invalid(NO_SMS), id="a message of the other"),
        pytest.param(
            ONE,
            AddPayload(payload(2, "sms", 11), KNOWN, "its From is nobody's"),
            invalid(("message_id", "its From is nobody's")),
            id="one that cannot be sent",
        ),
        pytest.param(IN["READY"], change(1, message_id=12), [switched(1, "email", 12)], id="another message"),
        pytest.param(ONE, change(1, "sms", 11), [switched(1, "sms", 11)], id="by the other channel"),
        pytest.param(ONE, change(1, "sms"), invalid(NO_SMS), id="not without a message for it"),
        pytest.param(ONE, change(1, "email", 10), [], id="as it is"),
        pytest.param(ONE, change(9), Refused.not_found("there is no payload 9"), id="which there is not"),
        pytest.param(
            IN["DRAFT"],
            change(1, "sms", 11),
            conflict(("channel", "there is a payload for sms already: 2")),
            id="the other channel is taken",
        ),
        pytest.param(ONE, RemovePayload(PayloadId(1)), [PayloadRemoved(PayloadId(1))], id="removed"),
        pytest.param(
            ONE, RemovePayload(PayloadId(9)), Refused.not_found("there is no payload 9"), id="never was there"
        ),
    ],
)
def test_what_may_become_of_a_payload(given: Sequence[Event], wish: Command, then: list[Event] | Refused) -> None:
    assert decide(replay(given), wish, NOON) == then


@pytest.mark.parametrize("state", ["SENDING", "DONE", "ERROR"])
@pytest.mark.parametrize(
    "wish", [AddPayload(payload(3, "sms", 11), KNOWN), change(1, message_id=12), RemovePayload(PayloadId(1))]
)
def test_no_payload_changes_once_it_is_sent(state: State, wish: Command) -> None:
    assert decide(replay(IN[state]), wish, NOON) == conflict(
        ("", f"payloads cannot be changed any more, the campaign is {state}")
    )


def test_what_happened_to_payloads_adds_up() -> None:
    found = replay([*ONE, ADDED[1], PayloadChanged(PayloadId(1), "email", MessageId(12)), PayloadRemoved(PayloadId(2))])

    assert found.payloads == (payload(1, "email", 12),)
    assert isinstance(ADDED[0], PayloadAdded)


def test_the_newest_url_is_the_one_that_is_called() -> None:
    assert replay([*ONE, CallbackChanged(OTHER)]).event_callback == OTHER
    assert replay([*ONE, CallbackChanged(OTHER), CallbackChanged(None)]).event_callback is None


def test_what_two_wishes_name_is_looked_up_together() -> None:
    both = Named(7, frozenset({5}), segments=frozenset({4})) | Named(7, frozenset({6}), messages=frozenset({10}))

    assert both == Named(7, frozenset({5, 6}), segments=frozenset({4}), messages=frozenset({10}))
