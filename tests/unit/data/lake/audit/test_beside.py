"""A lake is audited and repaired together with the unsettled candles beside."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.audit import beside
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store.unsettled import Unsettled
from marketkit.timeframe import DAY, HOUR, TIMEFRAMES
from tests.unit.data.lake.conftest import make_candles

SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1d"])


@pytest.fixture
def kept(lake, january):
    """A day of hours, and beside it the day as it was half-way."""
    hours = make_candles(range(january, january + DAY, HOUR))
    lake.append("KRW-BTC", "1h", hours, Spans([(january, january + DAY)]))
    Unsettled(lake).keep(SERIES, make_candles([january], volume=12.0, value=None))
    return lake


def test_an_unsettled_candle_that_does_not_add_up_is_a_finding(kept):
    for path in kept.root.rglob("index.sqlite*"):
        path.unlink()
    files = sorted(kept.root.rglob("*"))
    (found,) = beside.audit(kept).rows(named=True)
    assert sorted(kept.root.rglob("*")) == files
    assert (found["path"], found["timeframe"], found["finding"]) == ("unsettled", "1d", "differs")
    assert found["detail"].startswith("unsettled: 1d: 1 of 1 slots are not what 1h candles")


def test_damage_beside_is_named_by_its_path_and_mended(kept):
    (path,) = (kept.root / "unsettled").rglob("all.parquet")
    path.write_bytes(path.read_bytes()[:-9])
    (found,) = beside.audit(Lake(kept.root)).rows(named=True)
    assert found["path"] == path.relative_to(kept.root).as_posix()
    repaired = beside.repair(kept, dry_run=True)
    assert (repaired["action"].to_list(), path.exists()) == (["set aside"], True)
    beside.repair(kept, dry_run=False)
    assert not path.exists()
    assert beside.audit(Lake(kept.root)).is_empty()


def test_a_lake_without_any_is_audited_alone(lake, january):
    lake.append("KRW-BTC", "1h", make_candles([january]), Spans([(january, january + HOUR)]))
    assert beside.audit(lake).is_empty()
    assert beside.repair(lake, dry_run=False).is_empty()
