"""What a mail that came back is, told from mails as many programs write them, and from what no program writes."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.tracker.decisions.returned_mail.judge_mail import judge_mail
from services.tracker.decisions.returned_mail.judgement import Finding, Judgement, Verdict
from services.tracker.decisions.returned_mail.parse_mail import Mail
from shared.domain.bounce import classify_bounce
from shared.domain.delivery import Kind

MAILS = Path(__file__).with_name("mail")

#: (mail, what it shows, why it failed as noted, and what that says of the mailbox)
FAILED = [
    (
        "postfix_unknown_user",
        "a report of Postfix, marked as every answer of a program",
        "550 5.1.1 <recipient>: Recipient address rejected: User unknown",
        "hard",
    ),
    ("sendmail_user_unknown", "a report of Sendmail", "550 5.1.1 <recipient>... User unknown", "hard"),
    (
        "exchange_online_not_found",
        "a report of Exchange, its text in parts of a part",
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient recipient not found by SMTP address lookup",
        "hard",
    ),
    (
        "exchange_full",
        "a full mailbox is soft",
        "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException",
        "soft",
    ),
    ("expired", "given up after days of trying", "4.4.7 delivery time expired", "soft"),
    ("exim_with_report", "a bare report: the reason stands in the text", "5.0.0 Unrouteable address", "hard"),
    ("opensmtpd", "an action that no standard knows", "5.5.0 550 Invalid recipient: <recipient>", "hard"),
    ("no_action", "a report without an action", "5.1.1", "hard"),
    ("nested_report", "a report in a part of a mail", "550 5.1.1 unknown user", "hard"),
    ("no_boundary_end", "a report that was cut short", "5.1.1", "hard"),
    (
        "global_report",
        "a report on an address beyond ASCII",
        "550 5.1.1 Empfänger recipient unbekannt",
        "hard",
    ),
    ("report_in_base64", "a report in base64", "550 5.2.1 disabled", "hard"),
    ("encoded_words", "a reason in encoded words", "5.0.0 550 Empfänger unbekannt", "hard"),
    ("unknown_charset", "a charset that nobody knows", "=?x-klingon?q?nuqneH?= 550 5.1.1 user unknown", "hard"),
    (
        "exim_old",
        "Exim without a report",
        "SMTP error from remote mail server after RCPT TO:<recipient>: host mx.example.org: 550 5.1.1 unknown user",
        "hard",
    ),
    ("qmail", "qmail, which has a form of its own", "Sorry, no mailbox here by that name. (#5.1.1)", "hard"),
    (
        "yahoo",
        "Yahoo, likewise",
        "554: delivery error: dd This user doesn't have a yahoo.example account (recipient) [0] - mta1.yahoo.example",
        "hard",
    ),
    (
        "postfix_without_report",
        "Postfix of old",
        "host mail.example.org[192.0.2.7] said: 552 5.2.2 mailbox full",
        "soft",
    ),
    (
        "exchange_old",
        "Exchange of old",
        "on Tue, 24 Nov 2026 10:00:01 -0000 The recipient name is not recognized MSEXCH:IMS:EXAMPLE Unknown Recipient",
        "hard",
    ),
    (
        "dovecot_rejected",
        "a refusal in the form of a receipt",
        "Your message to <recipient> was automatically rejected: Quota exceeded (mailbox for user is full)",
        "soft",
    ),
    (
        "bounce_quoting_our_subject",
        "a mail program may begin its subject as it likes",
        "User is over quota. (#5.2.2)",
        "soft",
    ),
]


def read(name: str) -> bytes:
    return (MAILS / f"{name}.eml").read_bytes()


@pytest.mark.parametrize(
    ("name", "note", "says"), [pytest.param(name, note, says, id=shown) for name, shown, note, says in FAILED]
)
def test_failures_and_their_reasons(name: str, note: str, says: str) -> None:
    judgement = judge_mail(read(name))

    assert judgement == Judgement("failed", (Finding(Kind.BOUNCED, note),))
    assert classify_bounce(note) == says


OTHERS: list[tuple[str, str, Verdict, tuple[Finding, ...]]] = [
    ("postfix_success", "a success counts as delivered", "delivered", (Finding(Kind.DELIVERED),)),
    ("postfix_relayed", "handed on to where no reports are sent is nothing yet", "relayed", ()),
    ("sendmail_expanded", "handed on to the members of a list is nothing yet", "expanded", ()),
    ("arf_abuse", "a complaint", "complaint", (Finding(Kind.COMPLAINED, "abuse"),)),
    ("arf_fraud", "a complaint of fraud", "complaint", (Finding(Kind.COMPLAINED, "fraud"),)),
    ("arf_opt_out", "a wish to get no more", "complaint", (Finding(Kind.COMPLAINED, "opt-out"),)),
    ("arf_in_base64", "a complaint in base64", "complaint", (Finding(Kind.COMPLAINED, "abuse"),)),
    ("arf_behind_a_blank_line", "a complaint behind a blank line", "complaint", (Finding(Kind.COMPLAINED, "abuse"),)),
    ("arf_not_spam", "praise is no complaint", "other_report", ()),
    ("arf_auth_failure", "a report on our DNS is no complaint", "other_report", ()),
    ("vacation_sieve", "a vacation", "auto_reply", ()),
    ("out_of_office_exchange", "out of office in words that a bounce could have", "auto_reply", ()),
    ("out_of_office_german", "out of office in German, known by its subject alone", "auto_reply", ()),
    ("out_of_office_french", "and in French", "auto_reply", ()),
    ("out_of_office_japanese", "and in Japanese", "auto_reply", ()),
    ("autoreply_precedence", "a ticket system", "auto_reply", ()),
    ("challenge", "a challenge in the words of a bounce", "auto_reply", ()),
    ("read_receipt", "read is not bounced", "auto_reply", ()),
    ("answer_by_hand", "a reader who answers", "unknown", ()),
    ("returned_report_inside", "a reader who forwards a report", "unknown", ()),
]


@pytest.mark.parametrize(
    ("name", "verdict", "findings"),
    [pytest.param(name, verdict, findings, id=shown) for name, shown, verdict, findings in OTHERS],
)
def test_what_is_no_failure(name: str, verdict: Verdict, findings: tuple[Finding, ...]) -> None:
    assert judge_mail(read(name)) == Judgement(verdict, findings)


@pytest.mark.parametrize("name", ["postfix_delayed", "simple_warning"])
def test_a_delay_is_no_bounce(name: str) -> None:
    """With a report and without."""
    judgement = judge_mail(read(name))

    assert (judgement.verdict, [finding.kind for finding in judgement.findings]) == ("delayed", [Kind.DEFERRED])


def test_a_report_on_several_names_of_one_recipient_says_all_of_it_once() -> None:
    """Delivered here, failed there and there: the first reason is kept."""
    assert judge_mail(read("several_recipients")) == Judgement(
        "failed", (Finding(Kind.BOUNCED, "550 5.2.1 This account is disabled"), Finding(Kind.DELIVERED))
    )


def test_every_mail_of_the_corpus_is_looked_at() -> None:
    named = {name for name, *_ in FAILED} | {name for name, *_ in OTHERS}

    assert {path.stem for path in MAILS.glob("*.eml")} - named == {
        "postfix_delayed",
        "simple_warning",
        "several_recipients",
    }


@pytest.mark.parametrize("path", sorted(MAILS.glob("*.eml")), ids=lambda path: path.stem)
def test_line_ends_and_a_mail_returned_behind_make_no_difference(path: Path) -> None:
    """Over the wire every line ends in CRLF; and what is returned may be long."""
    content = path.read_bytes()

    assert judge_mail(content.replace(b"\n", b"\r\n")) == judge_mail(content)
    assert judge_mail(content + b"\n" + b"Buy. " * 300_000) == judge_mail(content)


#: What mails are made of, so that chance gets behind the first line.
PIECES = [
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=x\n",
    b"Content-Type: message/delivery-status\n",
    b"Content-Type: message/global-delivery-status\n",
    b"Content-Type: message/feedback-report\n",
    b"Content-Type: message/disposition-notification\n",
    b"Content-Type: message/rfc822\n",
    b"Content-Type: text/plain; charset=punycode\n",
    b"Content-Type: text/plain; charset=\xff\n",
    b"Content-Transfer-Encoding: base64\n",
    b"Content-Transfer-Encoding: x-uuencode\n",
    b"X-Failed-Recipients: anna@example.org\n",
    b"Auto-Submitted: auto-replied\n",
    b"Subject: =?utf-8?q?=ff?= =?nonsense?b?!?=\n",
    b"From: (((<\n",
    b"From: MAILER-DAEMON@example.org\n",
    b"Action: failed\n",
    b"Action: delayed\n",
    b"Status: 5.1.1\n",
    b"Status: \xff\n",
    b"Diagnostic-Code: smtp; 550 <anna@example.org> \xe4 =?utf-8?b?QA==?= unknown\n",
    b"Feedback-Type: abuse\n",
    b"Hi. This is the qmail-send program\n\n<anna@example.org>:\nno\n",
    b"--x\n",
    b"--x--\n",
    b"\n",
    b' folded; a*0="1\n',
    b"UmVwb3J0\n",
]
ANY_MAIL = st.lists(st.sampled_from(PIECES) | st.binary(max_size=40), max_size=60).map(b"".join)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=3_000) | ANY_MAIL)
@example(b"")
@example(b"Content-Type: multipart/mixed\n\n")
def test_any_bytes_have_a_verdict_and_no_note_an_address(content: bytes) -> None:
    """Whatever comes in, nothing is raised."""
    judgement = judge_mail(content)

    assert isinstance(judgement, Judgement)
    assert not [finding for finding in judgement.findings if "@" in finding.note or len(finding.note) > 300]


def test_one_look_that_stumbles_hides_nothing_from_the_next() -> None:
    """The parser of the standard library has no list of what it raises."""
    failed = Judgement("failed")

    assert judge_mail(b"Subject: x\n\n", (_stumbles, lambda _: failed)) == failed
    assert judge_mail(b"Subject: x\n\n", (_stumbles, lambda _: None)) == Judgement("unreadable")


def _stumbles(mail: Mail) -> Judgement | None:
    raise LookupError(mail.message.get_content_type())


def test_a_report_in_base64_that_is_none_says_nothing() -> None:
    assert judge_mail(_REPORT % b"base64\n\nA") == Judgement("unknown")


_REPORT = (
    b"From: a@example.com\nContent-Type: multipart/report; report-type=delivery-status; boundary=x\n\n"
    b"--x\nContent-Type: message/delivery-status\nContent-Transfer-Encoding: %s\n--x--\n"
)
