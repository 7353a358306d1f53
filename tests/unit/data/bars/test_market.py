"""Bars of one market: the order within a millisecond, exact amounts, and what is not finished."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.bars.kinds import AmountBars, TimeBars, width_of
from marketkit.data.bars.market import amount_bars, between, full_at, in_order, time_bars
from marketkit.data.bars.slots import Scope
from marketkit.schema import BAR
from marketkit.timeframe import HOUR, MINUTE, parse_time
from marketkit.window import parse_session
from tests.archive.slow_bars import Trade, frame

START = parse_time("2026-11-20")
MINUTES = TimeBars(width_of("1m"))


def trade(at, number, price=1.0, volume="0.1", *, bought=True):
    return Trade(START + at, number, Decimal(str(price)), Decimal(volume), bought)


def scope(end=MINUTE * 3, at=None, covered=None):
    return Scope(Span(START, START + end), Spans(covered or [(START, START + end)]), at)


def test_first_and_last_of_a_millisecond_are_by_number_whatever_the_order_of_the_rows():
    rows = frame([trade(5, 12, 3), trade(5, 11, 2), trade(5, 13, 4), trade(4, 99, 5)])
    ordered = in_order(rows)
    assert ordered["price"].to_list() == [5, 2, 3, 4]
    bar = time_bars(ordered, MINUTES, scope()).row(0, named=True)
    assert (bar["open"], bar["close"], bar["high"], bar["low"]) == (5, 4, 5, 2)
    assert in_order(ordered).equals(ordered)


def test_trades_without_a_number_keep_their_order():
    rows = frame([trade(5, 1, 3), trade(5, 1, 2), trade(4, 1, 1)])
    rows = rows.with_columns(sequential_id=pl.lit(None, dtype=pl.Int64))
    assert in_order(rows)["price"].to_list() == [1, 3, 2]


def test_tenths_add_up_to_one():
    rows = in_order(frame([trade(n, n) for n in range(20)]))
    bars = amount_bars(rows, AmountBars("volume", Decimal(1)), scope())
    assert bars["trades"].to_list() == [10, 10]
    assert bars["volume"].to_list() == [1.0, 1.0]
    assert dict(bars.schema) == {name: kind for name, kind in BAR.items() if name != "symbol"}


def test_volumes_beyond_the_floats_are_added_in_decimals():
    volumes = ["30000000.00000001", "20000000.00000001", "0.00000001"]
    rows = in_order(frame([trade(n, n, volume=each) for n, each in enumerate(volumes)]))
    exact = float(sum(map(Decimal, volumes)))
    assert time_bars(rows, MINUTES, scope())["volume"].to_list() == [exact]
    assert amount_bars(rows, AmountBars("tick", Decimal(3)), scope())["volume"].to_list() == [exact]


def test_values_are_the_sums_of_the_products():
    rows = in_order(frame([trade(1, 1, 5, "0.5"), trade(2, 2, 7, "0.25", bought=False)]))
    bar = time_bars(rows, MINUTES, scope()).row(0, named=True)
    assert (bar["value"], bar["volume"], bar["trades"]) == (4.25, 0.75, 2)


def test_slots_that_are_not_covered_whole_have_no_bar():
    rows = in_order(frame([trade(each * MINUTE, each + 1) for each in range(3)]))
    known = [(START + 1, START + 2 * MINUTE + 5)]
    assert time_bars(rows, MINUTES, scope(covered=known))["time"].dt.minute().to_list() == [1]
    now = START + 2 * MINUTE + 5
    both = time_bars(rows, MINUTES, scope(at=now, covered=[(START, now)]))
    assert both["state"].to_list() == ["closed", "closed", "forming"]


def test_a_session_moves_the_slots():
    session = parse_session("00:30 UTC", width_of("1h"))
    rows = in_order(frame([trade(0, 1, 1), trade(HOUR // 2, 2, 2), trade(HOUR, 3, 3)]))
    bars = time_bars(rows, TimeBars(width_of("1h"), session), scope(end=2 * HOUR))
    assert bars.select(pl.col("time").dt.minute(), "open", "trades").rows() == [(30, 2.0, 2)]
    nothing = time_bars(rows.clear(), TimeBars(width_of("1h"), session), scope(end=2 * HOUR))
    assert nothing.schema == bars.schema


@pytest.mark.parametrize(
    ("amounts", "enough", "found"),
    [([1] * 7, 3, [3, 6]), ([1, -1, -1, -1, 1], 2, [4]), ([5, 5], 5, [1, 2]), ([], 1, [])],
)
def test_a_bar_is_full_with_the_amount_that_reaches_it(amounts, enough, found):
    assert full_at(amounts, enough) == found


def test_bars_begin_anew_where_trades_may_be_missing_and_only_the_newest_is_forming():
    rows = in_order(frame([trade(n * 1000, n + 1) for n in range(10)]))
    known = [(START, START + 5_000), (START + 6_000, START + 10_000)]
    kind = AmountBars("tick", Decimal(2))
    past = amount_bars(rows, kind, scope(covered=known))
    assert past["time"].dt.second().to_list() == [0, 2, 6, 8]
    live = amount_bars(rows[:-1], kind, scope(at=START + 10_000, covered=known))
    assert live.select(pl.col("time").dt.second(), "state").rows()[-2:] == [
        (6, "closed"),
        (8, "forming"),
    ]


def test_a_cut_is_half_open():
    rows = in_order(frame([trade(n, n + 1) for n in range(5)]))
    assert between(rows, Span(START + 1, START + 3))["sequential_id"].to_list() == [2, 3]
    assert between(rows, Span(START + 9, START + 3)).is_empty()
