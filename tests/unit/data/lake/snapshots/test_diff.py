"""Two stores compared: every slot that differs is told of once, and nothing else is."""

from __future__ import annotations

import shutil

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.format import chunk as chunks
from marketkit.data.lake.snapshots import diff
from marketkit.data.lake.snapshots.diff import SERIES_DIFF, SLOT_DIFF
from marketkit.data.lake.store.met import KINDS, ROW_DIFF
from marketkit.errors import CorruptFile, InputError, UnknownTimeframe
from marketkit.schema import NUMBERS
from tests.unit.data.lake.conftest import make_candles

MINUTE = 60_000
JANUARY = 1_704_067_200_000  # 2024-01-01T00:00Z
SLOTS = 12  # around the new year, so that two files are met
FIRST = JANUARY - SLOTS // 2 * MINUTE

# What a store knows of each slot: nothing, that it is empty, or the close of its candle.
states = st.lists(st.sampled_from([None, "empty", 100.0, 200.0]), min_size=SLOTS, max_size=SLOTS)


def at(slot: int) -> int:
    return FIRST + slot * MINUTE


def fill(lake: Lake, states, symbol: str = "KRW-BTC") -> Lake:
    """Append what the states say, slot by slot."""
    for slot, state in enumerate(states):
        if state is not None:
            times = [] if state == "empty" else [at(slot)]
            rows = make_candles(times, symbol, 0.0 if state == "empty" else state)
            lake.append(symbol, "1m", rows, Spans([(at(slot), at(slot + 1))]))
    return lake


def kind_of(a, b) -> str | None:
    """The difference between two states of a slot, in the plainest of words."""
    if a == b:
        return None
    if a is None or b is None:
        return "only_b" if a is None else "only_a"
    if "empty" in {a, b}:
        return "appeared" if a == "empty" else "vanished"
    return "changed"


def told(frame: pl.DataFrame) -> dict[int, str]:
    """The kind of every slot that the spans of a frame speak of."""
    found: dict[int, str] = {}
    for row in frame.with_columns(pl.col("start", "end").cast(pl.Int64)).to_dicts():
        slots = range(row["start"], row["end"], MINUTE)
        assert len(slots) == row["slots"]
        assert found.keys().isdisjoint(slots)
        found |= dict.fromkeys(slots, row["difference"])
    return found


@pytest.fixture
def pair(tmp_path):
    return Lake(tmp_path / "a"), Lake(tmp_path / "b")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(a=states, b=states)
def test_every_slot_that_differs_is_told_of_once_in_the_longest_spans(tmp_path, a, b):
    shutil.rmtree(tmp_path, ignore_errors=True)
    left, right = fill(Lake(tmp_path / "a"), a), fill(Lake(tmp_path / "b"), b)
    expected = {
        at(slot): kind
        for slot, states in enumerate(zip(a, b, strict=True))
        if (kind := kind_of(*states))
    }
    spans = left.diff(left, right)
    assert spans.schema == pl.Schema(SLOT_DIFF)
    assert told(spans) == expected
    ends = spans.select("end", "difference").rows()
    assert not set(ends) & set(spans.select("start", "difference").rows())
    series = left.diff(left, right, by="series")
    counts = [[list(expected.values()).count(kind) for kind in KINDS]] if expected else []
    assert [list(row) for row in series.select(*KINDS).rows()] == counts
    rows = left.diff(left, right, by="rows")
    known = {time: kind for time, kind in expected.items() if not kind.startswith("only")}
    assert dict(rows.select(pl.col("time").cast(pl.Int64), "difference").rows()) == known


def test_stores_with_the_same_content_have_no_row_whatever_the_form(pair):
    a, b = (fill(each, [100.0, "empty", None, 200.0]) for each in pair)
    schemas = {"slots": SLOT_DIFF, "series": SERIES_DIFF, "rows": ROW_DIFF}
    for by, schema in schemas.items():
        found = a.diff(a, b, by=by)
        assert found.is_empty()
        assert found.schema == pl.Schema(schema)


def test_the_numbers_that_differ_are_listed_in_the_order_of_time_and_columns(pair):
    a, b = pair
    a.append("KRW-BTC", "1m", make_candles([at(0), at(1)]), Spans([(at(0), at(3))]))
    numbers = {"value": pl.Series([None, 5.0]), "volume": pl.Series([2.0, 1.0])}
    changed = make_candles([at(0), at(2)], **numbers)
    b.append("KRW-BTC", "1m", changed, Spans([(at(0), at(3))]))
    found = a.diff(a, b, by="rows").drop("symbol", "timeframe").rows()
    assert [row[1:] for row in found[:2]] == [
        ("changed", "volume", 1.0, 2.0),
        ("changed", "value", 100.0, None),
    ]
    assert [row[1:3] for row in found[2:8]] == [("vanished", name) for name in NUMBERS]
    assert [row[3:] for row in found[2:8]] == [(100.0, None)] * 4 + [(1.0, None), (100.0, None)]
    assert [row[1:3] for row in found[8:]] == [("appeared", name) for name in NUMBERS]
    assert [row[3:] for row in found[8:]] == [(None, 100.0)] * 4 + [(None, 1.0), (None, 5.0)]


def test_series_come_by_symbol_and_width_and_can_be_chosen(pair):
    a, b = pair
    for symbol in ("KRW-ETH", "KRW-BTC"):
        fill(a, [100.0, 100.0], symbol)
    a.append("KRW-BTC", "1h", make_candles([JANUARY]), Spans([(JANUARY, JANUARY + 60 * MINUTE)]))
    names = a.diff(a, b, by="series").select("symbol", "timeframe", "only_a").rows()
    assert names == [("KRW-BTC", "1m", 2), ("KRW-BTC", "1h", 1), ("KRW-ETH", "1m", 2)]
    assert a.diff(a, b, timeframe="1h")["slots"].to_list() == [1]
    assert a.diff(a, b, symbols="KRW-ETH")["symbol"].to_list() == ["KRW-ETH"]
    assert a.diff(a, b, symbols=["KRW-XRP"]).is_empty()


def test_months_and_years_are_counted_as_slots(pair):
    a, b = pair
    february = JANUARY + 31 * 86_400_000
    a.append("KRW-BTC", "1M", make_candles([JANUARY]), Spans([(JANUARY, february)]))
    b.append("KRW-BTC", "1M", make_candles([JANUARY], close=5.0), Spans([(JANUARY, february)]))
    (row,) = a.diff(a, b).select("difference", "slots", pl.col("end").cast(pl.Int64)).rows()
    assert row == ("changed", 1, february)


def test_files_that_both_share_are_not_read(pair, monkeypatch):
    lake, _ = pair
    fill(lake, [100.0] * SLOTS)
    lake.freeze("before")
    lake.append("KRW-BTC", "1m", make_candles([at(0)], close=5.0), Spans([(at(0), at(1))]))
    read = []

    def noted(path, series):
        read.append(path)
        return chunks.read_chunk(path, series)

    monkeypatch.setattr(diff, "read_chunk", noted)
    assert lake.diff("before")["slots"].to_list() == [1]
    assert {path.name for path in read} == {"2023-12.parquet"}
    lake.thaw("before", lake.root.with_name("thawed"))
    read.clear()
    assert lake.diff("before", lake.root.with_name("thawed")).is_empty()
    assert read == []


def test_no_more_rows_are_given_than_the_limit_and_a_warning_says_so(pair):
    a, b = pair
    fill(a, [100.0] * SLOTS)
    fill(b, [200.0, 100.0] * (SLOTS // 2))
    with pytest.warns(UserWarning, match="more than 3 differences") as told:
        assert a.diff(a, b, limit=3).height == 3
    assert told[0].filename == __file__
    with pytest.warns(UserWarning, match="more than 7 differences"):
        assert a.diff(a, b, by="rows", limit=7).height == 7
    assert a.diff(a, b, limit=6).height == 6
    for limit in (0, True, "many"):
        with pytest.raises(InputError, match="limit="):
            a.diff(a, b, limit=limit)


def test_what_cannot_be_compared_is_refused(pair):
    a, b = pair
    with pytest.raises(InputError, match="by='rowz'; did you mean 'rows'"):
        a.diff(a, b, by="rowz")
    with pytest.raises(UnknownTimeframe):
        a.diff(a, b, timeframe="2m")
    with pytest.raises(InputError, match="not a symbol"):
        a.diff(a, b, symbols="BTC")


def test_a_file_that_cannot_be_read_is_named(pair):
    a, b = pair
    fill(a, [100.0])
    fill(b, [200.0])
    broken = next(b.root.rglob("2023-12.parquet"))
    b.catalog()
    with broken.open("r+b") as file:
        file.seek(-6, 2)
        file.write(b"\xff\xff")
    with pytest.raises(CorruptFile, match="2023-12"):
        a.diff(a, b)
