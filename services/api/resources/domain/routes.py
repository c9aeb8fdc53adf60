"""``/domain``: parse, handle, answer."""

import asyncio
from typing import Any

from services.api.body import object_body
from services.api.dkim_keys import DrawnKeys, draw_keys, draw_selector, key_rows
from services.api.fields import NoQuery
from services.api.operation import WRITERS, Answer, Api, Call, Operation
from services.api.paging import PageQuery, answer_page, read_id_cursor
from services.api.resources.domain import read
from services.api.resources.domain.answer import domain_answer
from services.api.resources.domain.schema import DomainAnswer, DomainChange, NewDomain
from services.api.still_needed import need_of_domain
from shared.domain.identifiers import AccountId, DomainId, domain_stream
from shared.domain.refusal import Fault, Refused
from shared.domain.sending_domain import AddDomain, ChangeDomain, Command, RemoveDomain, SendingDomain
from shared.event_store.interface import Actor
from shared.event_store.read_models.sending_domain import DOMAINS


async def post_domain(api: Api, call: Call[NoQuery, NewDomain]) -> Answer | Refused:
    account_id, name = call.caller.account_id, call.content.name
    domain_id = DomainId(await api.ids.next("domain_id"))
    key_ids = [await api.ids.next("dkim_key_id") for _ in range(2)]
    async with api.in_turn.turn(("domain name", account_id, name)):
        taken = await read.is_name_taken(api.database, account_id, name)
        drawn = await asyncio.to_thread(draw_keys)
        done = await api.commands.handle(
            DOMAINS,
            domain_stream(domain_id),
            _addition(domain_id, call, drawn, taken=taken),
            Actor(account_id, call.caller.user_id),
            fresh=True,
            also=lambda state: (*key_rows(api.secret, state, key_ids, drawn), *call.remember(_created(api, state))),
        )
    if isinstance(done, Refused):
        return done
    api.look_at_dns()
    return _created(api, done.state)


def _addition(domain_id: DomainId, call: Call[NoQuery, NewDomain], drawn: DrawnKeys, *, taken: bool) -> AddDomain:
    return AddDomain(
        domain_id=domain_id,
        account_id=AccountId(call.caller.account_id),
        name=call.content.name,
        bouncing=call.content.bouncing,
        algorithm=call.content.dkim_algorithm,
        selector=draw_selector(),
        rsa_public_key=drawn["rsa-sha256"].public,
        ed25519_public_key=drawn["ed25519-sha256"].public,
        name_taken=taken,
    )


def _created(api: Api, state: SendingDomain) -> Answer:
    return Answer(domain_answer(state, api.terms), 201, {"Location": f"/domain/{state.domain_id}"})


async def get_domains(api: Api, call: Call[PageQuery, None]) -> Answer | Refused:
    after = read_id_cursor(call.query.start)
    if isinstance(after, Refused):
        return after
    domains, total = await read.read_page(api.database, call.caller.account_id, after, call.query.count)
    answers = [domain_answer(domain, api.terms) for domain in domains]
    return answer_page(call.target, answers, call.query.count, total, lambda last: [last["id"]])


async def get_domain(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    (domain_id,) = call.ids
    found = await read.read_domain(api.database, call.caller.account_id, domain_id)
    return Answer(domain_answer(found, api.terms)) if found else _missing(domain_id)


async def put_domain(api: Api, call: Call[NoQuery, DomainChange]) -> Answer | Refused:
    """A change of nothing is answered, too: whoever has just published the records wants DNS looked at."""
    (domain_id,), change = call.ids, call.content
    known = await read.read_domain(api.database, call.caller.account_id, domain_id)
    if known is None:
        return _missing(domain_id)
    if change.name not in (None, known.name):
        return Refused.invalid(Fault("name", f"stays {known.name}: add another domain"))
    answer = await _handle(api, call, ChangeDomain(change.bouncing, change.dkim_algorithm))
    await api.database.execute(read.QUERIES["look_soon"], domain_id)
    api.look_at_dns()
    return answer


async def delete_domain(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    """Answers what it was. Tasks that have started go on signing with its keys."""
    (domain_id,) = call.ids
    known = await read.read_domain(api.database, call.caller.account_id, domain_id)
    if known is None:
        return _missing(domain_id)
    needed = await need_of_domain(api.database, call.caller, known.name)
    return await _handle(api, call, RemoveDomain(needed))


async def _handle(api: Api, call: Call[NoQuery, Any], command: Command) -> Answer | Refused:
    stream, actor = domain_stream(call.ids[0]), Actor(call.caller.account_id, call.caller.user_id)
    async with api.in_turn.turn(stream):
        done = await api.commands.handle(DOMAINS, stream, command, actor)
    return done if isinstance(done, Refused) else Answer(domain_answer(done.state, api.terms))


def _missing(domain_id: int) -> Refused:
    return Refused.not_found(f"there is no domain {domain_id}")


OPERATIONS = (
    Operation("GET", "/domain", "The domains of the account", get_domains, list[DomainAnswer], query=PageQuery),
    Operation(
        "POST",
        "/domain",
        "Add a domain to send from, with keys of its own",
        post_domain,
        DomainAnswer,
        body=object_body(NewDomain),
        example={"name": "news.example.com", "bouncing": True},
        status=201,
        refusals=(409, 413, 415),
        roles=WRITERS,
    ),
    Operation("GET", "/domain/{domain_id}", "One domain", get_domain, DomainAnswer, refusals=(404,)),
    Operation(
        "PUT",
        "/domain/{domain_id}",
        "Change a domain, and have DNS looked at",
        put_domain,
        DomainAnswer,
        body=object_body(DomainChange),
        example={"bouncing": True},
        refusals=(404, 409, 413, 415),
        roles=WRITERS,
    ),
    Operation(
        "DELETE",
        "/domain/{domain_id}",
        "Remove a domain that no task waits to be sent from",
        delete_domain,
        DomainAnswer,
        refusals=(404, 409),
        roles=WRITERS,
    ),
)
