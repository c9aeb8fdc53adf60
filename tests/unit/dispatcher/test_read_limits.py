"""What an operator may write as a limit, and what he is told when he may not."""

import pytest

from services.dispatcher.decisions.read_limits import (
    DomainLimits,
    Limit,
    TransportLimit,
    read_domain_limits,
    read_transport_limit,
)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        pytest.param("", TransportLimit(), id="nothing is limited"),
        pytest.param("connections=40", TransportLimit(Limit(40)), id="connections alone"),
        pytest.param(
            "connections=40 rate=0.5 messages_per_connection=100",
            TransportLimit(Limit(40, 0.5), 100),
            id="all three, a message every two seconds",
        ),
        pytest.param("connections=0", ["connections=0: must be more than 0"], id="no connection would send nothing"),
        pytest.param("connections=1.5", ["connections=1.5: must be whole"], id="half a connection"),
        pytest.param("rate=inf", ["rate=inf: must be more than 0"], id="no limit is said by leaving it out"),
        pytest.param(
            "rate=a speed=1 rate=2 rate=3",
            [
                "rate=a: not a number",
                "'speed' is not known: connections, rate, messages_per_connection are",
                "rate is given twice",
            ],
            id="every fault is named",
        ),
    ],
)
def test_limit_of_a_relay(text: str, read: TransportLimit | list[str]) -> None:
    assert read_transport_limit(text) == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        pytest.param("", DomainLimits({}, {}), id="nobody is limited"),
        pytest.param(
            "Gmail.com,googlemail.com connections=10 rate=20; example.org rate=0.5;",
            DomainLimits(
                {"gmail.com": "gmail.com", "googlemail.com": "gmail.com", "example.org": "example.org"},
                {"gmail.com": Limit(10, 20.0), "example.org": Limit(None, 0.5)},
            ),
            id="domains that share a limit, in any case",
        ),
        pytest.param(
            "a.example rate=1; a.example; b@c rate=1; d.example messages_per_connection=3",
            [
                "a.example has two limits",
                "a.example: connections= or rate= is missing",
                "'b@c' is no domain",
                "d.example: 'messages_per_connection' is not known: connections, rate are",
            ],
            id="every fault is named",
        ),
    ],
)
def test_limits_of_domains(text: str, read: DomainLimits | list[str]) -> None:
    assert read_domain_limits(text) == read
