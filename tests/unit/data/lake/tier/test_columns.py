"""Columns over memory that somebody else holds."""

from __future__ import annotations

import gc
import mmap
import subprocess
import sys
from array import array

import polars as pl
import pytest

from marketkit.data.lake.tier import columns
from marketkit.data.lake.tier.columns import COLUMNS, Place, frame_over
from marketkit.schema import ROW

ROWS = 5
NUMBERS = [1.5, 2.5, 3.5, 4.5, 5.5]


@pytest.fixture
def memory():
    """A map of a time column, one of numbers, and the bits of one that lacks the second row."""
    content = array("q", range(0, ROWS * 60_000, 60_000)).tobytes()
    content += array("d", NUMBERS).tobytes() + bytes([0b11101]) + bytes(7)
    found = mmap.mmap(-1, len(content))
    found.write(content)
    return found


PLACES = [Place(0), *[Place(40)] * (len(COLUMNS) - 2), Place(40, 80)]


def lent() -> int:
    """Count what polars has not released."""
    gc.collect()
    return len(columns._lent)


def test_the_frame_has_the_columns_of_a_candle_but_the_symbol(memory):
    frame = frame_over(memory, ROWS, PLACES)
    assert frame.schema == {name: kind for name, kind in ROW.items() if name != "symbol"}
    assert frame["time"].dt.epoch("ms").to_list() == list(range(0, 300_000, 60_000))
    assert frame["close"].to_list() == NUMBERS
    assert frame["value"].to_list() == [1.5, None, 3.5, 4.5, 5.5]
    assert frame["value"].null_count() == 1


def test_nothing_is_copied(memory):
    frame = frame_over(memory, ROWS, PLACES)
    memory[40:48] = array("d", [9.0]).tobytes()
    assert frame["open"][0] == 9.0


def test_memory_stays_for_as_long_as_anything_that_was_cut_from_it(memory):
    before = lent()
    part = frame_over(memory, ROWS, PLACES)["close"].slice(1, 2)
    del memory
    assert lent() == before + 1
    assert part.to_list() == [2.5, 3.5]
    del part
    assert lent() == before


def test_a_frame_made_of_many_keeps_all_of_them(memory):
    before = lent()
    frames = [frame_over(memory, ROWS, PLACES) for _ in range(20)]
    both = pl.concat(frames, rechunk=False)
    del frames
    assert lent() == before + 20
    assert both.height == 20 * ROWS
    assert both["close"].sum() == 20 * sum(NUMBERS)
    del both
    assert lent() == before


def test_a_frame_that_outlives_all_modules_ends_with_the_process_and_says_nothing():
    code = """
import builtins, mmap
from marketkit.data.lake.tier.columns import COLUMNS, Place, frame_over
class Cycle:
    pass
builtins.kept = Cycle()
builtins.kept.me = builtins.kept
builtins.kept.frame = frame_over(mmap.mmap(-1, 4096), 3, [Place(0)] * len(COLUMNS))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stderr == ""
