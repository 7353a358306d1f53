"""A row for every slot that is proved."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkit.coverage import Span, Spans
from marketkit.data.lake.read.fill import Block, blocks_of, dense, read_dense
from marketkit.data.lake.read.view import look
from marketkit.data.lake.store.slots import slots_of
from marketkit.errors import InputError, NotCovered
from marketkit.schema import CANDLE, ROW, empty, exact
from marketkit.timeframe import TIMEFRAMES
from tests.unit.data.lake.conftest import make_candles

MINUTE = 60_000
ONE = TIMEFRAMES["1m"]


def said(frame: pl.DataFrame):
    """Give `(symbol, minute, open, close, volume, state)`."""
    assert dict(frame.schema) == dict(CANDLE)
    minute = pl.col("time").cast(pl.Int64) // MINUTE
    return frame.select("symbol", minute, "open", "close", "volume", "state").rows()


def candles(minutes, symbol="KRW-BTC"):
    """Make candles that close at their minute and open a half below."""
    closes = pl.Series([float(minute) for minute in minutes], dtype=pl.Float64)
    rows = make_candles([minute * MINUTE for minute in minutes], symbol)
    highs = [closes.alias(name) for name in ("high", "close")]
    lows = [(closes - 0.5).alias(name) for name in ("open", "low")]
    return rows.with_columns(*highs, *lows)


def block(first: int, last: int, before=None, symbol="KRW-BTC") -> Block:
    return Block(symbol, slots_of(ONE, Span(first * MINUTE, last * MINUTE)), before)


def test_forward_repeats_the_last_close_and_null_says_nothing():
    rows, blocks = candles([2, 4]), [block(1, 6, before=0.25)]
    assert said(dense(rows.lazy(), blocks, "forward").collect()) == [
        ("KRW-BTC", 1, 0.25, 0.25, 0.0, "empty"),
        ("KRW-BTC", 2, 1.5, 2.0, 1.0, "closed"),
        ("KRW-BTC", 3, 2.0, 2.0, 0.0, "empty"),
        ("KRW-BTC", 4, 3.5, 4.0, 1.0, "closed"),
        ("KRW-BTC", 5, 4.0, 4.0, 0.0, "empty"),
    ]
    nulls = dense(rows.lazy(), blocks, "null").collect()
    assert said(nulls)[0] == ("KRW-BTC", 1, None, None, None, "empty")
    assert nulls.filter(state="closed").select(*ROW).equals(rows)


def test_nothing_is_carried_into_the_next_block_or_symbol():
    rows = pl.concat([candles([1]), candles([12], "KRW-ETH")])
    blocks = [block(0, 3), block(7, 9), block(10, 13, symbol="KRW-ETH")]
    closes = dense(rows.lazy(), blocks, "forward").collect()
    assert closes["close"].to_list() == [None, 1.0, 1.0, None, None, None, None, 12.0]
    assert closes["volume"].to_list() == [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]


def test_an_unknown_turnover_of_a_candle_stays_unknown():
    rows = candles([1]).with_columns(value=pl.lit(None, dtype=pl.Float64))
    assert dense(rows.lazy(), [block(1, 3)], "forward").collect()["value"].to_list() == [None, 0.0]


def test_no_blocks_are_no_rows():
    assert said(dense(empty(ROW).lazy(), [], "forward").collect()) == []
    assert said(dense(empty(ROW).lazy(), [block(3, 3)], "null").collect()) == []


def test_decimals_stay_decimals():
    rows = candles([1]).cast(pl.Schema(exact(ROW)))
    frame = dense(rows.lazy(), [block(0, 3, before=rows["close"][0])], "forward").collect()
    assert dict(frame.schema) == dict(exact(CANDLE))
    assert frame["close"].cast(pl.Float64).to_list() == [1.0, 1.0, 1.0]


SETS = st.frozensets(st.integers(0, 30), max_size=25)


@given(
    covered=st.lists(SETS, min_size=1, max_size=3),
    traded=SETS,
    window=st.tuples(st.integers(0, 30), st.integers(0, 31)),
    fill=st.sampled_from(["forward", "null"]),
)
def test_dense_rows_are_those_that_a_walk_over_the_slots_finds(covered, traded, window, fill):
    start, end = sorted(window)
    names = ["KRW-BTC", "KRW-ETH", "KRW-XRP"]
    rows, blocks, expected = [candles([])], [], []
    for symbol, slots_ in zip(names, covered, strict=False):
        proved = Spans((slot, slot + 1) for slot in slots_)
        rows.append(candles(sorted(s for s in traded & slots_ if start <= s < end), symbol))
        for first, last in proved.clip(start, end):
            older = [slot for slot in traded & slots_ if slot < first]
            older = [slot for slot in older if Spans([(slot, first)]) <= proved]
            close = float(max(older)) if older else None
            blocks.append(block(first, last, close, symbol))
            for slot in range(first, last):
                if slot in traded:
                    close = float(slot)
                    expected.append((symbol, slot, close - 0.5, close, 1.0, "closed"))
                else:
                    made = (close, close, 0.0) if fill == "forward" else (None, None, None)
                    expected.append((symbol, slot, *made, "empty"))
    assert said(dense(pl.concat(rows).lazy(), blocks, fill).collect()) == expected


def keep(lake, january, covering, minutes, symbol="KRW-BTC"):
    first = january // MINUTE
    spans = Spans((january + start * MINUTE, january + end * MINUTE) for start, end in covering)
    lake.append(symbol, "1m", candles([first + minute for minute in minutes], symbol), spans)


def minutes_of(frame, january):
    return ((frame["time"].cast(pl.Int64) - january) // MINUTE).to_list()


def test_the_close_before_the_range_is_looked_for_in_the_lake(lake, january):
    keep(lake, january, [(0, 2_000), (3_000, 3_010)], [7, 3_005])
    view = look(lake, ["KRW-BTC"], "1m")
    window = Span(january + 1_990 * MINUTE, january + 2_000 * MINUTE)
    frame = read_dense(view, window, "forward")
    assert frame["close"].unique().to_list() == [january / MINUTE + 7]
    after = blocks_of(view, "KRW-BTC", Span(january + 3_000 * MINUTE, january + 3_010 * MINUTE))
    assert [each.before for each in after] == [None]
    assert read_dense(view, window, "none").is_empty()


def test_a_lazy_scan_gives_the_rows_of_all_that_is_known(lake, january):
    keep(lake, january, [(0, 60)], [10, 50])
    keep(lake, january, [(20, 60)], [30], "KRW-ETH")
    frame = lake.scan(None, "1m", fill="forward")
    assert frame.collect_schema() == pl.Schema(CANDLE)
    assert frame.collect().height == 60 + 40
    inside = lake.scan(
        "KRW-BTC", "1m", january + 40 * MINUTE, january + 45 * MINUTE, fill="forward"
    )
    assert minutes_of(inside.collect(), january) == [40, 41, 42, 43, 44]
    assert inside.select(pl.col("close").unique()).collect().item() == january / MINUTE + 10
    late = frame.filter(pl.col("time").cast(pl.Int64) >= january + 55 * MINUTE)
    assert late.collect().equals(
        frame.collect().filter(pl.col("time").cast(pl.Int64) >= january + 55 * MINUTE)
    )


def test_a_scan_fills_only_what_is_proved(lake, january):
    keep(lake, january, [(0, 10), (20, 30)], [5, 25])
    with pytest.raises(NotCovered, match="1m from 2024-01-01T00:10:00Z to 2024-01-01T00:20:00Z"):
        lake.scan("KRW-BTC", "1m", fill="null")
    with pytest.raises(NotCovered):
        lake.scan("KRW-ETH", "1m", january, january + MINUTE, fill="null")
    with pytest.raises(InputError, match="did you mean 'forward'"):
        lake.scan("KRW-BTC", "1m", fill="forwards")
    assert (
        lake.scan("KRW-BTC", "1m", january, january + 10 * MINUTE, fill="null").collect().height
        == 10
    )


def test_what_cannot_exist_is_not_filled(lake, january):
    rows = candles([january // MINUTE + 12])
    covering = Spans([(january + 10 * MINUTE, january + 15 * MINUTE)])
    lake.append("KRW-BTC", "1m", rows, covering, nothing_before=january + 10 * MINUTE)
    frame = lake.scan("KRW-BTC", "1m", january, january + 15 * MINUTE, fill="forward").collect()
    assert minutes_of(frame, january) == [10, 11, 12, 13, 14]
    assert frame["close"].is_null().to_list() == [True, True, False, False, False]
