"""Series of a market that changed its code are one, marked by code; the newer code's word counts."""

from __future__ import annotations

import warnings

import polars as pl
import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.read.renamed import Part, Renames, doubled, joined, unknown
from marketkit.errors import InputError, NotCovered, UnknownSymbol
from marketkit.schema import CANDLE, ROW
from marketkit.timeframe import MINUTE, TIMEFRAMES, parse_time
from tests.unit.data.lake.conftest import make_candles

OLDEST, OLD, NEW = "KRW-OLDEST", "KRW-OLD", "KRW-NEW"
RENAME = {OLDEST: OLD, OLD: NEW}
START = parse_time("2026-01-01")


def minutes(first, last):
    return Spans([(START + first * MINUTE, START + last * MINUTE)])


@pytest.fixture
def lake(tmp_path):
    """Ten minutes of the oldest code, then of the old one, then of the new; the last overlap."""
    lake = Lake(tmp_path)
    for symbol, first, last in ((OLDEST, 0, 10), (OLD, 10, 22), (NEW, 20, 30)):
        times = range(START + first * MINUTE, START + last * MINUTE, 2 * MINUTE)
        lake.append(symbol, "1m", make_candles(times, symbol), minutes(first, last))
    return lake


@pytest.mark.parametrize(
    ("rename", "said"),
    [
        ({OLD: NEW, NEW: OLD}, "circle: KRW-OLD -> KRW-NEW -> KRW-OLD"),
        ({OLD: OLD}, "circle"),
        ({OLD: "BTC-NEW"}, "different currencies"),
        ({"KRW-*": NEW}, "glob"),
        ({OLD: NEW, "OLD/KRW": "KRW-OTHER"}, "goes on as KRW-NEW and as KRW-OTHER"),
        ([OLD, NEW], "old and new codes"),
    ],
)
@pytest.mark.filterwarnings("ignore:symbol")
def test_a_slip_is_named(rename, said):
    with pytest.raises(InputError, match=said):
        Renames(rename)


def test_what_can_be_no_code_is_refused():
    with pytest.raises(UnknownSymbol):
        Renames({"../x": NEW})


def test_all_codes_of_a_market_are_one_line_the_newest_first():
    renames = Renames({**RENAME, "KRW-OTHER": NEW})
    assert renames.lines([OLDEST, "KRW-BTC", NEW]) == {
        "KRW-BTC": ["KRW-BTC"],
        NEW: [NEW, OLD, "KRW-OTHER", OLDEST],
    }


def test_each_slot_has_one_row_and_the_code_it_was_listed_as(lake):
    with pytest.warns(UserWarning, match="KRW-NEW and KRW-OLD both have 2 slots of 1m"):
        found = lake.read(NEW, "1m", rename=RENAME)
    assert found.columns == [*ROW, "listed_as"]
    assert found["symbol"].unique().to_list() == [NEW]
    assert found["listed_as"].to_list() == [OLDEST] * 5 + [OLD] * 5 + [NEW] * 5
    assert found["time"].dt.epoch("ms").to_list() == list(
        range(START, START + 30 * MINUTE, 2 * MINUTE)
    )


@pytest.mark.filterwarnings("ignore:KRW-NEW and")
@pytest.mark.parametrize("asked", [NEW, OLD, [OLDEST, NEW], None])
def test_any_of_the_codes_means_the_market(lake, asked):
    lazy = lake.scan(asked, "1m", rename=RENAME)
    assert lazy.collect_schema() == {**ROW, "listed_as": pl.String()}
    assert lazy.collect().height == 15


def test_a_range_is_cut_and_what_does_not_overlap_is_no_warning(lake):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = lake.read(NEW, "1m", START + 5 * MINUTE, START + 15 * MINUTE, rename=RENAME)
    assert found["listed_as"].to_list() == [OLDEST] * 2 + [OLD] * 3
    assert lake.read("KRW-BTC", "1m", rename=RENAME).columns == [*ROW, "listed_as"]


@pytest.mark.filterwarnings("ignore:KRW-NEW and")
def test_slots_are_filled_across_the_codes_and_must_be_known_under_one(lake):
    found = lake.scan(NEW, "1m", fill="forward", rename=RENAME).collect()
    assert found.columns == [*CANDLE, "listed_as"]
    assert found.height == 30
    assert found["listed_as"].rle().struct.field("len").to_list() == [10, 10, 10]
    with pytest.raises(
        NotCovered, match="KRW-NEW or KRW-OLD or KRW-OLDEST 1m from 2026-01-01T00:30"
    ):
        lake.scan(NEW, "1m", START, START + 40 * MINUTE, fill="null", rename=RENAME)


def test_a_hole_of_the_newer_code_is_filled_by_the_older_one(lake):
    lake.append(NEW, "1m", make_candles([START + 4 * MINUTE], NEW), minutes(4, 6))
    with pytest.warns(UserWarning, match="both have"):
        found = lake.read(NEW, "1m", START, START + 10 * MINUTE, rename=RENAME)
    assert found["listed_as"].to_list() == [OLDEST, OLDEST, NEW, OLDEST, OLDEST]


def test_frames_are_joined_where_the_newer_code_has_rows_or_proof():
    rows = pl.concat(
        [
            make_candles([START + n * MINUTE for n in (0, 1, 2, 3)], OLD),
            make_candles([START + n * MINUTE for n in (2, 5)], NEW),
        ]
    )
    parts = {NEW: Part(minutes(3, 5), minutes(0, 5))}
    found = joined(rows, parts, [NEW, OLD])
    assert found["listed_as"].to_list() == [OLD, OLD, NEW, NEW]
    assert joined(rows.clear(), {}, [NEW, OLD]).columns == [*ROW, "listed_as"]


def test_a_slot_is_unknown_unless_a_code_covers_it_or_all_lack_it():
    parts = {
        NEW: Part(minutes(20, 30), minutes(0, 30)),
        OLD: Part(minutes(5, 15), minutes(0, 15)),
    }
    whole = Span(START, START + 30 * MINUTE)
    assert unknown(parts, [NEW, OLD], whole) == minutes(15, 20)
    assert unknown(parts, [NEW, OLD, OLDEST], whole) == minutes(15, 20) | minutes(0, 5)
    assert doubled(TIMEFRAMES["1m"], parts, [NEW, OLD, OLDEST], whole) is None
