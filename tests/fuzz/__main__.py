"""``python -m tests.fuzz TARGET SECONDS``: atheris looks for inputs that lead a target where it must not get; without
arguments it names the targets.

Whatever it finds is written to .cache/fuzz-corpus, from where the next run goes on; one that breaks a target is printed
and ends the run with a failure. Wants what requirements-fuzz.lock names.
"""

import logging
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["shared", "services"]):
    from tests.fuzz.seeds import SEEDS
    from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).resolve().parents[2] / ".cache/fuzz-corpus"


def main(name: str, seconds: str) -> None:
    corpus = CORPUS / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (corpus / f"seed-{number}").write_bytes(seed)
    logging.disable()
    options = [f"-max_total_time={seconds}", "-max_len=8192", "-rss_limit_mb=1024", "-timeout=20"]
    places = [f"-artifact_prefix={CORPUS}/broken-{name}-", "-print_final_stats=1", str(corpus)]
    atheris.Setup([sys.argv[0], *options, *places], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:]:
        main(*sys.argv[1:])
    else:
        print(*TARGETS)  # noqa: T201 - for the loop in the Makefile
