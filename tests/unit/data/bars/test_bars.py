"""Bars of markets together, and rows for slots that have none."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.bars.bars import bars_of, extent, unknown
from marketkit.data.bars.kinds import AmountBars, TimeBars, width_of
from marketkit.data.bars.slots import Scope
from marketkit.data.bars.source import Trades
from marketkit.schema import BAR
from marketkit.timeframe import MINUTE, parse_time
from tests.archive.slow_bars import Trade, frame

START = parse_time("2026-11-20")
MINUTES = TimeBars(width_of("1m"))
WINDOW = Span(START, START + 6 * MINUTE)
# Minute 1 trades, 2 is empty, 3 is not known whole, 4 is empty, 5 trades.
KNOWN = Spans([(START + MINUTE, START + 3 * MINUTE), (START + 4 * MINUTE, START + 6 * MINUTE)])


def trades(**more):
    rows = [
        Trade(START + minute * MINUTE + 7, minute, Decimal(minute), Decimal(1), bought=True)
        for minute in (1, 3, 5)
    ]
    return Trades(frame(rows).lazy(), {"KRW-BTC": KNOWN}, **more)


def states(fill, **more):
    rows = bars_of(trades(), ["KRW-BTC"], MINUTES, WINDOW, fill=fill, **more)
    return rows.select(pl.col("time").dt.minute(), "state", "close", "volume").rows()


def test_what_is_not_known_is_left_out_or_unknown_and_what_is_empty_filled_as_asked():
    assert states("none") == [(1, "closed", 1.0, 1.0), (5, "closed", 5.0, 1.0)]
    assert states("null") == [
        (0, "unknown", None, None),
        (1, "closed", 1.0, 1.0),
        (2, "empty", None, None),
        (3, "unknown", None, None),
        (4, "empty", None, None),
        (5, "closed", 5.0, 1.0),
    ]
    assert states("forward") == [
        (0, "unknown", None, None),
        (1, "closed", 1.0, 1.0),
        (2, "empty", 1.0, 0.0),
        (3, "unknown", None, None),
        (4, "empty", None, 0.0),  # the last close lies beyond what nobody knows
        (5, "closed", 5.0, 1.0),
    ]


@pytest.mark.parametrize("fill", ["none", "null", "forward"])
def test_one_market_and_several_have_the_same_columns_and_rows(fill):
    other = frame([Trade(START + 7, 1, Decimal(2), Decimal(3), bought=False)], "KRW-ETH")
    both = Trades(
        pl.concat([trades().rows, other.lazy()]),
        {"KRW-BTC": KNOWN, "KRW-ETH": Spans([tuple(WINDOW)])},
    )
    rows = bars_of(both, ["KRW-ETH", "KRW-BTC"], MINUTES, WINDOW, fill=fill)
    alone = bars_of(trades(), ["KRW-BTC"], MINUTES, WINDOW, fill=fill)
    assert rows.filter(pl.col("symbol") == "KRW-BTC").equals(alone)
    assert rows["symbol"].is_sorted()
    assert dict(rows.schema) == dict(alone.schema) == dict(BAR)
    assert bars_of(both, [], MINUTES, WINDOW).schema == rows.schema


def test_the_forming_slot_is_filled_as_one_that_is_not_over():
    live = Trades(trades().rows, {"KRW-BTC": Spans([(START, START + 90_000)])}, START + 90_000)
    asked = {"forming": True, "fill": "null"}
    rows = bars_of(live, ["KRW-BTC"], MINUTES, WINDOW, **asked)
    assert rows["state"].to_list() == ["empty", "forming"]
    quiet = Trades(trades().rows.clear(), live.covered, live.at)
    assert bars_of(quiet, ["KRW-BTC"], MINUTES, WINDOW, **asked)["state"].to_list() == [
        "empty",
        "forming",
    ]


def test_the_times_without_a_bar_are_named():
    scope = Scope(WINDOW, KNOWN)
    first, second = (START, START + MINUTE), (START + 3 * MINUTE, START + 4 * MINUTE)
    assert unknown(MINUTES, scope) == Spans([first, second])
    assert unknown(AmountBars("tick", Decimal(1)), scope) == Spans([first, second])
    live = Scope(WINDOW, Spans([(START, START + 90_000)]), START + 90_000)
    assert not unknown(MINUTES, live)


def test_slots_need_trades_to_their_end():
    half = Span(START + 1, START + 90_000)
    assert extent(MINUTES, half) == Span(START + MINUTE, START + 2 * MINUTE)
    assert extent(AmountBars("tick", Decimal(1)), half) == half
