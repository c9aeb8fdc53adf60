"""The domain's row. Its private keys are in no event: whoever adds a domain writes their rows."""

from shared.domain import sending_domain
from shared.domain.sending_domain import SendingDomain
from shared.event_store.handle_command import Aggregate
from shared.event_store.interface import Write
from shared.event_store.read_models.statements import STATEMENTS


def rows(state: SendingDomain, version: int) -> tuple[Write, ...]:
    return (
        Write(
            STATEMENTS["write_domain"],
            (
                state.domain_id,
                state.account_id,
                state.name,
                version,
                state.cdate,
                state.bouncing,
                state.algorithm,
                state.selector,
                state.rsa_public_key,
                state.ed25519_public_key,
                sorted(state.found),
                state.removed,
            ),
        ),
    )


DOMAINS: Aggregate[SendingDomain, sending_domain.Command, sending_domain.Event] = Aggregate(
    sending_domain.replay, sending_domain.decide, sending_domain.evolve, rows
)
