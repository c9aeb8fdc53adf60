"""The URL of an SMSC."""

import pytest

from services.dispatcher.channels.smpp.smpp_address import SmppAddress, parse_smpp_url


@pytest.mark.parametrize(
    ("url", "read"),
    [
        pytest.param(
            "smpp://user:se%40ret@smsc.example",
            SmppAddress("smsc.example", 2775, "user", "se@ret"),
            id="the usual port",
        ),
        pytest.param(
            "smpps://user:secret@smsc.example?window=50&system_type=VMA",
            SmppAddress("smsc.example", 3550, "user", "secret", "VMA", 50, tls=True),
            id="over TLS, with all arguments",
        ),
        pytest.param(
            "smpp://smsc.example:0/x?speed=1&window=0",
            [
                "the port must be 1 to 65535",
                "nothing may follow the host but arguments",
                "the system_id is missing: smpp://system_id:password@host",
                "unknown argument 'speed': window and system_type are known",
                "window must be 1 to 1000, not '0'",
            ],
            id="every fault is named",
        ),
        pytest.param(
            "smpp://user:muchtoolong@smsc.example",
            ["password must be at most 8 ASCII characters"],
            id="a password that the protocol has no room for",
        ),
    ],
)
def test_url(url: str, read: SmppAddress | list[str]) -> None:
    assert parse_smpp_url(url) == read


def test_the_password_does_not_show_when_it_is_logged() -> None:
    assert "secret" not in repr(parse_smpp_url("smpp://user:secret@smsc.example"))
