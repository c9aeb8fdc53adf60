"""Twelve mistakes that others have made, planted one by one: for each there is a test that fails, at the line meant.

That the same tests pass as things are, they show themselves; `make known-bugs` runs both.
"""

import pytest

from tests.known_bugs.bugs import BUGS
from tests.known_bugs.known_bug import KnownBug, Target, failing_line, make_test
from tests.known_bugs.page import PAGE, known_bugs_page

for _bug in BUGS:
    globals()[f"test_{_bug.plant.__name__}"] = make_test(_bug)


def test_there_are_twelve_and_each_has_a_name_of_its_own() -> None:
    assert len({bug.name for bug in BUGS}) == len({bug.plant.__name__ for bug in BUGS}) == 12


def test_the_page_of_known_bugs_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == known_bugs_page()


async def _passes() -> None:
    assert True


async def _fails_elsewhere() -> None:
    assert not FAILS, "elsewhere"


FAILS = True


@pytest.mark.parametrize(
    ("target", "said"),
    [
        pytest.param(_passes, "DID NOT RAISE", id="a target that passes"),
        pytest.param(_fails_elsewhere, "failed for another reason: elsewhere", id="another assertion"),
    ],
)
async def test_a_bug_that_its_target_does_not_see_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, target: Target, said: str
) -> None:
    bug = KnownBug("none", "nobody", lambda patch: None, target, "assert something else")

    with pytest.raises((AssertionError, pytest.fail.Exception), match=said):
        await make_test(bug)(monkeypatch=monkeypatch)


def test_where_something_failed_is_told_by_the_line_of_the_target() -> None:
    assert failing_line(None, _passes) == ""
