"""The page of the API's description needs nothing but the API."""

import re

import pytest

from services.api.docs_page import policy_of, read_docs


def test_the_page_loads_nothing_from_elsewhere() -> None:
    """Every address in it is a path of this API, and what it fetches is there."""
    page = read_docs()[0].decode()
    addresses = re.findall(r"""(?:src|href)\s*=\s*["']?([^"'\s>]+)|fetch\(["']([^"']+)|url\(([^)]+)\)""", page)

    assert {address for found in addresses for address in found if address} == {"/openapi.json"}
    assert "//" not in page.replace("// ", "")


def test_its_policy_lets_its_own_script_run_and_no_other() -> None:
    """By hashes: no source of scripts or styles but these two, and a changed one is another."""
    page, headers = read_docs()
    policy = dict(each.split(" ", 1) for each in headers["Content-Security-Policy"].split("; "))

    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert {policy[each] for each in ("form-action", "base-uri", "frame-ancestors")} == {"'none'"}
    for kind in ("script-src", "style-src"):
        assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", policy[kind])
    assert policy_of(page.replace(b"fetch(", b"alert(")) != headers["Content-Security-Policy"]


@pytest.mark.parametrize("inline", [rb'\sstyle="', rb"\son[a-z]+=", rb"javascript:", rb"<(?:style|script)\s"])
def test_nothing_in_it_needs_what_the_policy_forbids(inline: bytes) -> None:
    page, _ = read_docs()

    assert re.search(inline, page) is None
    assert (page.count(b"<script"), page.count(b"<style")) == (1, 1)
