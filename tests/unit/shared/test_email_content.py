"""Everything wrong with an email is named at once, by field."""

from dataclasses import replace

import pytest

from shared.domain.email_content import EmailContent, find_problems

GOOD = EmailContent(
    subject="Hello {{ vars.name }}",
    from_name="Bücher & Co",
    from_email="shop@example.org",
    reply_to=None,
    html="<p>{{ vars.name }}</p>",
    text=None,
    track_opens=True,
    track_clicks=True,
    marketing=True,
)


def test_nothing_wrong() -> None:
    assert find_problems(GOOD) == []
    assert find_problems(replace(GOOD, html=None, text="Hi", from_name="", reply_to="desk@example.org")) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subject", ""),
        ("subject", "  "),
        ("subject", "a\r\nBcc: eve@example.org"),
        ("subject", "a\0b"),
        ("subject", "a\u2028b"),
        ("subject", "a\x9fb"),
        ("subject", "x" * 999),
        ("subject", "{{ env }}"),
        ("subject", "{{ unsubscribe_url }}"),
        ("from_name", "a\nb"),
        ("from_name", "{{ vars.name }}"),
        ("from_email", ""),
        ("from_email", "shop"),
        ("from_email", "a@example.org, b@example.org"),
        ("from_email", "jörg@example.org"),
        ("reply_to", "a@example.org\r\nX: y"),
        ("html", "{{ vars.name"),
        ("html", "a\0b"),
        ("text", "{{ x }}"),
    ],
)
def test_one_fault_is_named_by_its_field(field: str, value: str) -> None:
    problems = find_problems(replace(GOOD, **{field: value}))  # type: ignore[arg-type]  # every field here is a string

    assert [name for name, _ in problems] == [field]


def test_a_body_is_required() -> None:
    assert find_problems(replace(GOOD, html=None)) == [("html", "html or text is required")]
    assert find_problems(replace(GOOD, html="", text="")) == [("html", "html or text is required")]


def test_all_faults_at_once() -> None:
    bad = replace(
        GOOD, subject="\n{{ a }}", from_name="\0", from_email="x", reply_to="y", html="{{ b }}{{ c }}", text="{{"
    )

    assert [name for name, _ in find_problems(bad)] == [
        "subject",
        "subject",
        "from_name",
        "from_email",
        "reply_to",
        "html",
        "html",
        "text",
    ]
