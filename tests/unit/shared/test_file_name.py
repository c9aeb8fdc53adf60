"""Names of files, out of words that somebody chose."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.file_name import csv_name


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("Just Eli", "just_eli.csv"),
        ("Käse & Öl", "kase_ol.csv"),
        ("../../etc/passwd", "etc_passwd.csv"),
        ('a";\r\nX: y', "a_x_y.csv"),
        ("日本", "export.csv"),
        ("", "export.csv"),
    ],
    ids=ascii,
)
def test_a_name_keeps_what_is_plain(words: str, name: str) -> None:
    assert csv_name(words) == name


@given(st.text(max_size=300))
def test_no_name_means_anything_to_a_header_or_a_folder(words: str) -> None:
    assert re.fullmatch(r"[a-z0-9]([a-z0-9_]{0,98}[a-z0-9])?\.csv", csv_name(words))
