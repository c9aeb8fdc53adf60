"""Which forms are ours, by what browsers say of them."""

import pytest

from services.api.console.same_origin import came_by_https, came_from_elsewhere, fault_in_origin

HOST = {"Host": "post.example.com"}


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        pytest.param({"Sec-Fetch-Site": "same-origin"}, True, id="the browser says so"),
        pytest.param(
            {"Sec-Fetch-Site": "same-origin", "Origin": "https://public.example.com"}, True, id="a proxy changed Host"
        ),
        pytest.param({"Sec-Fetch-Site": "cross-site", "Origin": "http://post.example.com"}, False, id="cross-site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, False, id="a neighbour of the same site"),
        pytest.param({"Sec-Fetch-Site": "none"}, False, id="typed by a hand, which sends no form"),
        pytest.param({"Sec-Fetch-Site": ""}, False, id="empty"),
        pytest.param({"Origin": "http://post.example.com"}, True, id="by origin"),
        pytest.param({"Origin": "http://POST.example.com"}, True, id="by origin, in any case"),
        pytest.param({"Origin": "http://post.example.com:8080"}, False, id="another port"),
        pytest.param({"Origin": "http://evil.example"}, False, id="another host"),
        pytest.param({"Origin": "null"}, False, id="from nowhere"),
        pytest.param({"Origin": "http://[broken"}, False, id="no url"),
        pytest.param({}, False, id="neither"),
    ],
)
def test_a_form_is_taken_from_this_origin_alone(headers: dict[str, str], ours: bool) -> None:
    assert (fault_in_origin({**HOST, **headers}) is None) == ours


def test_an_origin_that_cannot_be_read_is_not_that_of_a_request_without_host() -> None:
    assert fault_in_origin({"Origin": "null"}) is not None
    assert fault_in_origin({"Origin": "http://[broken"}) is not None


def test_the_browser_knows_of_https_where_a_proxy_ends_it() -> None:
    assert came_by_https({"Origin": "https://post.example.com"})
    assert not came_by_https({"Origin": "http://post.example.com"})
    assert not came_by_https({})


def test_a_link_from_elsewhere_is_known_from_a_picture_from_elsewhere() -> None:
    assert came_from_elsewhere({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})
    assert not came_from_elsewhere({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"})
    assert not came_from_elsewhere({"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"})
