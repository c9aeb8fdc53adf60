"""``/campaign/:id/payload``: what a campaign sends, by each channel at most one message."""

from typing import Any

from services.api.body import object_body
from services.api.fields import NoQuery
from services.api.operation import WRITERS, Answer, Api, Call, Operation
from services.api.resources.campaign import read
from services.api.resources.campaign.answer import payload_answer
from services.api.resources.campaign.carry_out import carry_out, missing
from services.api.resources.campaign.schema import NewPayload, PayloadAnswer, PayloadChange
from services.api.resources.domain.read import from_fault_of_message
from shared.domain.campaign import Campaign, Payload
from shared.domain.campaign_commands import AddPayload, ChangePayload, RemovePayload
from shared.domain.identifiers import MessageId, PayloadId
from shared.domain.refusal import Refused


async def post_payload(api: Api, call: Call[NoQuery, NewPayload]) -> Answer | Refused:
    (campaign_id,), wish = call.ids, call.content
    if await read.read_campaign(api.database, call.caller, campaign_id) is None:
        return missing(campaign_id)
    payload = Payload(PayloadId(await api.ids.next("payload_id")), wish.channel, MessageId(wish.message_id))
    command = AddPayload(
        payload,
        await read.look_up_message(api.database, call.caller, wish.message_id),
        await from_fault_of_message(api.database, call.caller.account_id, wish.message_id, api.terms),
    )
    created = Answer(
        payload_answer(payload), 201, {"Location": f"/campaign/{campaign_id}/payload/{payload.payload_id}"}
    )
    done = await carry_out(api, call, command, also=lambda _: call.remember(created))
    return done if isinstance(done, Refused) else created


async def get_payloads(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    (campaign_id,) = call.ids
    found = await read.read_campaign(api.database, call.caller, campaign_id)
    return Answer([payload_answer(each) for each in found.payloads]) if found else missing(campaign_id)


async def get_payload(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    _, payload_id = call.ids
    found = await _campaign_with(api, call)
    return found if isinstance(found, Refused) else _answer(found, payload_id)


async def put_payload(api: Api, call: Call[NoQuery, PayloadChange]) -> Answer | Refused:
    (_, payload_id), wish = call.ids, call.content
    found = await _campaign_with(api, call)
    if isinstance(found, Refused):
        return found
    before = found.payload(payload_id)
    message_id = wish.message_id or (before.message_id if before else 0)
    command = ChangePayload(
        PayloadId(payload_id),
        wish.channel,
        None if wish.message_id is None else MessageId(wish.message_id),
        await read.look_up_message(api.database, call.caller, message_id),
        await from_fault_of_message(api.database, call.caller.account_id, message_id, api.terms),
    )
    done = await carry_out(api, call, command)
    return done if isinstance(done, Refused) else _answer(done, payload_id)


async def delete_payload(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    """Answers what it was."""
    _, payload_id = call.ids
    found = await _campaign_with(api, call)
    if isinstance(found, Refused):
        return found
    done = await carry_out(api, call, RemovePayload(PayloadId(payload_id)))
    return done if isinstance(done, Refused) else _answer(found, payload_id)


async def _campaign_with(api: Api, call: Call[NoQuery, Any]) -> Campaign | Refused:
    """The campaign of the path, if it has the payload of the path."""
    campaign_id, payload_id = call.ids
    found = await read.read_campaign(api.database, call.caller, campaign_id)
    if found is None:
        return missing(campaign_id)
    return found if found.payload(payload_id) else Refused.not_found(f"there is no payload {payload_id}")


def _answer(campaign: Campaign, payload_id: int) -> Answer | Refused:
    payload = campaign.payload(payload_id)
    return Answer(payload_answer(payload)) if payload else Refused.not_found(f"there is no payload {payload_id}")


OPERATIONS = (
    Operation(
        "GET",
        "/campaign/{campaign_id}/payload",
        "What the campaign sends",
        get_payloads,
        list[PayloadAnswer],
        refusals=(404,),
    ),
    Operation(
        "POST",
        "/campaign/{campaign_id}/payload",
        "Add what is sent by a channel",
        post_payload,
        PayloadAnswer,
        body=object_body(NewPayload),
        status=201,
        refusals=(404, 409, 413, 415),
        roles=WRITERS,
    ),
    Operation(
        "GET",
        "/campaign/{campaign_id}/payload/{payload_id}",
        "What the campaign sends by one channel",
        get_payload,
        PayloadAnswer,
        refusals=(404,),
    ),
    Operation(
        "PUT",
        "/campaign/{campaign_id}/payload/{payload_id}",
        "Send another message, or by another channel",
        put_payload,
        PayloadAnswer,
        body=object_body(PayloadChange),
        refusals=(404, 409, 413, 415),
        roles=WRITERS,
    ),
    Operation(
        "DELETE",
        "/campaign/{campaign_id}/payload/{payload_id}",
        "Send nothing by that channel",
        delete_payload,
        PayloadAnswer,
        refusals=(404, 409),
        roles=WRITERS,
    ),
)
