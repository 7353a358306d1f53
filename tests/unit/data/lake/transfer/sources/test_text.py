"""Text in any encoding and with any separator, and lines above the header."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.data.lake.transfer.sources.text import open_text, take_apart, without_blanks
from marketkit.errors import InputError

HEADER = "일시,시가,고가,저가,종가,거래량"
ROW = "2024-01-01 09:00,1,4,0.5,2,10"


def cells(text, encoding=None, given=None, code="utf-8"):
    content = text if isinstance(text, bytes) else text.encode(code)
    return take_apart([open_text(content, encoding, given or {})])


@pytest.mark.parametrize("sign", [",", "\t", ";", "|"])
def test_the_separator_is_found(sign):
    frame = cells(f"{HEADER}\n{ROW}\n".replace(",", sign))
    assert frame.rows() == [tuple(ROW.split(","))]


@pytest.mark.parametrize(
    "above", ["https://www.example.com\n", "# made,by,me,with,care\n# twice\n", "\n\n", "KRW-BTC\n"]
)
def test_lines_above_the_header_are_no_matter(above):
    frame = cells(f"{above}{HEADER}\n{ROW}\n# the end\n")
    assert frame.rows() == [tuple(ROW.split(","))]


@pytest.mark.parametrize(
    "header",
    [
        f"# {HEADER}",
        f" {HEADER.replace(',', ' , ')}",
        '"일시","시가","고가","저가","종가","거래량"',
    ],
)
def test_a_header_may_be_commented_out_spaced_and_quoted(header):
    assert cells(f"{header}\r\n{ROW}\r\n").columns == HEADER.split(",")


def test_a_comment_that_reads_like_a_header_is_none_where_one_follows():
    frame = cells(f"# {HEADER}\n{HEADER}\n{ROW}\n")
    assert frame.rows() == [tuple(ROW.split(","))]


def test_a_header_may_have_none_but_given_names():
    frame = cells("made by me\nt,o,h\n1,2,3\n", given={"time": "t", "open": "o", "high": "h"})
    assert frame.rows() == [("1", "2", "3")]


def test_a_header_alone_is_a_table_without_rows():
    assert cells(f"{HEADER}\n").shape == (0, 6)
    assert cells(HEADER).shape == (0, 6)


def test_files_put_behind_one_another_have_one_header():
    assert cells(f"{HEADER}\n{ROW}\n{HEADER}\n{ROW}\n").height == 2
    other = ",".join(["일시", *HEADER.split(",")[:0:-1]])
    assert cells(f"{HEADER}\n{ROW}\n{other}\n{ROW}\n").height == 3


def test_columns_of_one_name_are_told_apart():
    assert cells("time,open,high,plot,plot\n1,2,3,4,5\n").columns[3:] == ["plot", "plot (2)"]


def test_rows_may_be_short_however_many():
    short = ROW.rpartition(",")[0]
    rows = [short] * 200 + [ROW]
    assert cells("\n".join([HEADER, *rows])).height == 201


def test_empty_cells_and_missing_ones_are_null():
    assert cells(f"{HEADER}\na,,,\n").rows() == [("a", None, None, None, None, None)]


@pytest.mark.parametrize(
    ("row", "match"),
    [
        ("2024-01-01,1,5,4,0,5,2,0,10,0", "row 2 has 10 cells, and the header 6: are decimals"),
        ('"2024-01-01,1', "a quotation mark left open"),
    ],
)
def test_rows_that_are_none_are_named_without_the_words_of_a_library(row, match):
    with pytest.raises(InputError, match=match) as caught:
        cells(f"{HEADER}\n{ROW}\n{row}\n")
    assert "ignore_errors" not in str(caught.value)


def test_nothing_but_blanks_has_no_rows():
    with pytest.raises(InputError, match="has no rows"):
        cells("\n \n")


def test_texts_of_one_layout_are_taken_apart_together():
    texts = [open_text(f"{HEADER}\n{ROW}\n{ROW}".encode(), None, {}) for _ in range(2)]
    assert texts[0].layout == texts[1].layout
    assert [(text.lines, text.even) for text in texts] == [(2, True)] * 2
    assert take_apart(texts).height == 4


@pytest.mark.parametrize("row", ['"2024-01-01 09:00",1,4,0.5,2,10', "# a word"])
def test_lines_that_may_be_no_rows_are_told(row):
    assert not open_text(f"{HEADER}\n{row}\n".encode(), None, {}).even


def test_rows_in_which_nothing_is_said_are_left_out():
    assert cells(f"{HEADER}\n{ROW}\n\n{ROW}\n\n").height == 2
    frame = pl.DataFrame({"a": [None, "1", None], "b": [None, None, "2"]})
    assert without_blanks(frame).height == 2
