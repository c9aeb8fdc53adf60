"""An SMS as its recipient gets it: the author's words, the recipient's values, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.composing.fill_message import RecipientData
from shared.composing.prepare_sms import fill_sms, prepare_sms
from shared.domain.sms_content import body_faults, fault_in_text, keepable
from shared.domain.tokens import Token, TokenKeys, TokenKind

KEYS = TokenKeys([bytes(range(32))])
ADA = RecipientData("ada@example.org", "+447700900123", {"name": "Ada", "street": {"no": 7}})
NOBODY = RecipientData("", "+447700900124", {})


def filled(body: str, recipient: RecipientData = ADA, ordinal: int = 3) -> str:
    return fill_sms(prepare_sms("Acme", body, 7, "https://t.example", "Friends"), ordinal, recipient, KEYS)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param("Hi {{ vars.name }}!", "Hi Ada!", id="a value"),
        pytest.param(
            "{{ vars.street.no }} {{ email }} {{ telephone }}", "7 ada@example.org +447700900123", id="each kind"
        ),
        pytest.param('{{ vars.age | default("young") }}', "young", id="a default"),
        pytest.param("by {{ list.name }}", "by Friends", id="the list"),
        pytest.param("one\r\ntwo\rthree\n", "one\ntwo\nthree\n", id="line breaks are LF, and none is added"),
        pytest.param("a\tb\x07c\u2028d", "a bcd", id="a tab is a space, other controls are nothing"),
        pytest.param(
            "see https://example.com/?a=1&b=2", "see https://example.com/?a=1&b=2", id="a link is not tracked"
        ),
        pytest.param("1 < 2 & 3", "1 < 2 & 3", id="nothing is escaped"),
    ],
)
def test_the_text_of_a_body(body: str, text: str) -> None:
    assert filled(body) == text


def test_who_has_no_value_gets_the_default() -> None:
    assert (
        filled('{{ email | default("no mail") }}, {{ vars.name | default("you\tall") }}', NOBODY) == "no mail, you all"
    )


def test_a_value_is_not_a_template_and_brings_no_controls() -> None:
    sly = RecipientData("", "+447700900125", {"name": "{{ email }}\x00\x1b\r\nx\ty"})

    assert filled("{{ vars.name }}", sly) == "{{ email }}\nx y"


def test_the_unsubscribe_url_is_the_recipient_s() -> None:
    url = filled("Leave: {{ unsubscribe_url }}").removeprefix("Leave: ")

    base, _, token = url.rpartition("/")
    assert base == "https://t.example/u"
    assert KEYS.read_web(token) == Token(7, 3, TokenKind.UNSUBSCRIBE, 0)


@given(st.text(), st.dictionaries(st.just("name"), st.text()))
def test_every_recipient_gets_a_text_that_can_be_sent_on(body: str, values: dict[str, str]) -> None:
    """Whatever stands in body and vars: no control but a line feed is left, and the same comes out again."""
    recipient = RecipientData("", "+447700900123", values)
    if body_faults(body):
        return
    body += "{{ vars.name }}"

    text = filled(body, recipient)

    assert text == filled(body, recipient)
    assert all(sign == "\n" or not (sign < " " or "\x7f" <= sign <= "\x9f") for sign in text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a" * 1_530, None),
        ("a" * 1_531, "the text takes 11 parts, and at most 10 are sent"),
        ("", "the text is empty"),
        (" \n", "the text is empty"),
    ],
    ids=["ten parts", "eleven", "nothing", "nothing to read"],
)
def test_what_is_no_text_to_send(text: str, fault: str | None) -> None:
    assert fault_in_text(text) == fault


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("unknown number +447700900123", "unknown number number"),
        ("447700900123: barred", "number: barred"),
        ("to 07700 900 123 (code 30008)", "to number (code 30008)"),
        ("(0)7700-900.123 is off", "number is off"),
        ("two\r\nlines\u2028three", "two lines three"),
        ("x" * 5_000, "x" * 300),
        ("in 2026-11-24 at 10:20", "in number at 10:20"),
    ],
)
def test_what_is_kept_of_a_reason_is_a_line_without_a_number(said: str, kept: str) -> None:
    """Rather a date too many is lost than a telephone number kept."""
    assert keepable(said) == kept


@given(st.text(), st.from_regex(r"\+?[1-9][0-9]{6,14}", fullmatch=True), st.text())
def test_no_number_is_kept(before: str, number: str, after: str) -> None:
    assert number.lstrip("+") not in keepable(before + number + after)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("{% for x in vars.l %}{{ x | upper }} {% endfor %}{{ list.name }}", "A 1 Friends"),
        ("{% if vars.street.no > 5 %}Hi {{ vars.name }}{% endif %}\r\n{{ vars.tab | trim }}.", "Hi Ada\nx y."),
        ('{{ vars.none | default("you") | upper }} {{ vars.none | default("a\tb") }}', "YOU a b"),
    ],
)
def test_a_body_with_conditions_is_rendered(body: str, text: str) -> None:
    recipient = RecipientData("", "+447700900123", {**ADA.vars, "l": ["a", 1], "tab": "x\ty\0"})

    assert filled(body, recipient) == text


def test_a_rendered_body_has_the_recipient_s_way_out() -> None:
    url = filled("{% if vars.name %}Leave: {{ unsubscribe_url }}{% endif %}").removeprefix("Leave: ")

    assert KEYS.read_web(url.rpartition("/")[2]) == Token(7, 3, TokenKind.UNSUBSCRIBE, 0)


def test_what_stands_in_a_condition_does_not_make_a_body_too_long() -> None:
    """It is not for everybody; what everybody gets is counted."""
    long = "a" * 1_600

    assert body_faults(f"{{% if vars.a %}}{long}{{% endif %}}") == []
    assert body_faults(f"{long}{{% if vars.a %}}x{{% endif %}}") != []
    assert body_faults(f"{{% if vars.a %}}x{{% endif %}}{long}") != []
