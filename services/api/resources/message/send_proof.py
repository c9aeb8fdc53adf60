"""``POST /message/:id/test``: a marked proof to a few addresses, as notices."""

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import Field
from typing_extensions import TypedDict

from services.api.body import object_body
from services.api.fields import Id, NoQuery, RequestModel, Sought, Vars
from services.api.operation import WRITERS, Answer, Api, Call, Operation
from services.api.resources.domain.read import from_fault
from services.api.resources.message import read
from services.api.resources.message.compose_proof import Prepared, ProofContext, fill_proof, prepare_proof
from services.api.resources.message.proof_recipients import (
    Sample,
    read_addresses,
    read_owners,
    read_sample,
    refuse_suppressed,
)
from shared.bus.interface import Hint
from shared.domain.identifiers import Channel
from shared.domain.notice import Purpose
from shared.domain.refusal import Fault, Refused
from shared.event_store.interface import Append
from shared.notices.record import NewNotice, notice_row
from shared.suppression.address_hash import AddressHashes

MOST_ADDRESSES: Final = 20
EXPIRES_SECONDS: Final = 86_400.0  #: a proof that comes later helps nobody


class NewProof(RequestModel):
    """``vars``: sample values; or those of the subscriber ``subscriber_id``."""

    to: Annotated[list[Sought], Field(min_length=1, max_length=MOST_ADDRESSES)]
    vars: Vars | None = None
    subscriber_id: Id | None = None

    @classmethod
    def faults_between(cls, given: dict[str, object]) -> list[Fault]:
        if given.get("vars") is not None and given.get("subscriber_id") is not None:
            return [Fault("vars", "give vars or subscriber_id, not both")]
        return []


class ProofAnswer(TypedDict):
    """The notices, in the order of ``to``; ``/notice/:id`` tells what becomes of each. No address: a kept answer is
    kept for good.
    """

    ids: list[int]


async def post_proof(api: Api, call: Call[NoQuery, NewProof]) -> Answer | Refused:
    (message_id,), account_id = call.ids, call.caller.account_id
    message = await read.read_message(api.database, call.caller, message_id)
    if message is None:
        return Refused.not_found(f"there is no message {message_id}")
    channel = message["channel"]
    addresses, sample = read_addresses(call.content.to, channel), await _sample(api, call)
    faults = [each for each in (*addresses, sample) if isinstance(each, Fault)]
    if faults or isinstance(sample, Fault):
        return Refused.invalid(*faults)
    to = [each for each in addresses if isinstance(each, str)]
    hashes, message_class = AddressHashes(api.secret), message["class"]
    refused = await refuse_suppressed(api.database, hashes, account_id, channel, to, message_class)
    if refused is not None:
        return refused
    if channel == "email" and (fault := await from_fault(api.database, account_id, message["from_email"], api.terms)):
        return Refused("conflict", (Fault("from_email", fault),))
    prepared = prepare_proof(message, ProofContext(account_id, api.tracker_url, api.bounce_domain, api.now()))
    if isinstance(prepared, list):
        return Refused("conflict", tuple(prepared))
    purpose: Purpose = "service_proof" if message_class == "service" else "proof"
    notices = await _notices(api, call, channel, purpose, prepared, sample, to)
    return notices if isinstance(notices, Refused) else await _send(api, call, notices)


async def _sample(api: Api, call: Call[NoQuery, NewProof]) -> Sample | Fault:
    wish = call.content
    if wish.subscriber_id is None:
        return Sample(wish.vars or {})
    found = await read_sample(api.database, call.caller.account_id, wish.subscriber_id)
    return found or Fault("subscriber_id", "there is no such subscriber")


async def _notices(
    api: Api,
    call: Call[NoQuery, NewProof],
    channel: Channel,
    purpose: Purpose,
    prepared: Prepared,
    sample: Sample,
    addresses: Sequence[str],
) -> list[NewNotice] | Refused:
    ids = await api.ids.take("notice_id", len(addresses))
    owners = await read_owners(api.database, call.caller.account_id, channel, addresses)
    notices = []
    for notice_id, address, owner in zip(ids, addresses, owners, strict=True):
        proof = fill_proof(prepared, notice_id, sample.seen_by(channel, address), api.tokens)
        if isinstance(proof, Fault):
            return Refused.invalid(Fault("vars", proof.message))
        notices.append(
            NewNotice(
                id=notice_id,
                account_id=call.caller.account_id,
                user_id=call.caller.user_id,
                subscriber_id=owner or sample.subscriber_id,
                sample_id=sample.subscriber_id,
                channel=channel,
                purpose=purpose,
                origin=f"proof-{notice_id}",
                sender=proof.sender,
                address=address,
                content=proof.content,
                expires_seconds=EXPIRES_SECONDS,
            )
        )
    return notices


async def _send(api: Api, call: Call[NoQuery, NewProof], notices: Sequence[NewNotice]) -> Answer:
    answer = Answer(ProofAnswer(ids=[each.id for each in notices if each.id]), 202)
    await api.store.append(Append((), (*map(notice_row, notices), *call.remember(answer))))
    api.hints.send("dispatcher", Hint("notices_due"))
    return answer


OPERATION = Operation(
    "POST",
    "/message/{message_id}/test",
    "Send a marked proof of a message",
    post_proof,
    ProofAnswer,
    body=object_body(NewProof),
    status=202,
    refusals=(404, 409, 413, 415),
    roles=WRITERS,
)
