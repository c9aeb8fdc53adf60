"""What is refused when a message is written, so that no task finds it out."""

from dataclasses import replace

import pytest

from shared.composing.check_message import email_problems, sms_problems
from tests.mails import PLAIN

#: Twenty loops within each other, each over two items: nobody means that.
ENDLESS = "".join(f"{{% for x{n} in {'vars.l' if n == 0 else f'x{n - 1}'} %}}" for n in range(20)) + "{% endfor %}" * 20


def test_nothing_wrong() -> None:
    content = replace(
        PLAIN, subject="{{ vars.a | upper }}", html="{% for x in vars.l %}{{ x.y }}{% endfor %}", text=None
    )

    assert email_problems(content) == []
    assert sms_problems("{% if vars.a %}{{ vars.b | round(2) }}{% endif %}") == []


@pytest.mark.parametrize("field", ["subject", "html", "text"])
def test_a_template_that_never_ends_is_refused_by_its_field(field: str) -> None:
    """Found by a trial, with whatever it asks for."""
    assert email_problems(replace(PLAIN, **{field: ENDLESS})) == [(field, "the template takes more than 20,000 steps")]  # type: ignore[arg-type]  # each is a text


def test_as_is_that_of_an_sms() -> None:
    assert sms_problems(ENDLESS) == [("body", "the template takes more than 20,000 steps")]


def test_faults_of_the_language_come_first() -> None:
    problems = email_problems(replace(PLAIN, subject=ENDLESS, text="\n{% if %}x{% endif %}"))

    assert problems == [("text", "line 2: '{% if %}' needs a value at its end")]
