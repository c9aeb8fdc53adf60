"""Requests drawn from the description of the API, right ones and wrong ones: every answer is one that it tells of."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.result import Ok
from schemathesis.openapi import from_dict

from shared.postgres.database import Database
from tests.faults.measured import Measured
from tests.integration.api.conftest import Client, Ready, count_events

EXAMPLES = 1  #: right ones of each operation, and as many wrong ones, in each round
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def operations_of(description: dict[str, Any]) -> Iterator[Any]:
    for found in from_dict(description).get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        if operation.method != "head":  # answered like GET, by the same code
            yield operation


class Prober:
    """Asks in a thread of its own, as clients do, and counts events in the loop of the API."""

    def __init__(self, client: Client, database: Database, measured: Measured) -> None:
        self._client, self._database, self._measured = client, database, measured
        self._loop = asyncio.get_running_loop()
        self._session = requests.Session()
        self.statuses: Counter[int] = Counter()
        self.never_wrong: list[str] = []  #: operations of which no wrong request could be made

    def probe(self, operation: Any, mode: GenerationMode, examples: int, chances: int) -> None:
        """``examples`` of this kind; the first id of whatever was made in each other path."""
        first = {each.name: 2 if each.name == "key_id" else 1 for each in operation.path_parameters}  # 1 is ours
        nothing_else = mode is GenerationMode.NEGATIVE and not operation.body and not operation.query
        paths = [None] if nothing_else or not first else [None, first]
        for given_path in paths:
            strategy = operation.as_strategy(generation_mode=mode, path_parameters=given_path)
            once = settings(
                max_examples=examples,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            try:
                once(seed(chances)(given(case=strategy)(self._ask)))()
            except Unsatisfiable:
                self.never_wrong.append(operation.label)

    def _ask(self, case: Any) -> None:
        before = self._count()
        key = {"Authorization": f"Bearer {self._client.key}"}
        answer = case.call(base_url=self._client.url, headers=key, session=self._session, allow_redirects=False)
        case.validate_response(answer, checks=CHECKS)
        if answer.status_code >= 400 or case.method == "GET":
            assert self._count() == before, (case.as_curl_command(), answer.status_code)
        self.statuses[answer.status_code] += 1
        self._measured.add(requests=1)

    def _count(self) -> int:
        return asyncio.run_coroutine_threadsafe(count_events(self._database), self._loop).result(60)

    def close(self) -> None:
        self._session.close()


@pytest.mark.fault(
    "F33",
    "requests by the description of the API, right and wrong ones",
    expects="0 answers of 5xx or that it does not tell of, 0 events by what was refused",
)
@pytest.mark.timeout(300)
async def test_every_answer_is_one_that_the_description_tells_of(
    client: Client,
    ready: Ready,
    ready_task: int,
    database: Database,
    dice: random.Random,
    rounds: int,
    measured: Measured,
) -> None:
    """Status, content type, headers and shape, of each operation."""
    description = (await client.get("/openapi.json")).json
    prober, chances = Prober(client, database, measured), dice.randrange(1 << 32)
    try:
        for operation in operations_of(description):
            for mode in GenerationMode:
                await asyncio.to_thread(prober.probe, operation, mode, EXAMPLES * rounds, chances)
    finally:
        prober.close()
    measured.add(broken=0, operations=len([*operations_of(description)]))
    assert len(prober.never_wrong) < 20, prober.never_wrong
    good, bad = (sum(times for status, times in prober.statuses.items() if status // 100 == kind) for kind in (2, 4))
    assert good > measured.figures["requests"] / 20, prober.statuses
    assert bad > measured.figures["requests"] / 20, prober.statuses
