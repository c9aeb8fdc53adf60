"""``/campaign``: parse, handle, answer. Its payloads: ``payload_routes``."""

from services.api.body import object_body
from services.api.fields import NoQuery
from services.api.history import HistoryAnswer, read_history
from services.api.operation import WRITERS, Answer, Api, Call, Operation
from services.api.paging import PageQuery, answer_page, read_id_cursor
from services.api.resources.campaign import payload_routes, read
from services.api.resources.campaign.answer import campaign_answer
from services.api.resources.campaign.callback_url import callback_fault, keeps_callback, seal_callback
from services.api.resources.campaign.carry_out import carry_out, hint, missing
from services.api.resources.campaign.schema import CampaignAnswer, CampaignChange, NewCampaign
from shared.domain.campaign import Campaign
from shared.domain.campaign_commands import ChangeCampaign, CreateCampaign, Named, RemoveCampaign
from shared.domain.campaign_needs import named_in
from shared.domain.identifiers import (
    AccountId,
    CampaignId,
    DomainId,
    Instant,
    ListId,
    SearchId,
    UserId,
    campaign_stream,
)
from shared.domain.refusal import Refused
from shared.event_store.interface import Actor
from shared.event_store.read_models.campaign import CAMPAIGNS

#: As requests spell it, and as the command does.
_FIELDS = {"list": "list_id", "domain": "domain_id"}


async def post_campaign(api: Api, call: Call[NoQuery, NewCampaign]) -> Answer | Refused:
    caller, wish = call.caller, call.content
    named = _named(caller.account_id, wish.list, wish.domain, wish.segments)
    campaign_id = CampaignId(await api.ids.next("campaign_id"))
    command = CreateCampaign(
        campaign_id=campaign_id,
        account_id=AccountId(caller.account_id),
        user_id=UserId(caller.user_id),
        name=wish.name,
        state=wish.state,
        list_id=ListId(wish.list),
        domain_id=None if wish.domain is None else DomainId(wish.domain),
        segments=tuple(map(SearchId, wish.segments)),
        when=None if wish.when is None else Instant(wish.when),
        event_callback=seal_callback(api, caller.account_id, wish.event_callback),
        callback_fault=await callback_fault(api, wish.event_callback),
        known=await read.look_up(api.database, named, dns_check=api.terms.checked),
    )
    done = await api.commands.handle(
        CAMPAIGNS,
        campaign_stream(campaign_id),
        command,
        Actor(caller.account_id, caller.user_id),
        fresh=True,
        also=lambda state: call.remember(_created(state)),
    )
    if isinstance(done, Refused):
        return done
    hint(api, done.state)
    return _created(done.state)


def _created(state: Campaign) -> Answer:
    return Answer(campaign_answer(state), 201, {"Location": f"/campaign/{state.campaign_id}"})


def _named(account_id: int, list_id: int | None, domain_id: int | None, segments: list[int]) -> Named:
    return Named(account_id, _set_of(list_id), _set_of(domain_id), frozenset(segments))


def _set_of(named: int | None) -> frozenset[int]:
    return frozenset() if named is None else frozenset({named})


async def get_campaigns(api: Api, call: Call[PageQuery, None]) -> Answer | Refused:
    after = read_id_cursor(call.query.start)
    if isinstance(after, Refused):
        return after
    campaigns, total = await read.read_page(api.database, call.caller, after, call.query.count)
    answers = [campaign_answer(each) for each in campaigns]
    return answer_page(call.target, answers, call.query.count, total, lambda last: [last["id"]])


async def get_campaign(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    (campaign_id,) = call.ids
    found = await read.read_campaign(api.database, call.caller, campaign_id)
    return Answer(campaign_answer(found)) if found else missing(campaign_id)


async def put_campaign(api: Api, call: Call[NoQuery, CampaignChange]) -> Answer | Refused:
    (campaign_id,), wish = call.ids, call.content
    found = await read.read_campaign(api.database, call.caller, campaign_id)
    if found is None:
        return missing(campaign_id)
    named = named_in(found) | _named(found.account_id, None, wish.domain, wish.segments)
    kept = keeps_callback(api, found, wish.event_callback)
    command = ChangeCampaign(
        fields=frozenset(_FIELDS.get(name, name) for name in wish.model_fields_set),
        known=await read.look_up(api.database, named, dns_check=api.terms.checked),
        name=wish.name,
        state=wish.state,
        list_id=found.list_id if wish.list is None else ListId(wish.list),
        domain_id=None if wish.domain is None else DomainId(wish.domain),
        segments=tuple(map(SearchId, wish.segments)),
        when=None if wish.when is None else Instant(wish.when),
        event_callback=found.event_callback if kept else seal_callback(api, found.account_id, wish.event_callback),
        callback_fault="" if kept else await callback_fault(api, wish.event_callback),
    )
    done = await carry_out(api, call, command)
    return done if isinstance(done, Refused) else Answer(campaign_answer(done))


async def delete_campaign(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    """Answers what it was."""
    (campaign_id,) = call.ids
    if await read.read_campaign(api.database, call.caller, campaign_id) is None:
        return missing(campaign_id)
    done = await carry_out(api, call, RemoveCampaign())
    return done if isinstance(done, Refused) else Answer(campaign_answer(done))


async def get_history(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    (campaign_id,) = call.ids
    if await read.read_campaign(api.database, call.caller, campaign_id) is None:
        return missing(campaign_id)
    return Answer(await read_history(api.store, campaign_stream(campaign_id), "campaign_id"))


OPERATIONS = (
    Operation(
        "GET", "/campaign", "The campaigns the caller may see", get_campaigns, list[CampaignAnswer], query=PageQuery
    ),
    Operation(
        "POST",
        "/campaign",
        "Plan to send payloads to a list at a time",
        post_campaign,
        CampaignAnswer,
        body=object_body(NewCampaign),
        status=201,
        refusals=(409, 413, 415),
        roles=WRITERS,
    ),
    Operation("GET", "/campaign/{campaign_id}", "One campaign", get_campaign, CampaignAnswer, refusals=(404,)),
    Operation(
        "PUT",
        "/campaign/{campaign_id}",
        "Change a campaign, or move it to another state",
        put_campaign,
        CampaignAnswer,
        body=object_body(CampaignChange),
        refusals=(404, 409, 413, 415),
        roles=WRITERS,
    ),
    Operation(
        "DELETE",
        "/campaign/{campaign_id}",
        "Remove a campaign that has not begun to send",
        delete_campaign,
        CampaignAnswer,
        refusals=(404, 409),
        roles=WRITERS,
    ),
    Operation(
        "GET",
        "/campaign/{campaign_id}/history",
        "Who did what to it, and when",
        get_history,
        list[HistoryAnswer],
        refusals=(404,),
    ),
    *payload_routes.OPERATIONS,
)
