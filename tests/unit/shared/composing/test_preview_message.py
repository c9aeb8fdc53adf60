"""A preview shows what would be sent, and says how large it is and what is wrong with it."""

from dataclasses import replace

from shared.composing.fill_message import RecipientData
from shared.composing.preview_message import preview_email, preview_sms, sample_recipient
from tests.mails import CONTEXT, PLAIN, octets

CONTENT = replace(
    PLAIN,
    subject="Hi {{ vars.name | upper }}",
    html='<p>Hi {{ vars.name }} <a href="https://a.example">a</a>{% for x in vars.l %}<b>{{ x }}</b>{% endfor %}</p>',
    text=None,
    reply_to="desk@example.org",
    track_opens=True,
    track_clicks=True,
    marketing=True,
)
ADA = RecipientData("ada@example.org", "+441632960000", {"name": "Ada & Co", "l": ["x"]})
NOWHERE = "https://t.example/u/" + "preview".ljust(42, "-")


def test_an_email_is_shown_as_it_would_be_read() -> None:
    """Links as they were written, no pixel, and the way out leads nowhere."""
    preview = preview_email(CONTENT, CONTEXT, ADA)

    assert preview.headers == {
        "From": "The shop <shop@example.org>",
        "To": "ada@example.org",
        "Reply-To": "desk@example.org",
        "Subject": "Hi ADA & CO",
        "List-Unsubscribe": f"<{NOWHERE}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Feedback-ID": "7:3:marketing:postroom",
    }
    assert preview.html == (
        '<p>Hi Ada &amp; Co <a href="https://a.example">a</a><b>x</b></p>\n'
        f'<p><a href="{NOWHERE}">Unsubscribe</a></p>\n'
    )
    assert preview.text == f"Hi Ada & Co a (https://a.example) x\n\n-- \nUnsubscribe: {NOWHERE}\n"
    assert preview.faults == ()


def test_its_size_is_that_of_the_message_that_is_sent() -> None:
    """With pixel and tracked links."""
    given = {name: getattr(CONTENT, name) for name in ("subject", "html", "text", "reply_to")}
    sent = octets(dict(ADA.vars), **given, track_opens=True, track_clicks=True, marketing=True)

    assert preview_email(CONTENT, CONTEXT, ADA).size == len(sent)


def test_a_text_alone_has_no_html() -> None:
    assert preview_email(PLAIN, CONTEXT, ADA).html is None


def test_who_takes_too_much_is_told_so() -> None:
    greedy = ADA._replace(vars={"l": list(range(30_000))})
    preview = preview_email(CONTENT, CONTEXT, greedy)

    assert (preview.headers, preview.html, preview.text, preview.size) == ({}, None, None, None)
    assert preview.faults == (("", "the template takes more than 20,000 steps"),)


def test_faults_of_a_message_and_of_an_address() -> None:
    assert preview_email(replace(CONTENT, subject="{{ x }}"), CONTEXT, ADA).faults[0][0] == "subject"
    assert preview_email(CONTENT, CONTEXT, ADA._replace(email="")).faults == (
        ("email", "the address cannot be written to"),
    )


def test_without_a_recipient_everything_has_its_name() -> None:
    recipient = sample_recipient([CONTENT.subject, CONTENT.html or ""])
    preview = preview_email(CONTENT, CONTEXT, recipient)

    assert preview.headers["Subject"] == "Hi [NAME]"
    assert "<b>[l]</b><b>[l]</b>" in (preview.html or "")


def test_an_sms_is_counted_as_it_is_charged() -> None:
    preview = preview_sms("Acme", "{% if vars.name %}Hi {{ vars.name }}{% endif %}", CONTEXT, ADA)

    assert preview.text == "Hi Ada & Co"
    assert preview.parts is not None
    assert (preview.parts.encoding, preview.parts.parts, preview.parts.units) == ("GSM-7", 1, 11)
    assert preview.faults == ()


def test_what_makes_an_sms_dear_is_named() -> None:
    preview = preview_sms("Acme", "„{{ vars.name }}“ ✓✓", CONTEXT, ADA)

    assert preview.parts is not None
    assert (preview.parts.encoding, preview.parts.forced_by) == ("UCS-2", ("„", "“", "✓"))


def test_faults_of_an_sms() -> None:
    greedy = ADA._replace(vars={"name": "x" * 60_000, "l": list(range(30_000))})

    assert preview_sms("Acme", "{{ x }}", CONTEXT, ADA).faults[0][0] == "body"
    assert preview_sms("Acme", "{{ vars.name }}", CONTEXT, greedy).faults[0][1].startswith("the text takes 393 parts")
    assert preview_sms("Acme", "{% for x in vars.l %}{{ x }}{% endfor %}", CONTEXT, greedy).text is None
    assert preview_sms("Acme", "{{ vars.none }}", CONTEXT, ADA).faults == (("body", "the text is empty"),)
