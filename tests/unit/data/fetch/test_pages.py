"""Pages of an exchange as candles of a window."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.fetch import pages
from marketkit.exchange.dialect import Page
from marketkit.schema import ROW
from marketkit.timeframe import MINUTE, TIMEFRAMES, parse_time
from marketkit.window import read_window
from tests.unit.data.lake.conftest import make_candles

START = parse_time("2026-11-16")


def page(first: int, last: int, until: int | None = None, nothing_before=None, *, skip=()) -> Page:
    times = [START + each * MINUTE for each in range(first, last) if each not in skip]
    proved = Spans([(START + first * MINUTE, START + (last if until is None else until) * MINUTE)])
    return Page(make_candles(times), proved, nothing_before)


def minutes(frame: pl.DataFrame) -> list[int]:
    return ((frame["time"].cast(pl.Int64) - START) // MINUTE).to_list()


def settled(found, fill="none", start="2026-11-16", end=10):
    window = read_window("1m", start, None, None, fill=fill)
    return pages.settled("KRW-BTC", found, window, START + end * MINUTE, ROW)


def test_pages_prove_what_lies_between_their_edges():
    both = [page(5, 10), page(0, 5, nothing_before=START)]
    assert pages.proved(both) == Spans([(START, START + 10 * MINUTE)])
    assert pages.known(both) == Spans([(0, START + 10 * MINUTE)])
    assert pages.height(both) == 10
    proof = pages.knowledge(TIMEFRAMES["1m"], both)
    assert (proof.covered, proof.nothing_before) == (pages.proved(both), START)


def test_what_a_beginning_rests_on_is_told_with_it():
    end = replace(page(0, 5, nothing_before=START), rests_on="months")
    assert pages.knowledge(TIMEFRAMES["1m"], [page(5, 10), end]).rests_on == "months"


def test_rows_that_are_not_proved_are_young():
    assert minutes(pages.young(page(0, 10, until=8))) == [8, 9]
    assert minutes(pages.young(page(0, 10))) == []


def test_final_rows_of_a_window_are_given_once_and_in_order():
    found = settled([page(5, 10), page(-3, 6)])
    assert minutes(found) == list(range(10))
    assert found["state"].unique().to_list() == ["closed"]


def test_slots_without_a_row_are_filled_with_the_close_before():
    found = settled([page(-2, 6, skip=(0, 3))], fill="forward", end=6)
    assert minutes(found) == list(range(6))
    assert found["state"].to_list() == ["empty", *["closed"] * 2, "empty", *["closed"] * 2]
    assert found["close"].null_count() == 0
