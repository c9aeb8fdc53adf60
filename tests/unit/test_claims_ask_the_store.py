"""Whatever begins something asks first whether the store is open: one that was restored must not act on old plans."""

import pytest

from services.dispatcher.campaigns.statements import STATEMENTS as CAMPAIGNS
from services.dispatcher.jobs.statements import STATEMENTS as JOBS
from services.dispatcher.notices.statements import STATEMENTS as NOTICES
from services.dispatcher.planner.statements import STATEMENTS as PLANNER
from services.dispatcher.sending.statements import STATEMENTS as SENDING
from services.tracker.callbacks.statements import STATEMENTS as CALLBACKS

CLAIMS = {
    "claim_batches": SENDING,
    "claim_paced": SENDING,
    "due_tasks": PLANNER,
    "claim_freezing": PLANNER,
    "due_campaigns": CAMPAIGNS,
    "claim_notice": NOTICES,
    "claim_job": JOBS,
    "claim_postback": JOBS,
    "claim_lines": CALLBACKS,
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_asks_whether_the_store_is_open(name: str) -> None:
    """Once for the statement, not for each row."""
    assert "(SELECT store_is_open())" in CLAIMS[name][name]
