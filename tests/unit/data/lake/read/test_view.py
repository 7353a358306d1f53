"""Wide candles out of narrow ones."""

from __future__ import annotations

import random
from bisect import bisect_right

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkit.coverage import Span, Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.read.view import aggregate, look
from marketkit.schema import ROW, TIME, empty
from marketkit.timeframe import HOUR, MINUTE, TIMEFRAMES, narrower, parse_time
from marketkit.window import EVER, parse_session

START = parse_time("2024-01-01")


def trades(slots: list[int], width: int, symbol: str = "KRW-BTC", seed: int = 1) -> pl.DataFrame:
    """Make candles of whole numbers, so that sums are exact."""
    draw = random.Random(seed)
    rows = []
    for slot in slots:
        low, high = draw.randint(50, 99), draw.randint(100, 150)
        open_, close = draw.randint(low, high), draw.randint(low, high)
        rows.append(
            (symbol, slot * width, open_, high, low, close, draw.randint(1, 9), draw.randint(1, 9))
        )
    schema = {name: pl.Int64 if name == "time" else dtype for name, dtype in ROW.items()}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col("time").cast(TIME))


def naive(rows: pl.DataFrame, open_of) -> list[tuple]:
    """Add rows up one after the other."""
    bars: dict[tuple, list] = {}
    for symbol, time, open_, high, low, close, volume, value in rows.with_columns(
        pl.col("time").cast(pl.Int64)
    ).iter_rows():
        bar = bars.setdefault((symbol, open_of(time)), [open_, high, low, close, 0.0, 0.0])
        bar[1:4] = max(bar[1], high), min(bar[2], low), close
        bar[4] += volume
        bar[5] = None if value is None or bar[5] is None else bar[5] + value
    return [(*key, *bar) for key, bar in bars.items()]


def said(rows: pl.DataFrame) -> list[tuple]:
    assert dict(rows.schema) == dict(ROW)
    return rows.with_columns(pl.col("time").cast(pl.Int64)).rows()


@pytest.mark.parametrize("name", [each for each in TIMEFRAMES if each not in ("1s", "1m")])
def test_candles_of_any_width_add_up_as_they_do_one_by_one(name):
    draw = random.Random(name)
    base = next(narrower(TIMEFRAMES[name]))
    first = START // base.width
    slots = sorted(draw.sample(range(first, first + 400), 250)) if base.name != "1M" else []
    rows = pl.concat([trades(slots, base.width, symbol) for symbol in ("KRW-BTC", "KRW-ETH")])
    wide = TIMEFRAMES[name]
    assert said(aggregate(rows, name)) == naive(rows, wide.floor)
    alone = rows.filter(symbol="KRW-ETH")
    assert said(aggregate(alone, wide)) == naive(alone, wide.floor)


def test_turnover_is_unknown_where_any_of_it_is():
    rows = trades([*range(120)], MINUTE).with_columns(
        value=pl.when(pl.col("time").dt.epoch("ms") == 70 * MINUTE).then(None).otherwise("value")
    )
    bars = aggregate(rows, "1h")
    assert bars["value"].is_null().to_list() == [False, True]
    assert said(bars) == naive(rows, TIMEFRAMES["1h"].floor)


def test_nothing_adds_up_to_nothing():
    assert said(aggregate(trades([], MINUTE), "1d")) == []


@pytest.mark.parametrize("name", ["1h", "4h", "1d", "1w", "1M", "1y"])
@pytest.mark.parametrize("text", ["00:00 Asia/Seoul", "09:30 America/New_York"])
def test_candles_add_up_to_those_of_a_session(name, text):
    wide, half = TIMEFRAMES[name], 30 * MINUTE
    session = parse_session(text, TIMEFRAMES["1d"])
    first = parse_time("2024-10-20") // half
    slots = sorted(random.Random(1).sample(range(first, first + 2_000), 1_500))
    rows = pl.concat([trades(slots, half, symbol) for symbol in ("KRW-BTC", "KRW-ETH")])
    edges = session.edges(wide, first * half, (first + 2_000) * half)

    def open_of(time):
        return edges[bisect_right(edges, time) - 1]

    assert said(aggregate(rows, name, session)) == naive(rows, open_of)


def hours(*spans: tuple[int, int]) -> Spans:
    return Spans((START + start * HOUR, START + end * HOUR) for start, end in spans)


def keep(lake: Lake, timeframe: str, covering: Spans, *, close: float, nothing_before=None) -> None:
    """Append candles for every slot of a covering, all alike."""
    width = TIMEFRAMES[timeframe].width
    slots = [time // width for span in covering for time in range(*span, width)]
    prices = [pl.lit(close).alias(name) for name in ("open", "high", "low", "close")]
    rows = trades(slots, width).with_columns(*prices)
    lake.append("KRW-BTC", timeframe, rows, covering, nothing_before=nothing_before)


def test_stored_candles_come_before_made_ones_and_wide_before_narrow(lake):
    keep(lake, "1h", hours((0, 2)), close=1.0)
    keep(lake, "30m", hours((1, 4)), close=2.0)
    keep(lake, "1m", hours((0, 6)), close=3.0)
    view = look(lake, ["KRW-BTC"], "1h")
    assert view.known("KRW-BTC").covered == hours((0, 6))
    rows = view.read(EVER)
    assert rows["close"].to_list() == [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
    assert rows["time"].cast(pl.Int64).to_list() == [START + hour * HOUR for hour in range(6)]
    inside = view.read(Span(START + HOUR + 1, START + 5 * HOUR))
    assert inside["close"].to_list() == [1.0, 2.0, 2.0, 3.0][1:]


def test_a_slot_of_which_a_part_is_unknown_is_not_made(lake):
    keep(
        lake,
        "1m",
        hours((0, 3)) - Spans([(START + HOUR + MINUTE, START + HOUR + 2 * MINUTE)]),
        close=1.0,
    )
    assert look(lake, ["KRW-BTC"], "1h").known("KRW-BTC").covered == hours((0, 1), (2, 3))


def test_the_slot_in_which_a_market_was_listed_is_whole(lake):
    listed = START + HOUR + 20 * MINUTE
    keep(lake, "1m", hours((0, 3)).clip(listed, EVER.end), close=1.0, nothing_before=listed)
    known = look(lake, ["KRW-BTC"], "1h").known("KRW-BTC")
    assert known.covered == hours((1, 3))
    assert known.nothing_before == START + HOUR
    assert not known.missing(0, START + 3 * HOUR)


def test_a_beginning_that_narrower_candles_tell_rests_on_what_theirs_does(lake):
    listed = START + HOUR + 20 * MINUTE
    keep(lake, "1h", hours((5, 6)), close=1.0, nothing_before=START)
    nothing = empty(ROW), Spans()
    lake.append("KRW-BTC", "1m", *nothing, nothing_before=listed, rests_on="two answers")
    known = look(lake, ["KRW-BTC"], "1h").known("KRW-BTC")
    assert (known.nothing_before, known.rests_on) == (START + HOUR, "two answers")


def test_where_seconds_are_no_longer_kept_nothing_is_made_of_them(lake):
    kept = START + HOUR + 20 * MINUTE
    keep(lake, "1s", Spans([(kept, START + 2 * HOUR)]), close=1.0, nothing_before=kept)
    known = look(lake, ["KRW-BTC"], "1h").known("KRW-BTC")
    assert not known.covered
    assert known.nothing_before is None


def test_narrow_series_are_looked_at_only_for_what_is_missing(lake):
    keep(lake, "1h", hours((0, 3)), close=1.0)
    keep(lake, "1m", hours((0, 6)), close=1.0)
    assert look(lake, ["KRW-BTC"], "1h", Span(START, START + 3 * HOUR)).made == {}
    assert set(look(lake, ["KRW-BTC"], "1h").made) == {"KRW-BTC"}
    assert look(lake, ["KRW-BTC", "KRW-ETH"], "1h").of(["KRW-BTC"]).made
    assert not look(lake, ["KRW-ETH"], "1h").known("KRW-ETH").covered


def test_the_last_close_is_that_of_the_last_candle_if_all_between_is_proved(lake):
    width = 60 * HOUR // MINUTE
    rows = trades([START // MINUTE + 5], MINUTE)
    covering = Spans([(START, START + width * MINUTE)])
    lake.append("KRW-BTC", "1m", rows, covering)
    view = look(lake, ["KRW-BTC"], "1m")
    close = rows["close"][0]
    assert view.last_close("KRW-BTC", START + width * MINUTE) == close
    assert view.last_close("KRW-BTC", START + 6 * MINUTE) == close
    assert view.last_close("KRW-BTC", START + 5 * MINUTE) is None
    assert view.last_close("KRW-BTC", START) is None
    assert view.last_close("KRW-BTC", START + (width + 1) * MINUTE) is None


SLOTS = st.frozensets(st.integers(0, 35), max_size=30)


@settings(deadline=None, max_examples=40)
@given(wide=SLOTS, narrow=SLOTS, traded=SLOTS, listed=st.none() | st.integers(0, 35))
def test_a_wide_slot_is_known_if_it_is_stored_or_all_of_its_narrow_ones_are(
    tmp_path_factory, wide, narrow, traded, listed
):
    """Three narrow slots (10m) to a wide one (30m), of sets of integers."""
    lake = Lake(tmp_path_factory.mktemp("lake"))
    part = 10 * MINUTE
    moment = None if listed is None else START + listed * part
    narrow_spans = Spans((START + slot * part, START + (slot + 1) * part) for slot in narrow)
    wide_spans = Spans((START + s * 3 * part, START + (s + 1) * 3 * part) for s in wide if s < 12)
    rows = trades([START // part + slot for slot in sorted(traded & narrow)], part)
    lake.append("KRW-BTC", "10m", rows, narrow_spans, nothing_before=moment)
    lake.append("KRW-BTC", "30m", trades([], part), wide_spans)
    view = look(lake, ["KRW-BTC"], "30m")
    before = 0 if listed is None else listed
    expected = set(wide & set(range(12)))
    for slot in range(12):
        parts = {3 * slot, 3 * slot + 1, 3 * slot + 2}
        known = parts <= narrow | set(range(before))
        if known and slot >= before // 3:
            expected.add(slot)
    known = view.known("KRW-BTC")
    got = {slot for slot in range(12) if START + slot * 3 * part in known.covered}
    assert got == expected
    made = aggregate(rows, "30m")
    stored = pl.Series([START + slot * 3 * part for slot in wide], dtype=pl.Int64).cast(TIME)
    answered = pl.Series([START + s * 3 * part for s in expected], dtype=pl.Int64).cast(TIME)
    inside = made["time"].is_in(answered.implode()) & ~made["time"].is_in(stored.implode())
    assert said(view.read(EVER)) == said(made.filter(inside))


def test_what_candles_of_a_range_are_made_of_is_named(lake):
    keep(lake, "1h", hours((0, 24)), close=1.0)
    keep(lake, "1m", hours((24, 48)), close=2.0)
    view = look(lake, ["KRW-BTC"], "4h")
    ranges = {(0, 48): ["1h", "1m"], (0, 20): ["1h"], (24, 48): ["1m"], (48, 72): []}
    for (start, end), names in ranges.items():
        span = Span(START + start * HOUR, START + end * HOUR)
        assert view.made_of("KRW-BTC", span) == names


def test_only_own_candles_count_where_nothing_may_be_derived(lake):
    keep(lake, "1m", hours((0, 24)), close=2.0)
    keep(lake, "1h", hours((0, 4)), close=1.0)
    own = look(lake, ["KRW-BTC"], "1h", derive=False)
    assert own.known("KRW-BTC").covered == hours((0, 4))
    assert own.read(EVER)["close"].to_list() == [1.0] * 4
    assert own.made_of("KRW-BTC", EVER) == []
