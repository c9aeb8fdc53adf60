"""No template and no value does more than stand in the message: nothing runs, no header, part or command is added."""

import html
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.email_address import to_envelope
from shared.domain.email_content import find_problems
from shared.domain.template import one_line, plain_lines
from shared.domain.template_tags import read_template
from tests.mails import PLAIN, body, mail, octets

CORPUS = Path(__file__).with_name("injections.txt").read_text(encoding="utf-8").splitlines()
LOGIC = "{% if email %}{{ vars.name | trim }}{% for x in vars.tags %}{{ x }}{% endfor %}{% endif %}{{ vars.name }}"
HEAD = ["From", "To", "Subject", "Date", "Message-ID"]
ALONE = [*HEAD, "Feedback-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"]

#: What breaks out of a header, a part, a line or a command, where it is let.
sharp = st.lists(
    st.sampled_from(
        [
            *("\r\n", "\n", "\r", "\0", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\u202e", "\u2066"),
            *(
                "Bcc: eve@example.org",
                "Subject: x",
                "X: y",
                ".",
                "..",
                ".\r\n",
                "DATA",
                "RCPT TO:<eve@example.org>",
                "--",
            ),
            *(
                "=?utf-8?q?=0D=0ABcc:_eve@example.org?=",
                "=?utf-8?b?DQpCY2M6IGV2ZQ==?=",
                "=?",
                "?=",
                "=_",
                "=0D=0A",
                "=\r\n",
            ),
            *(
                "<eve@example.org>",
                ",",
                ";",
                ":",
                '"',
                "\\",
                "(",
                ")",
                "<",
                ">",
                "@",
                " ",
                "\t",
                "a",
                "é",
                "🎉",
                "{{ email }}",
            ),
            *(
                "</body>",
                "<script>",
                "&lt;",
                "'",
                "%0d%0a",
                "Content-Type: text/html",
                "--=_",
                "\r\n\r\n",
                "x" * 80,
                "{% if %}",
            ),
        ]
    ),
    max_size=12,
).map("".join)
texts = sharp | st.text(max_size=60)


def seen(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("string", CORPUS)
def test_an_author_s_trick_is_refused_or_is_text(string: str) -> None:
    """The template is not taken, or what was written is what is read; or it asks for a value that there is not."""
    problems = find_problems(replace(PLAIN, text=string))
    if problems:
        assert {field for field, _ in problems} == {"text"}
        return

    asks = bool(read_template(string).tags)
    assert body(mail({"name": "Ada"}, text=string), "plain") == ("" if asks else string) + "\n"


@pytest.mark.parametrize("string", CORPUS)
def test_a_recipient_s_trick_is_text(string: str) -> None:
    """As a value, in each place of a message, cut or rendered."""
    values = {"name": string, "tags": [string]}
    message = mail(values, subject="S {{ vars.name }}", text="{{ vars.name }}", html="{{ vars.name }}")
    rendered = mail(values, subject="S {{ vars.name | trim }}", text=LOGIC, html=LOGIC)

    assert message["Subject"] == rendered["Subject"] == f"S {string}"
    assert body(message, "plain") == string + "\n"
    assert html.unescape(body(message, "html")) == string + "\n"
    assert body(rendered, "plain") == string * 3 + "\n"
    assert html.unescape(body(rendered, "html")) == string * 3 + "\n"
    assert not set("<>\"'") & set(body(rendered, "html"))


@given(texts, texts, texts)
def test_what_values_hold_adds_no_header_and_no_part(name: str, first: str, second: str) -> None:
    values = {"name": name, "tags": [first, second]}
    given = {"reply_to": "desk@example.org", "html": "<p>{{ vars.name }}</p>" + LOGIC, "text": LOGIC}
    content = octets(values, subject="A {{ vars.name }} b{{ vars.tags | join('-') }}", **given)
    message = mail(values, subject="A {{ vars.name }} b{{ vars.tags | join('-') }}", **given)

    assert message.keys() == [*HEAD, "Reply-To", "Feedback-ID", "MIME-Version", "Content-Type"]
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert message["Subject"] == seen(one_line(f"A {name} b{first}-{second}")).strip()
    assert seen(plain_lines(name)) in body(message, "plain")
    lines = content.split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line or b"\0" in line or line.startswith(b".") for line in lines)
    assert content.isascii()
    assert max(map(len, lines)) <= 78


@example("S", "\xa0")
@example("S", "\u3000a \xa0 b\xa0")
@given(texts, texts)
def test_what_an_author_writes_into_headers_is_refused_or_read_back(subject: str, from_name: str) -> None:
    content = replace(PLAIN, subject=subject, from_name=from_name)
    if find_problems(content):
        return

    message = mail(subject=subject, from_name=from_name)
    (sender,) = message["From"].addresses
    assert message.keys() == ALONE
    assert sender.addr_spec == "shop@example.org"
    # The reader of Python 3.11 puts a space between two encoded words of a name, where RFC 2047 says none, and takes
    # any white space for one space. Around a name there is none, and so none is left of a name that is nothing else.
    assert "".join(sender.display_name.split()) == "".join(seen(from_name).split())
    if read_template(subject).tags == ():
        assert message["Subject"] == seen(subject).strip()


@given(texts)
def test_an_address_stands_for_itself_or_is_not_there(address: str) -> None:
    """One To, and in it one address that goes into an envelope; as sender or for replies it is refused else."""
    message = mail(email=address)

    assert message.keys() == ALONE
    assert (message["To"].addresses == ()) == (to_envelope(address) is None)
    assert len(message["To"].addresses) <= 1
    for content in (replace(PLAIN, from_email=address), replace(PLAIN, reply_to=address)):
        assert find_problems(content) or to_envelope(address) is not None or not address


@pytest.mark.parametrize("sign", ["\u202e", "\u202a", "\u2066", "\u2069", "\u2028", "\x85", "\x7f", "\t", "\r\n", "\0"])
def test_no_header_turns_around_or_breaks(sign: str) -> None:
    """In what an author writes it is refused, out of a value it is taken."""
    assert [field for field, _ in find_problems(replace(PLAIN, subject=f"a{sign}b"))] == ["subject"]
    assert [field for field, _ in find_problems(replace(PLAIN, from_name=f"a{sign}b"))] == ["from_name"]
    assert mail({"name": f"a{sign}b"}, subject="{{ vars.name }}")["Subject"] == "ab"


@pytest.mark.parametrize("tag", ["{{ vars.name }}", "{% if email %}x{% endif %}", "{{ 7 }}"])
def test_a_sender_s_name_is_no_template(tag: str) -> None:
    assert find_problems(replace(PLAIN, from_name=tag)) == [("from_name", "no placeholders here")]


def test_pictures_stay_where_they_are() -> None:
    """By their URLs: neither embedded nor tracked as links."""
    source = (
        "<img src=\"https://pictures.example/a.png?x={{ vars.name | urlencode }}\"><img src='https://b.example/b.png'>"
    )
    message = mail({"name": "a b"}, html=source, track_clicks=True)

    assert body(message, "html") == source.replace("{{ vars.name | urlencode }}", "a%20b") + "\n"
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]


def test_the_corpus_is_read_as_it_stands() -> None:
    """Some strings are refused and some are text; none is taken for a template that does something."""
    templates = [read_template(string) for string in CORPUS]

    assert len(CORPUS) > 130
    assert sum(bool(template.faults) for template in templates) > 100
    assert sum(not template.faults and not template.tags for template in templates) > 10


def test_half_a_character_is_no_surprise() -> None:
    values = {"name": "a\ud800b", "tags": ["\udfff"]}

    assert octets(values, subject="{{ vars.name }}{{ vars.name | trim }}", text=LOGIC, html=LOGIC).isascii()
