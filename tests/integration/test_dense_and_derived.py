"""Rows for empty slots and candles out of narrower ones, through the API and a real socket."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

import marketkit as mk
from marketkit import schema
from marketkit.api.sync import SmartDataProvider
from marketkit.sandbox import Sandbox
from marketkit.schema import TIME
from marketkit.timeframe import DAY, HOUR, MINUTE, TIMEFRAMES, parse_time
from tests.integration.conftest import FAST_LIMITS

THIN = "KRW-MK032"
PRICES = ["open", "high", "low", "close"]
RANGE = {"start": "2026-11-18T03:00", "end": "2026-11-18T09:00"}
START, END = (parse_time(edge) for edge in RANGE.values())


def requests(exchange) -> int:
    return sum(group["requests"] for group in exchange.stats()["groups"].values())


def times(frame: pl.DataFrame) -> list[int]:
    return frame["time"].cast(pl.Int64).to_list()


def filled(truth: pl.DataFrame, start: int, end: int, width: int, before: float | None):
    """Fill forward row by row: `(time, open, close, volume, state)`."""
    rows = {row["time"]: row for row in truth.iter_rows(named=True)}
    close, found = before, []
    for time in range(start, end, width):
        if time in rows:
            close = rows[time]["close"]
            found.append((time, rows[time]["open"], close, rows[time]["volume"], "closed"))
        else:
            found.append((time, close, close, 0.0, "empty"))
    return found


def said(frame: pl.DataFrame):
    return frame.select(pl.col("time").cast(pl.Int64), "open", "close", "volume", "state").rows()


def last_close(exchange, symbol: str, before: int) -> float:
    return exchange.candles(symbol, "1m", before - DAY, before)["close"][-1]


@pytest.mark.parametrize("source", ["auto", "exchange"])
def test_a_filled_frame_has_every_slot_and_starts_from_the_close_before_it(
    provider, exchange, source
):
    truth = exchange.candles(THIN, "1m", START, END)
    assert truth["time"][0] > START
    frame = provider.get_candle(THIN, "1m", **RANGE, fill="forward", source=source)
    assert dict(frame.schema) == dict(schema.CANDLE)
    assert said(frame) == filled(truth, START, END, MINUTE, last_close(exchange, THIN, START))
    nulls = provider.get_candle(THIN, "1m", **RANGE, fill="null", source=source)
    made = nulls.filter(state="empty")
    assert times(nulls) == times(frame)
    assert made.select(*PRICES, "volume", "value").null_count().row(0) == (made.height,) * 6
    assert nulls.filter(state="closed").equals(frame.filter(state="closed"))


def test_filling_asks_for_nothing_more_and_the_lake_alone_gives_the_same(provider, exchange):
    plain = provider.get_candle([THIN, "KRW-AAVE"], "1m", **RANGE)
    exchange.reset_stats()
    first = provider.get_candle([THIN, "KRW-AAVE"], "1m", **RANGE, fill="forward")
    lake = provider.get_candle([THIN, "KRW-AAVE"], "1m", **RANGE, fill="forward", source="lake")
    assert requests(exchange) == 0
    assert first.equals(lake)
    assert first.filter(state="closed").equals(plain)
    assert first.group_by("symbol").len()["len"].to_list() == [360, 360]
    scanned = provider.lake().scan([THIN, "KRW-AAVE"], "1m", START, END, fill="forward")
    assert scanned.collect().equals(first)


def test_nothing_is_filled_where_nobody_asked(provider):
    provider.get_candle(THIN, "1m", **RANGE)
    later = "2026-11-18T12:00"
    with pytest.raises(mk.NotCovered):
        provider.get_candle(
            THIN, "1m", start=RANGE["start"], end=later, fill="forward", source="lake"
        )
    with pytest.raises(mk.NotCovered):
        provider.lake().scan(THIN, "1m", RANGE["start"], later, fill="null")


def test_without_a_close_before_the_range_the_first_prices_are_null(provider):
    provider.get_candle(THIN, "1m", **RANGE)
    lake = provider.lake()
    first = next(iter(lake.covered(THIN, "1m"))).start
    copied = type(lake)(lake.root.with_name("copy"))
    rows = lake.read(THIN, "1m", START, END)
    assert first < START < times(rows)[0]
    copied.append(THIN, "1m", rows, lake.covered(THIN, "1m").clip(START, END))
    frame = copied.scan(THIN, "1m", fill="forward").collect()
    assert frame.height == 360
    assert (
        frame.filter(pl.col("close").is_null())["time"].len() == (times(rows)[0] - START) // MINUTE
    )


@pytest.mark.parametrize("source", ["auto", "exchange"])
@pytest.mark.parametrize("count", [7, 400])
def test_a_count_of_filled_rows_counts_the_made_ones(provider, exchange, source, count):
    asked = {"count": count, "end": RANGE["end"], "fill": "forward"}
    frame = provider.get_candle(THIN, "1m", **asked, source=source)
    start = END - count * MINUTE
    truth = exchange.candles(THIN, "1m", start, END)
    assert said(frame) == filled(truth, start, END, MINUTE, last_close(exchange, THIN, start))
    assert requests(exchange) <= 10
    if source == "auto":
        exchange.reset_stats()
        assert provider.get_candle(THIN, "1m", **asked, source="lake").equals(frame)


def test_slots_that_are_not_final_are_never_filled(provider, exchange):
    """A minute closes at :00 and is final a minute later; until then silence proves nothing."""
    exchange.set_clock(now="2026-11-20T00:00:30Z", speed=0)
    frame = provider.get_candle(THIN, "1m", count=30, fill="forward", forming=True)
    truth = exchange.candles(THIN, "1m", parse_time("2026-11-19T23:59"), parse_time("2026-11-20"))
    settled = parse_time("2026-11-19T23:59")
    young = [time for time in times(frame) if time >= settled]
    assert young == truth["time"].to_list() or set(truth["time"]) <= set(young)
    assert "empty" not in frame.filter(pl.col("time").cast(pl.Int64) >= settled)["state"].to_list()
    old = [time for time in times(frame) if time < settled]
    assert old == list(range(old[0], settled, MINUTE))


def test_filled_decimals_keep_every_digit(provider):
    asked = {**RANGE, "fill": "forward", "source": "exchange"}
    exact = provider.get_candle(THIN, "1m", **asked, precision="decimal")
    assert exact.schema["close"] == pl.Decimal(38, 8)
    assert exact["close"].cast(pl.Float64).equals(provider.get_candle(THIN, "1m", **asked)["close"])


@pytest.mark.parametrize(
    "timeframe",
    ["1h", "1w", *(pytest.param(each, marks=pytest.mark.slow) for each in ("5m", "4h", "1d"))],
)
def test_wide_candles_are_made_of_the_minutes_in_the_lake_and_not_fetched(
    provider, exchange, timeframe
):
    whole = {"start": "2026-11-02", "end": "2026-11-16"}
    provider.backfill(["KRW-DOGE", THIN], "1m", **whole).wait()
    own = provider.get_candle(["KRW-DOGE", THIN], timeframe, **whole, source="exchange")
    exchange.reset_stats()
    made = provider.get_candle(["KRW-DOGE", THIN], timeframe, **whole)
    assert requests(exchange) == 0
    keys = ["symbol", "time", *PRICES, "state"]
    assert made.select(keys).equals(own.select(keys))
    for total in ("volume", "value"):
        assert (made[total] / own[total] - 1).abs().max() < 1e-6
    assert provider.get_candle(["KRW-*"], timeframe, **whole, source="lake").equals(made)
    assert set(provider.lake().catalog()["timeframe"]) == {"1m"}


def test_only_what_the_minutes_do_not_answer_for_is_fetched(provider, exchange):
    provider.backfill("KRW-DOGE", "1m", start="2026-11-02", end="2026-11-09").wait()
    exchange.reset_stats()
    wide = {"start": "2026-10-30", "end": "2026-11-12"}
    both = provider.get_candle("KRW-DOGE", "1h", **wide)
    # Three days before and three after: a page of 200 each.
    assert requests(exchange) == 2
    own = provider.get_candle("KRW-DOGE", "1h", **wide, source="exchange")
    assert both.select("time", *PRICES).equals(own.select("time", *PRICES))


def test_a_count_of_wide_candles_is_made_of_minutes_too(provider, exchange):
    provider.backfill("KRW-DOGE", "1m", start="2026-11-02", end="2026-11-09").wait()
    exchange.reset_stats()
    asked = {"end": "2026-11-09", "count": 100}
    made = provider.get_candle("KRW-DOGE", "1h", **asked)
    assert requests(exchange) == 0
    assert made.height == 100
    assert provider.get_candle("KRW-DOGE", "1h", **asked, source="lake").equals(made)
    filled_up = provider.get_candle(THIN, "1h", **asked, fill="forward")
    assert filled_up.height == 100


def test_the_live_edge_of_wide_candles_is_asked_for(provider, exchange):
    exchange.set_clock(now="2026-11-20T00:30:30Z", speed=0)
    provider.backfill("KRW-DOGE", "1m", start="2026-11-18").wait()
    exchange.reset_stats()
    frame = provider.get_candle("KRW-DOGE", "1h", start="2026-11-18", forming=True)
    assert requests(exchange) == 1
    own = provider.get_candle("KRW-DOGE", "1h", start="2026-11-18", forming=True, source="exchange")
    assert frame["state"][-1] == "forming"
    assert frame.select("time", *PRICES, "state").equals(own.select("time", *PRICES, "state"))


def bars(rows: pl.DataFrame, opens: list[int]):
    """Add rows up one slot after the other: `(open, O, H, L, C)`."""
    found = []
    for start, end in itertools.pairwise(opens):
        inside = rows.filter(pl.col("time") >= start, pl.col("time") < end)
        if inside.height:
            prices = (
                inside["open"][0],
                inside["high"].max(),
                inside["low"].min(),
                inside["close"][-1],
            )
            found.append((start, *prices))
    return found


def opens_of(zone: str, hour: int, minute: int, first: date, days: int) -> list[int]:
    each = (first + timedelta(day) for day in range(days + 1))
    moments = (datetime(d.year, d.month, d.day, hour, minute, tzinfo=ZoneInfo(zone)) for d in each)
    return [int(moment.timestamp()) * 1000 for moment in moments]


@pytest.mark.parametrize("source", ["auto", "exchange"])
@pytest.mark.parametrize(
    ("zone", "hour", "minute"),
    [("Asia/Seoul", 0, 0), ("America/New_York", 9, 30), ("Asia/Kathmandu", 0, 0)],
)
def test_days_of_a_session_follow_its_clock_through_a_change(
    provider, exchange, source, zone, hour, minute
):
    opens = opens_of(zone, hour, minute, date(2026, 10, 30), 5)  # New York turns back on 1 November
    start, end = (datetime.fromtimestamp(each // 1000, UTC) for each in (opens[0], opens[-1]))
    asked = {"session": f"{hour:02}:{minute:02} {zone}", "start": start, "end": end}
    frame = provider.get_candle("KRW-DOGE", "1d", **asked, source=source)
    minutes = exchange.candles("KRW-DOGE", "1m", opens[0], opens[-1])
    assert frame.select(pl.col("time").cast(pl.Int64), *PRICES).rows() == bars(minutes, opens)
    assert frame["state"].unique().to_list() == ["closed"]
    if source == "auto":
        assert provider.get_candle("KRW-DOGE", "1d", **asked, source="lake").equals(frame)


@pytest.mark.parametrize("source", ["auto", "exchange"])
def test_the_newest_days_of_a_session_end_with_the_one_that_is_forming(provider, exchange, source):
    asked = {"count": 3, "session": "00:00 Asia/Seoul", "source": source}
    opens = opens_of("Asia/Seoul", 0, 0, date(2026, 11, 17), 4)  # now it is the 20th there
    minutes = exchange.candles(THIN, "1m", opens[0], opens[-1])
    done = provider.get_candle(THIN, "1d", **asked)
    assert done.select(pl.col("time").cast(pl.Int64), *PRICES).rows() == bars(minutes, opens[:4])
    live = provider.get_candle(THIN, "1d", **asked, forming=True)
    assert times(live) == opens[1:4]
    assert live["state"].to_list() == ["closed", "closed", "forming"]


def test_a_session_of_the_lake_has_only_days_that_are_there_from_end_to_end(provider):
    provider.backfill("KRW-DOGE", "1m", start="2026-11-10", end="2026-11-14").wait()
    days = provider.get_candle("KRW-DOGE", "1d", session="00:00 Asia/Seoul", source="lake")
    first = parse_time("2026-11-10") + 15 * HOUR
    assert times(days) == [first, first + DAY, first + 2 * DAY]
    newest = provider.get_candle(
        "KRW-DOGE", "1d", count=2, session="00:00 Asia/Seoul", source="lake"
    )
    assert newest.equals(days.tail(2))


def test_weeks_and_months_of_a_session_begin_on_its_monday_and_its_first(provider, exchange):
    asked = {"session": "00:00 Asia/Seoul", "start": "2026-09-01", "end": "2026-11-16"}
    weeks = provider.get_candle("KRW-DOGE", "1w", **asked)
    assert set(weeks["time"].dt.convert_time_zone("Asia/Seoul").dt.weekday()) == {1}
    months = provider.get_candle("KRW-DOGE", "1M", **asked)
    local = months["time"].dt.convert_time_zone("Asia/Seoul")
    assert [(each.day, each.hour, each.month) for each in local] == [(1, 0, 10)]
    start, end = (parse_time(f"2026-{month}-01T00:00+09:00") for month in ("10", "11"))
    hours = exchange.candles("KRW-DOGE", "1h", start, end)
    assert months.select(pl.col("time").cast(pl.Int64), *PRICES).rows() == bars(hours, [start, end])


@pytest.mark.parametrize("source", ["auto", "exchange", "lake"])
@pytest.mark.parametrize(
    "asked",
    [
        {"start": "2026-11-18T16:00", "end": "2026-11-18T18:00"},
        {"start": "2026-11-19T23:00", "end": "2026-11-20T14:00"},
    ],
)
def test_a_range_in_which_no_day_begins_has_no_rows(provider, source, asked):
    provider.get_candle("KRW-DOGE", "1h", start="2026-11-16", end="2026-11-20")
    frame = provider.get_candle(
        "KRW-DOGE", "1d", **asked, session="00:00 Asia/Seoul", source=source
    )
    assert frame.is_empty()
    assert dict(frame.schema) == dict(schema.CANDLE)


def test_a_start_ahead_of_the_clock_is_refused_in_any_session(provider):
    with pytest.raises(mk.InvalidRange, match="ahead"):
        provider.get_candle("KRW-DOGE", "1d", start="2026-11-25", session="00:00 Asia/Seoul")


def test_the_decimals_of_a_session_keep_every_digit(provider):
    asked = {"count": 2, "session": "00:00 Asia/Seoul", "source": "exchange", "fill": "forward"}
    exact = provider.get_candle(THIN, "1d", **asked, precision="decimal")
    assert dict(exact.schema) == dict(schema.exact(schema.CANDLE))
    floats = provider.get_candle(THIN, "1d", **asked)
    assert exact.select(PRICES).cast(pl.Float64).equals(floats.select(PRICES))


@pytest.mark.parametrize("timeframe", ["1w", "1M", "1y"])
def test_a_count_older_than_time_gives_all_there_is(provider, timeframe):
    frame = provider.get_candle("KRW-BTC", timeframe, count=3_000)
    assert 0 < frame.height < 3_000


@pytest.fixture(scope="module")
def resting():
    """An exchange on which one market rests for more than a day."""
    hours = [hour for hour in range(240) if not 50 <= hour < 110]
    start = parse_time("2026-11-01")
    with Sandbox(history=_archive(start, hours), speed=0, limit=(10, 0.02)) as sandbox:
        yield sandbox


def _archive(start: int, hours: list[int]):
    import tempfile
    from pathlib import Path

    path = Path(tempfile.mkdtemp()) / "KRW-REST_1h.csv"
    rows = pl.DataFrame({"time": [start + hour * HOUR for hour in hours]}, schema={"time": TIME})
    price = [100.0 + hour for hour in hours]
    rows.with_columns(
        *(pl.Series(name, price) for name in PRICES), volume=1.0, value=pl.Series(price)
    ).write_csv(path)
    return {"KRW-REST:1h": path}


@pytest.mark.parametrize("fill", ["forward", "null"])
def test_a_day_without_a_trade_in_its_session_is_empty(resting, tmp_path, fill):
    with SmartDataProvider(endpoint=resting.endpoint, lake=tmp_path, limits=FAST_LIMITS) as one:
        asked = {"start": "2026-11-02", "end": "2026-11-08", "session": "03:00 Asia/Seoul"}
        plain = one.get_candle("KRW-REST", "1d", **asked)
        frame = one.get_candle("KRW-REST", "1d", **asked, fill=fill)
    assert frame.height == 6
    assert frame["state"].to_list() == ["closed", "empty", *["closed"] * 4]
    assert frame.filter(state="closed").equals(plain)
    made = frame.row(1, named=True)
    forward = {**dict.fromkeys(PRICES, 149.0), "volume": 0.0, "value": 0.0}
    expected = forward if fill == "forward" else dict.fromkeys(forward)
    assert {name: made[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"session": "Asia/Seoul"}, "time of day and a zone"),
        ({"session": "24:00 UTC"}, "time of day and a zone"),
        ({"session": "00:00 Asia/Soul"}, "unknown time zone 'Asia/Soul'"),
        ({"session": "00:00 ../etc"}, "unknown time zone"),
        ({"session": 9}, "time of day and a zone"),
        ({"timeframe": "30m", "session": "00:00 Asia/Seoul"}, "1h and wider, not of 30m"),
        ({"fill": "forwards"}, "did you mean 'forward'"),
        ({"as_of": "paper", "source": "exchange"}, "as_of"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused_before_anything_is_sent(
    provider, exchange, asked, message
):
    with pytest.raises(mk.InputError, match=message):
        provider.get_candle("KRW-BTC", **{"timeframe": "1d", **asked})
    assert requests(exchange) == 0


def test_a_frozen_set_answers_as_of_its_name_and_asks_nobody(provider, exchange):
    before = provider.get_candle(THIN, "1m", **RANGE, fill="forward")
    provider.lake().freeze("paper")
    later = "2026-11-18T12:00"
    provider.get_candle(THIN, "1m", start=RANGE["start"], end=later)
    exchange.reset_stats()
    again = provider.get_candle(THIN, "1m", **RANGE, fill="forward", as_of="paper")
    assert again.equals(before)
    with pytest.raises(mk.NotCovered):
        provider.get_candle(THIN, "1m", start=RANGE["start"], end=later, as_of="paper")
    assert requests(exchange) == 0


def test_every_width_of_the_exchange_can_be_made_of_minutes():
    from marketkit.data.lake.read.view import narrower

    for each in TIMEFRAMES.values():
        assert each.width <= MINUTE or "1m" in [narrow.name for narrow in narrower(each)]
