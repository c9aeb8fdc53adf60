"""Small decisions at the edge of HTTP: routes, forms on offer, cursors, cells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator

from services.api import openapi
from services.api.accept import choose
from services.api.app import OPERATIONS
from services.api.authenticate import key_in
from services.api.body import read_query
from services.api.paging import page_headers, read_cursor, write_cursor
from services.api.problem import Problem
from services.api.resources.task.schema import TaskQuery
from services.api.resources.task.write_contacts import CSV, JSON, MEDIA, NDJSON
from services.api.routing import Routes
from shared.domain.csv_lines import neutral
from shared.domain.refusal import Fault

ROUTES = Routes(OPERATIONS)


def test_a_path_is_found_with_its_ids() -> None:
    found = ROUTES.find("/list/7/subscriber/8")

    assert found is not None
    assert (found[0].path, found[1]) == ("/list/{list_id}/subscriber/{subscriber_id}", (7, 8))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/task/",
        "/task/0",
        "/task/-1",
        "/task/1.0",
        "/task/01",
        "/task/9223372036854775808",
        "/task/٣",
        "/task/1/x",
        "/Task",
    ],
)
def test_what_is_no_path(path: str) -> None:
    assert ROUTES.find(path) is None


def test_get_serves_head_and_what_is_allowed_is_told() -> None:
    found = ROUTES.find("/task")

    assert found is not None
    assert found[0].allowed == ["GET", "HEAD", "POST", "PUT"]
    assert found[0].operation("HEAD") is found[0].operation("GET")
    assert found[0].operation("DELETE") is None


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("text/csv", CSV),
        ("text/*", CSV),
        ("application/x-ndjson, application/json;q=0.5", NDJSON),
        ("text/csv;q=0.1, application/json;q=0.2", JSON),
        ("text/csv;q=0", JSON),
        ("image/png", JSON),
        ("text/csv;q=x", CSV),
        (";;;,,q=", JSON),
    ],
)
def test_the_best_liked_form_is_chosen(accept: str, chosen: str) -> None:
    assert choose(accept, MEDIA) == chosen


@given(
    st.lists(
        st.none() | st.integers(-(2**63), 2**63) | st.text(st.characters(codec="utf-8", exclude_characters="\x00"))
    )
)
def test_a_cursor_says_what_it_was_written_of(place: list[str | int | float | None]) -> None:
    assert read_cursor(write_cursor(place)) == place


@given(st.text())
def test_no_cursor_is_too_strange(text: str) -> None:
    read_cursor(text)


def test_the_next_page_has_the_same_filters() -> None:
    headers = page_headers("/task?name=a%20b&start=old&count=2", 9, [5])

    assert headers["X-Total-Count"] == "9"
    assert headers["Link"] == f'</task?name=a+b&count=2&start={write_cursor([5])}>; rel="next"'
    assert "Link" not in page_headers("/task", 9, None)


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@x", "'@x"),
        ("-2", "'-2"),
        ("\t=1", "'\t=1"),
        ("+1+1", "'+1+1"),
        ("+447700900123", "+447700900123"),
        ("550 no", "550 no"),
        (7, 7),
        (None, None),
    ],
)
def test_cells_that_a_spreadsheet_would_run_are_neutralised(cell: object, written: object) -> None:
    assert neutral(cell) == written


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Basic dXNlcjphYmM=", "abc"),
        ("Basic OmFiYw==", "abc"),
        ("Basic %%%", None),
        ("Basic /w==", None),
        ("Digest abc", None),
        ("", None),
    ],
)
def test_the_key_in_a_header(header: str, key: str | None) -> None:
    assert key_in(header) == key


def test_a_query_names_every_fault() -> None:
    faults = read_query(TaskQuery, "count=0&sort=size&nothing=1&id=x")

    assert isinstance(faults, list)
    assert {fault.field for fault in faults} == {"count", "sort", "nothing", "id"}


def test_a_problem_tells_all_faults() -> None:
    body = Problem(400, faults=[Fault("a", "is required"), Fault("", "the body is odd")]).body()

    assert body["title"] == "Bad Request"
    assert body["detail"] == "a: is required; the body is odd"
    assert body["errors"] == [{"field": "a", "message": "is required"}, {"field": "", "message": "the body is odd"}]


def test_a_problem_without_faults_names_its_reason_among_the_errors() -> None:
    """Whoever shows errors alone shows something."""
    assert Problem(409, "it is used").body()["errors"] == [{"field": "", "message": "it is used"}]


def test_the_description_is_valid_and_names_every_operation() -> None:
    described = openapi.describe(OPERATIONS, "1")

    OpenAPIV31SpecValidator(described).validate()
    assert {(method.upper(), path) for path, methods in described["paths"].items() for method in methods} >= {
        (operation.method, operation.path) for operation in OPERATIONS
    }
    assert described["paths"]["/task"]["get"]["parameters"][0]["schema"]["anyOf"][0]["minimum"] == 1
