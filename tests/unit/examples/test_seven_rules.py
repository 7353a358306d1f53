"""The strategy over frames: several symbols, both kinds of frames, and a live series."""

from __future__ import annotations

import itertools
import math
from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkit.errors import InputError
from marketkit.examples import seven_rules
from marketkit.examples.seven_rules import NEWS, SIGNAL, Parameters, Strategy
from marketkit.frames import finish
from marketkit.schema import CANDLE
from marketkit.timeframe import MINUTE, TIMEFRAMES, parse_time

START = parse_time("2026-11-18")
KEEN = Parameters(rsi_period=3, warm_up=4, oversold=55, trail_from=0.004, trail=0.003)
SYMBOLS = ("KRW-BTC", "KRW-DOGE")


def minutes(symbol: str, count: int = 300) -> pl.DataFrame:
    """A price that goes up and down in waves of two lengths; every 17th minute has no trade."""
    pitch = 7.0 if symbol == "KRW-BTC" else 11.0
    rows = [
        (symbol, START + at * MINUTE, round(1000 + 9 * math.sin(at / pitch) + 4 * math.sin(at), 2))
        for at in range(count)
        if at % 17
    ]
    raw = {"symbol": pl.String(), "time": pl.Int64(), "close": pl.Float64()}
    frame = pl.DataFrame(rows, raw, orient="row").with_columns(
        pl.col("time").cast(CANDLE["time"]), state=pl.lit("closed", dtype=CANDLE["state"])
    )
    return frame.sort("symbol", "time")


BOTH = pl.concat([minutes(symbol) for symbol in SYMBOLS])


def fold(held: pl.DataFrame, news: pl.DataFrame) -> pl.DataFrame:
    """Apply news as a reader does."""
    gone = news.filter("withdrawn").drop("withdrawn")
    left = held.join(gone, on=held.columns, how="anti", nulls_equal=True)
    return pl.concat([left, news.filter(~pl.col("withdrawn")).drop("withdrawn")])


def test_signals_are_a_frame_of_their_schema_by_symbol_and_time():
    signals = seven_rules.run(BOTH, KEEN)
    assert dict(signals.schema) == dict(SIGNAL)
    assert set(signals["symbol"]) == set(SYMBOLS)
    assert signals.equals(signals.sort("symbol", "time"))
    assert signals.select("symbol", "time").is_duplicated().sum() == 0
    lasts = signals["known"] - signals["time"]
    assert lasts.unique().to_list() == [timedelta(minutes=1)]


def test_the_price_of_a_signal_is_the_close_of_its_candle():
    signals = seven_rules.run(BOTH, KEEN)
    joined = signals.join(BOTH, on=["symbol", "time"])
    assert joined.height == signals.height > 20
    assert (joined["price"] == joined["close"]).all()


def test_symbols_know_nothing_of_each_other():
    alone = [seven_rules.run(minutes(symbol), KEEN) for symbol in SYMBOLS]
    assert seven_rules.run(BOTH, KEEN).equals(pl.concat(alone))


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(0, BOTH.height), max_size=9))
def test_any_splitting_of_the_same_candles_gives_equal_frames(cuts):
    strategy, held = Strategy(KEEN), pl.DataFrame(schema=dict(SIGNAL))
    by_time = BOTH.sort("time", "symbol")
    edges = [0, *sorted(cuts), BOTH.height]
    for start, end in itertools.pairwise(edges):
        news = strategy.update(by_time[start:end])
        assert dict(news.schema) == dict(NEWS)
        held = fold(held, news)
    assert strategy.signals.equals(seven_rules.run(BOTH, KEEN))
    assert held.sort("symbol", "time").equals(strategy.signals)


def test_rows_for_minutes_without_a_trade_change_nothing():
    every = pl.DataFrame({"time": pl.Series(range(START, START + 300 * MINUTE, MINUTE))})
    filled = (
        every.select(pl.col("time").cast(CANDLE["time"]))
        .join(minutes("KRW-BTC"), on="time", how="left")
        .with_columns(
            pl.col("symbol", "close").forward_fill(), pl.col("state").fill_null(value="empty")
        )
        .drop_nulls()
    )
    assert filled.height > minutes("KRW-BTC").height
    assert seven_rules.run(filled, KEEN).equals(seven_rules.run(minutes("KRW-BTC"), KEEN))


def test_pandas_is_answered_with_pandas():
    own = finish(BOTH, frame="pandas", tz="Asia/Seoul", index=["symbol", "time"])
    signals = seven_rules.run(own, KEEN)
    assert signals.index.names == ["symbol", "time"]
    expected = finish(
        seven_rules.run(BOTH, KEEN), frame="pandas", tz="UTC", index=["symbol", "time"]
    )
    assert signals.equals(expected)
    assert "withdrawn" in Strategy(KEEN).update(own).columns


def test_nothing_comes_of_nothing():
    assert seven_rules.run(BOTH.clear()).is_empty()
    assert dict(Strategy().signals.schema) == dict(SIGNAL)


class Series:
    """A live series that says a candle between the look at its frame and the first batch."""

    def __init__(self, history: int, rows: pl.DataFrame, batches: list[pl.DataFrame]) -> None:
        self._looks = iter([rows.head(history)])
        self._rows, self._batches = rows, batches
        self.timeframe = TIMEFRAMES["1m"]

    @property
    def frame(self) -> pl.DataFrame:
        """The history at the first look, later all."""
        return next(self._looks, self._rows)

    def __iter__(self):
        return iter(self._batches)


@pytest.mark.parametrize("corrected", [False, True])
def test_what_becomes_final_between_history_and_first_batch_is_not_lost(corrected):
    rows = minutes("KRW-BTC", 60)
    first = [rows[30:31]] if corrected else []
    live = Series(40, rows, [*first, rows[43:45], *(rows[at : at + 1] for at in range(45, 56))])
    strategy = Strategy(KEEN)
    news = list(seven_rules.follow(live, strategy))
    assert len(news) == 13 + len(first)
    assert strategy.signals.equals(seven_rules.run(rows, KEEN))
    assert pl.concat(news).drop("withdrawn").equals(strategy.signals)


def test_a_series_of_wider_candles_is_refused():
    live = Series(1, minutes("KRW-BTC", 5), [])
    live.timeframe = TIMEFRAMES["5m"]
    with pytest.raises(InputError, match="a series of 5m candles: the rules want those of 1m"):
        next(seven_rules.follow(live, Strategy(KEEN)))
