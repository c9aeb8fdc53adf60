"""Lines of CSV: they end as asked, and no spreadsheet runs a cell."""

import pytest

from shared.domain.csv_lines import csv_lines


def test_lines_end_as_they_are_asked_to() -> None:
    assert csv_lines([["a", "=b"], [1, None]], end="\n") == b"a,'=b\n1,\n"
    assert csv_lines([["a", "b,c"]]) == b'a,"b,c"\r\n'


@pytest.mark.parametrize(
    ("cell", "written"), [("+447700900123", "+447700900123"), ("+1-2", "'+1-2"), ("@x", "'@x"), ("a=b", "a=b")]
)
def test_what_looks_like_a_formula_is_text_and_a_telephone_is_none(cell: str, written: str) -> None:
    assert csv_lines([[cell]]) == f"{written}\r\n".encode()
