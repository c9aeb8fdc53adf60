"""Evidence as 16 bits and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.evidence import MOST_COMPANY, Agent, Evidence, Network, unpack


@given(
    st.builds(
        Evidence,
        st.sampled_from(Agent),
        st.sampled_from(Network),
        st.booleans(),
        st.integers(0, MOST_COMPANY),
        st.booleans(),
    )
)
def test_evidence_comes_back_as_it_went(evidence: Evidence) -> None:
    """And fits where it is stored."""
    assert unpack(evidence.pack()) == evidence
    assert evidence.pack() < 2**16


@pytest.mark.parametrize(
    ("evidence", "stored"),
    [
        pytest.param(Evidence(), 0, id="none"),
        pytest.param(Evidence(Agent.BROWSER, Network.OTHER), 0x013, id="a browser"),
        pytest.param(Evidence(Agent.APPLE_PRIVACY, Network.APPLE), 0x025, id="Apple's proxy at home"),
        pytest.param(Evidence(Agent.GOOGLE_PROXY, Network.GOOGLE), 0x036, id="Google's proxy at home"),
        pytest.param(Evidence(Agent.YAHOO_PROXY, Network.OTHER), 0x017, id="Yahoo's proxy"),
        pytest.param(Evidence(Agent.MICROSOFT_PREVIEW, Network.MICROSOFT), 0x048, id="Microsoft's preview at home"),
        pytest.param(Evidence(Agent.LINK_SCANNER), 0x009, id="a scanner"),
        pytest.param(Evidence(Agent.BOT), 0x00A, id="a robot"),
        pytest.param(Evidence(Agent.LIBRARY), 0x00B, id="a library"),
        pytest.param(Evidence(Agent.EMPTY, prefetch=True), 0x082, id="a prefetch"),
        pytest.param(Evidence(Agent.UNKNOWN, company=2), 0x201, id="the third link"),
        pytest.param(Evidence(Agent.MAIL_CLIENT, company=1, every=True), 0x904, id="the second of two links"),
    ],
)
def test_what_was_stored_keeps_its_meaning(evidence: Evidence, stored: int) -> None:
    """The log is read for ever by these numbers."""
    assert (evidence.pack(), unpack(stored)) == (stored, evidence)


def test_much_company_is_as_much_as_fits() -> None:
    assert unpack(Evidence(company=40).pack()).company == MOST_COMPANY


@given(st.integers(0, 2**16 - 1))
def test_any_16_bits_can_be_read(stored: int) -> None:
    """A later version may have classes that this one does not know."""
    assert unpack(stored)
