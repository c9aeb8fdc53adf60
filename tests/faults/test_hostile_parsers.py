"""What reads what strangers send: thousands of inputs by chance. ``make hostile`` steers further ones by coverage."""

import logging
import random
from collections.abc import Iterator

import pytest

from tests.faults.measured import Measured
from tests.fuzz.messages import check_mail, compose_mail
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS, splice

INPUTS = 3_000  #: of each target in the short form


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What a parser logs of nonsense is nothing to keep."""
    before = logging.root.manager.disable
    logging.disable()
    yield
    logging.disable(before)


def test_every_target_has_seeds_that_it_takes() -> None:
    """Those are what its inputs are made of."""
    assert TARGETS.keys() == SEEDS.keys()
    for name, target in TARGETS.items():
        assert len(SEEDS[name]) > 4
        for seed in SEEDS[name]:
            target(seed)


@pytest.mark.fault(
    "F33",
    "inputs by chance to everything that reads what strangers send",
    expects="each is read or refused: no exception, no header, line or part that was not there",
)
@pytest.mark.parametrize("name", list(TARGETS))
def test_nothing_that_is_read_breaks_its_reader(
    name: str, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """Pieces of right and of wrong inputs, put together and changed."""
    target, seeds = TARGETS[name], SEEDS[name]
    for number in range(INPUTS * rounds):
        cuts = [dice.randrange(1 << 16) for _ in range(dice.randrange(1, 12))]
        data = splice(dice.choice(seeds), dice.choice(seeds), cuts)
        if number % 50 == 0:
            data = dice.randbytes(dice.randrange(200))
        try:
            target(data)
        except Exception as error:
            raise AssertionError(f"{name}: {data!r}") from error
    measured.add(inputs=INPUTS * rounds, broken=0, rounds=rounds if name == "mail" else 0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"Subject: ", b"Bcc: eve@example.org\r\nSubject: ", id="a header"),
        pytest.param(b"Subject: ", b"Subject: x\r\nSubject: ", id="a header twice"),
        pytest.param(b"<ada@example.org>", b"<ada@example.org>, eve@example.org", id="a recipient"),
        pytest.param(b"Hello", b"He\nllo", id="a bare line feed"),
        pytest.param(b"Hello", b"He\0llo", id="a null character"),
        pytest.param(b"Hello", b"Hello" * 300, id="a line without end"),
        pytest.param(b"multipart/alternative", b"multipart/mixed; boundary=y", id="another shape"),
    ],
)
def test_a_mail_that_was_broken_into_is_seen(old: bytes, new: bytes) -> None:
    made = compose_mail("Hello", "<p>Hello</p>", "Hello", "Ada", "The shop")
    assert made is not None
    changed = made.replace(old, new, 1)
    if old == b"<ada@example.org>":
        changed = made.replace(b"To: ada@example.org", b"To: ada@example.org, eve@example.org", 1)
    assert changed != made

    with pytest.raises((AssertionError, ValueError)):
        check_mail(changed)
