"""Real candles: what their slots are, how they fill up, and what they add up to."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.coverage import Span, Spans
from marketkit.data.lake import Lake
from marketkit.sandbox import Sandbox
from marketkit.schema import ROW, TIME
from marketkit.timeframe import DAY, HOUR, TIMEFRAMES, parse_time

NOBODY = "http://127.0.0.1:9"
SEPTEMBER = Span(parse_time("2025-09-01"), parse_time("2025-10-01"))
# Hours without a candle of KRW-BTC: the last before, the first after (Upbit reference, section 7).
WINDOWS = [
    ("2023-12-03T15", "2023-12-03T21"),
    ("2023-12-31T16", "2023-12-31T21"),
    ("2024-03-31T17", "2024-03-31T21"),
    ("2024-06-30T17", "2024-06-30T21"),
    ("2024-10-13T17", "2024-10-13T22"),
    ("2024-12-31T17", "2024-12-31T21"),
    ("2025-01-02T21", "2025-01-02T23"),
    ("2025-03-31T17", "2025-03-31T22"),
    ("2025-06-30T17", "2025-06-30T22"),
]


def rows_of(path: Path, symbol: str) -> pl.DataFrame:
    """Read an archive without turnover."""
    rows = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path)
    time = pl.col("timestamp")
    time = time if path.suffix == ".parquet" else time.str.to_datetime()
    return rows.with_columns(
        symbol=pl.lit(symbol),
        time=time.dt.replace_time_zone("UTC").cast(TIME),
        value=pl.lit(None, dtype=pl.Float64),
    ).select(*ROW)


def keep(lake: Lake, rows: pl.DataFrame, timeframe: str) -> None:
    """Append an archive that claims its whole range."""
    times = rows["time"].cast(pl.Int64)
    covering = Spans([(times.min(), times.max() + TIMEFRAMES[timeframe].width)])
    lake.append(rows["symbol"][0], timeframe, rows, covering)


@pytest.fixture(scope="module")
def archive(shared):
    return shared / "realdata" / "azuremooni_krw"


@pytest.fixture(scope="module")
def hours(archive, tmp_path_factory):
    """The four 1h archives in one lake."""
    lake = Lake(tmp_path_factory.mktemp("hours"))
    keep(lake, rows_of(archive / "KRW-BTC_1h_2020-2025.parquet", "KRW-BTC"), "1h")
    for coin in ("BTC", "DOGE", "LINK"):
        keep(lake, rows_of(archive / f"{coin}_KRW_1h.csv", f"KRW-{coin}"), "1h")
    return lake


@pytest.fixture(scope="module")
def minutes(archive, tmp_path_factory):
    """The two 1m archives in one lake."""
    lake = Lake(tmp_path_factory.mktemp("minutes"))
    for coin in ("BTC", "DOGE"):
        keep(lake, rows_of(archive / f"{coin}_KRW_1m.csv", f"KRW-{coin}"), "1m")
    return lake


@pytest.fixture
def of_minutes(minutes):
    with SmartDataProvider(endpoint=NOBODY, lake=minutes.root) as provider:
        yield provider


def closed(lake: Lake, symbol: str) -> Spans:
    spans = lake.coverage(symbol, "1h").filter(state="maintenance")
    return Spans(spans.select(pl.col("start", "end").cast(pl.Int64)).rows())


def test_the_maintenance_inferred_from_hours_holds_the_known_windows(hours):
    known = Spans(
        (parse_time(f"{last}:00") + HOUR, parse_time(f"{first}:00")) for last, first in WINDOWS
    )
    assert known.total == 31 * HOUR
    for symbol in ("KRW-BTC", "KRW-DOGE", "KRW-LINK"):
        assert known <= closed(hours, symbol)


def test_no_hour_in_which_btc_traded_is_maintenance(hours):
    traded = Spans(
        (time, time + HOUR) for time in hours.read("KRW-BTC", "1h")["time"].cast(pl.Int64)
    )
    windows = [closed(hours, symbol) for symbol in ("KRW-BTC", "KRW-DOGE", "KRW-LINK")]
    assert all(not each & traded for each in windows)
    assert windows[0] == windows[1] == windows[2]
    assert windows[0].total == 51 * HOUR


def test_a_single_silent_market_is_no_maintenance(hours):
    """BTC rested alone on 2022-02-13, and nobody else is known before 2022."""
    spans = hours.coverage("KRW-BTC", "1h").filter(state="empty")
    assert spans["slots"].sum() == 75 - 51
    assert spans["start"].max() == pl.Series(["2022-02-13T18:00Z"]).str.to_datetime()[0]


def test_minutes_of_september_have_no_maintenance(minutes):
    states = (
        minutes.coverage("KRW-DOGE", "1m", *SEPTEMBER).group_by("state").agg(pl.col("slots").sum())
    )
    assert dict(states.rows()) == {"traded": 42_989, "empty": 211}


def test_doge_in_september_fills_up_to_43200_minutes_of_which_211_are_empty(of_minutes):
    frame = of_minutes.get_candle(
        "KRW-DOGE", "1m", start="2025-09-01", end="2025-10-01", source="lake", fill="forward"
    )
    assert frame.height == 43_200
    assert frame["time"].cast(pl.Int64).diff().drop_nulls().unique().to_list() == [60_000]
    made = frame.filter(state="empty")
    assert made.height == 211
    assert made.select(pl.col("volume", "value").abs().sum()).row(0) == (0, 0)
    previous = frame["close"].shift(1)
    for price in ("open", "high", "low", "close"):
        assert made[price].equals(previous.filter(frame["state"] == "empty"), check_names=False)


def test_hours_made_of_minutes_are_the_exchanges_own(of_minutes, archive):
    own = rows_of(archive / "DOGE_KRW_1h.csv", "KRW-DOGE")
    made = of_minutes.get_candle(
        "KRW-DOGE", "1h", start="2025-09-01", end="2025-10-01", source="lake"
    )
    both = own.join(made, on="time", suffix="_made")
    assert made.height == 720
    assert both.height == 696
    for price in ("open", "high", "low", "close"):
        assert both[price].equals(both[f"{price}_made"], check_names=False)
    assert (both["volume"] / both["volume_made"] - 1).abs().max() < 1e-6


def test_days_made_of_minutes_and_of_hours_are_the_same(of_minutes, hours):
    asked = {"start": "2025-09-01", "end": "2025-09-30", "source": "lake"}
    with SmartDataProvider(endpoint=NOBODY, lake=hours.root) as of_hours:
        first, second = (
            each.get_candle("KRW-DOGE", "1d", **asked) for each in (of_minutes, of_hours)
        )
    prices = ["symbol", "time", "open", "high", "low", "close"]
    assert first.height == 29
    assert first.select(prices).equals(second.select(prices))
    assert (first["volume"] / second["volume"] - 1).abs().max() < 1e-9


def test_days_and_hours_made_of_minutes_are_those_the_exchange_serves(of_minutes, archive):
    history = {"KRW-DOGE:1m": archive / "DOGE_KRW_1m.csv"}
    asked = {"start": "2025-09-01", "end": "2025-10-01"}
    with (
        Sandbox(history=history, speed=0) as exchange,
        SmartDataProvider(endpoint=exchange.endpoint) as served,
    ):
        for timeframe, count in (("1h", 720), ("1d", 30)):
            own = served.get_candle("KRW-DOGE", timeframe, **asked, source="exchange")
            made = of_minutes.get_candle("KRW-DOGE", timeframe, **asked, source="lake")
            prices = ["time", "open", "high", "low", "close"]
            assert made.height == count
            assert made.select(prices).equals(own.select(prices))
            assert (made["volume"] / own["volume"] - 1).abs().max() < 1e-6


def test_days_of_seoul_begin_at_15_utc(of_minutes):
    asked = {"start": "2025-09-01", "end": "2025-10-01", "source": "lake"}
    days = of_minutes.get_candle("KRW-BTC", "1d", session="00:00 Asia/Seoul", **asked)
    minutes = of_minutes.get_candle("KRW-BTC", "1m", **asked)
    times = days["time"].cast(pl.Int64)
    assert times.to_list() == list(range(SEPTEMBER.start + 15 * HOUR, SEPTEMBER.end, DAY))
    for day in days.head(3).iter_rows(named=True):
        start = pl.col("time") >= day["time"]
        inside = minutes.filter(start, pl.col("time") < day["time"] + pl.duration(days=1))
        assert (day["open"], day["close"]) == (inside["open"][0], inside["close"][-1])
        assert (day["high"], day["low"]) == (inside["high"].max(), inside["low"].min())
