"""Closes come out of any frame of minutes, and out of nothing else."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.errors import InputError
from marketkit.examples.minutes import closes_of
from marketkit.frames import finish
from marketkit.schema import CANDLE, exact
from marketkit.timeframe import MINUTE, parse_time
from marketkit.to.intake import is_pandas

START = parse_time("2026-11-18")
EXPECTED = {
    "KRW-BTC": {START: 100.0, START + 3 * MINUTE: 102.0},
    "KRW-DOGE": {START: 5.0, START + 2 * MINUTE: 4.5},
}


def minutes(states=("closed", "empty", "empty", "closed", "forming")) -> pl.DataFrame:
    """Two symbols: minutes with a trade and without, and the forming one."""
    btc = [100.0, 100.0, None, 102.0, 103.0]
    doge = [(0, 5.0), (2, 4.5)]
    rows = [
        ("KRW-BTC", START + at * MINUTE, close, 0.0 if state == "empty" else 1.0, state)
        for at, (close, state) in enumerate(zip(btc, states, strict=True))
    ]
    rows += [("KRW-DOGE", START + at * MINUTE, close, 1.0, "closed") for at, close in doge]
    raw = {
        "symbol": pl.String(),
        "time": pl.Int64(),
        "close": pl.Float64(),
        "volume": pl.Float64(),
        "state": CANDLE["state"],
    }
    frame = pl.DataFrame(rows, raw, orient="row")
    return frame.with_columns(pl.col("time").cast(CANDLE["time"]))


def test_final_minutes_with_a_trade_are_what_counts():
    assert closes_of(minutes()) == EXPECTED


@pytest.mark.parametrize("tz", ["UTC", "Asia/Seoul"])
@pytest.mark.parametrize("index", [["time"], ["symbol", "time"]])
def test_a_pandas_frame_says_the_same_whatever_its_index(tz, index):
    frame = finish(minutes(), frame="pandas", tz=tz, index=index)
    assert is_pandas(frame)
    assert not is_pandas(minutes())
    assert closes_of(frame) == EXPECTED


def test_a_pandas_frame_may_have_the_symbol_among_its_attributes():
    one = minutes().filter(symbol="KRW-DOGE").drop("symbol", "state")
    frame = finish(one, frame="pandas", tz="UTC", index=["time"])
    frame.attrs["symbol"] = "KRW-DOGE"
    assert closes_of(frame) == {"KRW-DOGE": EXPECTED["KRW-DOGE"]}


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_other_zones_units_and_decimals_are_the_same_moments_and_prices(unit):
    frame = minutes().with_columns(
        pl.col("time").dt.cast_time_unit(unit).dt.convert_time_zone("America/New_York"),
        pl.col("close", "volume").cast(exact(CANDLE)["close"]),
    )
    assert closes_of(frame) == EXPECTED


def test_without_a_state_no_volume_means_no_trade():
    frame = minutes(("closed", "empty", "empty", "closed", "empty")).drop("state")
    assert closes_of(frame) == EXPECTED


def test_time_and_close_are_enough_beside_the_symbol():
    frame = minutes().filter(state="closed").select("symbol", "time", "close")
    assert closes_of(frame) == EXPECTED


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"a": [1]}, "give a polars or pandas frame"),
        (
            minutes().drop("symbol"),
            r"need a column 'symbol': add it to those there are \(time close",
        ),
        (minutes().drop("close"), "need a column 'close'"),
        (
            minutes().with_columns(pl.col("time").dt.replace_time_zone(None)),
            "have no zone; give them one",
        ),
        (minutes().with_columns(pl.col("time").dt.offset_by("1s")), "candles of one minute"),
    ],
)
def test_what_is_no_frame_of_minutes_is_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        closes_of(wrong)


def test_candles_of_an_hour_are_refused_and_a_quiet_market_is_not():
    times = pl.datetime_range(
        pl.datetime(2026, 11, 18), pl.datetime(2026, 11, 19), "1h", time_zone="UTC", eager=True
    )
    hours = pl.DataFrame({"symbol": "KRW-BTC", "time": times, "close": 1.0})
    with pytest.raises(InputError, match="25 candles of KRW-BTC that all start at multiples of 36"):
        closes_of(hours)
    assert closes_of(hours.head(3)).keys() == {"KRW-BTC"}
    quiet = hours.with_columns(pl.col("time") + pl.duration(minutes=pl.int_range(pl.len()) * 7))
    assert len(closes_of(quiet)["KRW-BTC"]) == 25


def test_a_frame_without_rows_has_no_closes():
    assert closes_of(minutes().clear()) == {}
    assert closes_of(minutes().filter(state="forming")) == {}
