"""What an output cannot show is told in letters that it has, without a change of width."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkit.notebook.encoding import encoding_of, has_all, printable, refused

ENCODINGS = ("ascii", "cp949", "euc_kr", "cp437", "cp1252", "utf-8")


@given(st.text(), st.sampled_from(ENCODINGS))
def test_what_is_printable_can_be_printed(text, encoding):
    shown = printable(text, encoding)
    assert shown.encode(encoding).decode(encoding) == shown
    assert len(shown) == len(text)
    assert printable(shown, encoding) == shown


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", "+-| ???? ? x 1."),
        ("cp949", "+-| 비트코인 ? x 1."),
        ("euc_kr", "+-| 비트코인 ? x 1."),
        ("cp1252", "+-| ???? é x 1."),
        ("utf-8", "┌─│ 비트코인 é \N{MULTIPLICATION SIGN} 1…"),
    ],
)
def test_lines_of_tables_are_ascii_where_they_may_be_wide(encoding, shown):
    assert printable("┌─│ 비트코인 é \N{MULTIPLICATION SIGN} 1…", encoding) == shown


def test_half_a_letter_of_a_file_name_is_a_question_mark():
    assert printable("a\udc80", "utf-8") == "a?"


@pytest.mark.parametrize(
    ("stream", "encoding"),
    [
        (io.TextIOWrapper(io.BytesIO(), encoding="EUC-KR"), "euc_kr"),
        (io.TextIOWrapper(io.BytesIO(), encoding="UTF8"), "utf-8"),
        (io.StringIO(), "utf-8"),
        (None, "utf-8"),
    ],
)
def test_an_encoding_has_one_name(stream, encoding):
    assert encoding_of(stream) == encoding
    assert has_all(encoding) == (encoding == "utf-8")


def test_an_encoding_that_nobody_knows_is_none():
    class Odd(io.StringIO):
        encoding = "klingon"

    assert encoding_of(Odd()) == "utf-8"


def test_only_what_cannot_be_written_is_replaced():
    with pytest.raises(UnicodeDecodeError):
        refused(UnicodeDecodeError("ascii", b"\xff", 0, 1, "no"))
