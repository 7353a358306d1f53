"""Columns stand beside each other, and give way where there is little room."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from marketkit.notebook import grid
from marketkit.notebook.grid import Column
from marketkit.notebook.text import Room, width

NAMES = Column("name", ("비트코인", "an english name of many words"))
NUMBERS = Column("price", ("1", "178,345,000"), right=True, tones=("up", ""), whole=True)


def test_wide_letters_and_numbers_stand_in_line():
    assert grid.lines([NAMES, NUMBERS], Room()) == [
        "name                                 price",
        "─────────────────────────────  ───────────",
        "비트코인                                 1",
        "an english name of many words  178,345,000",
    ]


def test_a_long_text_is_broken_before_a_number_gives_way():
    assert grid.lines([NAMES, NUMBERS], Room(30)) == [
        "name                     price",
        "─────────────────  ───────────",
        "비트코인                     1",
        "an english name    178,345,000",
        "of many words",
    ]


def test_a_long_name_is_broken_over_its_cells():
    column = Column("trading_volume_soaring", ("no",))
    assert grid.lines([column], Room(10)) == ["trading_", "volume_", "soaring", "──────────", "no"]


def test_what_has_a_tone_has_a_colour_where_there_are_any():
    lines = grid.lines([NUMBERS], Room(colors=True))
    assert lines[2] == "\x1b[31m          1\x1b[0m"


def test_rows_can_be_written_as_columns():
    assert grid.lines(grid.turned([NAMES, NUMBERS]), Room()) == [
        "name   비트코인  an english name of many words",
        "price         1                    178,345,000",
    ]


def test_as_many_columns_are_kept_as_there_is_room_for():
    assert [grid.fitting([NAMES, NUMBERS], most) for most in (100, 29, 28, 1)] == [2, 2, 1, 1]
    assert grid.fitting([], 80) == 0
    assert grid.lines([], Room()) == []


@given(
    st.lists(st.tuples(st.text("abc 비_", max_size=40), st.booleans()), min_size=1, max_size=6),
    st.integers(20, 100),
)
def test_no_line_is_longer_than_there_is_room(cells, most):
    columns = [Column("c", (cell,), right=right) for cell, right in cells]
    kept = columns[: grid.fitting(columns, most)]
    assert all(width(line) <= most for line in grid.lines(kept, Room(most)))
