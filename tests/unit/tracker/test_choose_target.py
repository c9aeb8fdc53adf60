"""Where a click may lead."""

import pytest

from services.tracker.decisions.choose_target import choose_target

SHOP = "https://shop.example/sale?from=mail&x=%20#top"


@pytest.mark.parametrize(
    ("links", "number", "target"),
    [
        pytest.param([SHOP], 1, SHOP, id="to the link, letter by letter"),
        pytest.param(["http://a.example/", SHOP], 2, SHOP, id="links are numbered from 1"),
        pytest.param([SHOP], 0, None, id="there is no link 0"),
        pytest.param([SHOP], 2, None, id="nor one beyond the last"),
        pytest.param(["javascript:alert(1)"], 1, None, id="never into a script"),
        pytest.param(["ftp://files.example/"], 1, None, id="nor by another protocol"),
        pytest.param(["//shop.example/"], 1, None, id="nor where no protocol is named"),
        pytest.param(["https:///path"], 1, None, id="nor where no host is"),
        pytest.param(["https://shop.example/\r\nSet-Cookie: a=b"], 1, None, id="nor through a broken header"),
        pytest.param(["https://[::1/"], 1, None, id="nor to what is no address"),
    ],
)
def test_where_a_click_leads(links: list[str], number: int, target: str | None) -> None:
    assert choose_target(links, number) == target
