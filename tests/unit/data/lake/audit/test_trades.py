"""Faults of the trades of a lake, and their repair."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.trades.day import describe, read_day, write_day
from marketkit.data.lake.trades.layout import TradeSeries
from tests.unit.data.lake.trades.conftest import DAY, FIRST, NOON, make_trades

SERIES = TradeSeries("upbit", "KRW-BTC")


@pytest.fixture
def lake(tmp_path):
    lake = Lake(tmp_path / "lake")
    rows = make_trades([NOON, NOON, NOON + DAY])
    lake.trades.append("KRW-BTC", rows, Spans([(FIRST, FIRST + 2 * DAY)]))
    return lake


@pytest.fixture
def path(lake):
    return lake.root / SERIES.path("2024-01-01")


def findings(lake):
    return lake.audit().select("symbol", "timeframe", "finding").rows()


def test_sound_trades_have_no_finding(lake):
    assert lake.audit().is_empty()


def test_a_rotten_day_is_found_set_aside_and_unknown(lake, path):
    content = path.read_bytes()
    path.write_bytes(content[:30] + b"\x00\xff" + content[32:])
    assert findings(lake) == [("KRW-BTC", "trade", "corrupt")]
    assert lake.repair()["action"].to_list() == ["set aside"]
    assert lake.audit().is_empty()
    assert lake.trades.covered("KRW-BTC") == Spans([(FIRST + DAY, FIRST + 2 * DAY)])


@pytest.mark.parametrize(
    ("spoil", "finding"),
    [
        (lambda rows, said: (rows.reverse(), said), "unsorted"),
        (lambda rows, said: (rows, said & Spans([(FIRST, NOON)])), "uncovered"),
    ],
)
def test_sealed_nonsense_is_found(lake, path, spoil, finding):
    rows, footer = read_day(path, SERIES)
    rows, covered = spoil(rows, footer.covered)
    told = describe(rows, covered, footer.archive)
    if finding == "uncovered":
        told = type(told)(covered, rows.height, None, None)
    write_day(path, rows, told, SERIES)
    assert finding in {each for *_, each in findings(lake)}


def test_litter_and_strangers_are_told_apart(lake, path):
    path.with_name(f"{path.name}.1.ab.tmp").write_bytes(b"half")
    path.with_name("notes.txt").write_text("mine")
    assert {each for *_, each in findings(lake)} == {"litter", "stray"}
    lake.repair()
    assert [each for *_, each in findings(lake)] == ["stray"]
