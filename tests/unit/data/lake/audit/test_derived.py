"""Own candles that are not what narrower ones add up to are told, and nothing is mended."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.audit.widths import differing
from marketkit.timeframe import DAY, HOUR, MINUTE, parse_time
from tests.unit.data.lake.conftest import make_candles

START = parse_time("2026-01-05")  # a Monday
DAYS = 40


def spans(start: int, end: int) -> Spans:
    return Spans([(START + start, START + end)])


@pytest.fixture
def kept(lake):
    """Forty days of hours, and of days that they add up to but for the tenth's open."""
    lake.append("KRW-BTC", "1h", make_candles(range(START, START + DAYS * DAY, HOUR)), _all())
    tenth = pl.col("time").dt.epoch("ms") == START + 10 * DAY
    other = (pl.when(tenth).then(99.0).otherwise(name).alias(name) for name in ("open", "low"))
    days = _days().with_columns(*other)
    lake.append("KRW-BTC", "1d", days, _all())
    return lake


def _all() -> Spans:
    return spans(0, DAYS * DAY)


def _days(**columns: object) -> pl.DataFrame:
    sums = {"volume": 24.0, "value": 2_400.0} | columns
    return make_candles(range(START, START + DAYS * DAY, DAY), **sums)


def told(lake: Lake) -> list[tuple[str, ...]]:
    return lake.audit().select("path", "symbol", "timeframe", "finding", "detail").rows()


def test_a_day_that_opens_elsewhere_than_its_first_hour_is_a_finding_of_its_series(kept):
    (finding,) = told(kept)
    folder = "candles/source=upbit/timeframe=1d/series=KRW-BTC"
    assert finding[:-1] == (folder, "KRW-BTC", "1d", "differs")
    assert finding[-1] == (
        "1 of 40 slots are not what 1h candles add up to (open, low), the first at"
        " 2026-01-15T00:00:00Z; both are kept as they came"
    )


def test_a_repair_leaves_them_as_they_are(kept):
    before = kept.read("KRW-BTC", "1d")
    assert kept.repair().select("finding", "action").rows() == [("differs", "left")]
    assert kept.read("KRW-BTC", "1d").equals(before)
    assert not (kept.root / "corrupt").exists()


def test_candles_that_add_up_are_no_finding(lake):
    lake.append("KRW-BTC", "1h", make_candles(range(START, START + DAYS * DAY, HOUR)), _all())
    lake.append("KRW-BTC", "1d", _days(), _all())
    assert told(lake) == []


def test_only_slots_that_both_know_are_compared(lake):
    hours = make_candles(range(START, START + 36 * HOUR, HOUR), close=50.0)
    lake.append("KRW-BTC", "1h", hours, spans(0, 36 * HOUR))
    lake.append("KRW-BTC", "1d", _days(), _all())
    lake.append("KRW-ETH", "1d", _days().with_columns(symbol=pl.lit("KRW-ETH")), _all())
    (finding,) = told(lake)
    assert finding[-1].startswith("2 of 2 slots are not what 1h candles add up to")


def test_candles_that_tell_of_a_part_are_no_more_than_the_whole(lake):
    lake.append("KRW-BTC", "1d", _days(), _all())
    few = make_candles(range(START, START + 20 * HOUR, HOUR))
    lake.append("KRW-BTC", "1h", few, spans(0, 20 * HOUR))
    assert told(lake) == []
    more = make_candles([START + 30 * HOUR], volume=24.1)
    lake.append("KRW-BTC", "1h", more, spans(30 * HOUR, 31 * HOUR))
    (finding,) = told(lake)
    assert finding[-1].startswith(
        "1 of 2 slots are not what 1h candles add up to (volume), the first at 2026-01-06"
    )


def test_each_slot_is_compared_with_the_widest_candles_that_make_it(kept):
    minutes = make_candles(range(START, START + 2 * DAY, MINUTE), close=50.0)
    kept.append("KRW-BTC", "1m", minutes, spans(0, 2 * DAY))
    found = kept.audit().select("timeframe", "detail").rows()
    assert [(width, detail.partition(" slots")[0]) for width, detail in found] == [
        ("1d", "1 of 40"),
        ("1h", "48 of 48"),
    ]


def test_a_file_that_is_broken_is_damage_and_compared_with_nothing(kept):
    (path,) = (kept.root / "candles").rglob("timeframe=1h/*/*.parquet")
    path.write_bytes(path.read_bytes()[:-9])
    assert Lake(kept.root).audit()["finding"].to_list() == ["corrupt"]


def test_weeks_are_compared_in_pieces(lake, monkeypatch):
    monkeypatch.setattr("marketkit.data.lake.audit.derived._AT_ONCE", 7 * 24 * 2)
    lake.append("KRW-BTC", "1h", make_candles(range(START, START + 35 * DAY, HOUR)), _all())
    weeks = make_candles(range(START, START + 35 * DAY, 7 * DAY), volume=168.0, value=1.0)
    lake.append("KRW-BTC", "1w", weeks, spans(0, 35 * DAY))
    (finding,) = told(lake)
    assert finding[-1].startswith("5 of 5 slots are not what 1h candles add up to (value)")


def differ(own: dict[str, float], made: dict[str, float], parts: int = 24) -> list[str]:
    rows = differing(make_candles([START], **own), make_candles([START], **made), parts)
    return [name for name in rows.columns[1:] for row in rows[name] if row]


def test_prices_are_compared_exactly_and_sums_but_for_their_rounding():
    assert differ({}, {}) == []
    assert differ({"open": 99.99999999}, {}) == ["open"]
    assert differ({"volume": 24.0}, {"volume": 24.0 + 1e-5}) == []
    assert differ({"volume": 24.0}, {"volume": 24.0 + 1e-4}) == ["volume"]
    assert differ({"value": 1e-7}, {"value": 3e-7}, parts=24) == []
    assert differ({"value": 1e-7}, {"value": 3e-7}, parts=2) == ["value"]


def test_turnover_that_is_not_known_differs_from_nothing():
    own = make_candles([START]).with_columns(value=pl.lit(None, pl.Float64))
    assert differing(own, make_candles([START]), 24).is_empty()


def test_a_candle_that_only_one_side_has_differs_in_everything():
    for own, made in ([], [START]), ([START], []):
        (row,) = differing(make_candles(own), make_candles(made), 24).rows()
        assert row[1:] == (True,) * 6
