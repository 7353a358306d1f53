"""Trades of another lake come in with their proof."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.trades.store import TradeStore
from marketkit.data.lake.trades.take import take_trades_of
from marketkit.errors import CorruptFile
from tests.unit.data.lake.trades.conftest import DAY, FIRST, NOON, make_trades

WHOLE = Spans([(FIRST, FIRST + DAY)])
NEXT = Spans([(FIRST + DAY, FIRST + 2 * DAY)])
HALF = Spans([(FIRST, NOON)])


@pytest.fixture
def other(tmp_path):
    one = TradeStore(tmp_path / "other")
    one.append("KRW-BTC", make_trades([FIRST, NOON, NOON + DAY]), WHOLE | NEXT)
    return one


def take(lake, other, *, replaces=False, dry_run=False):
    return take_trades_of(lake, other, "KRW-BTC", replaces=replaces, dry_run=dry_run)


def test_what_nobody_knew_comes_with_its_proof(trades, other):
    dry = take(trades, other, dry_run=True)
    assert not trades.root.exists()
    told = take(trades, other)
    assert told == dry
    assert (told.hull, told.days, told.trades, told.differing) == (
        (FIRST, FIRST + 2 * DAY),
        2,
        3,
        0,
    )
    assert trades.read().equals(other.read())
    assert trades.covered("KRW-BTC") == other.covered("KRW-BTC")
    assert take(trades, other)[1:] == (None, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(("replaces", "volumes"), [(False, [8.0, 2.0, 3.0]), (True, [1, 2, 3])])
def test_where_both_know_the_lake_stays_or_the_other_counts(trades, other, replaces, volumes):
    trades.append("KRW-BTC", make_trades([FIRST], volumes=[8]), HALF)
    told = take(trades, other, replaces=replaces)
    assert (told.days, told.trades, told.differing) == (2, 2, 1)
    assert told.revisions == (2 if replaces else 0)  # one came, one went
    assert trades.read()["volume"].to_list() == volumes
    assert trades.revisions().height == told.revisions


def test_what_is_known_of_the_past_of_trades_comes_once(trades, other):
    other.append("KRW-BTC", make_trades([NOON + DAY], volumes=[5]), NEXT, seen_at=NOON)
    assert take(trades, other).history == 2
    assert trades.revisions().equals(other.revisions())
    assert take(trades, other).history == 0


def test_of_a_market_with_a_rotten_day_nothing_is_taken(trades, other):
    path = other.root / "trades/source=upbit/series=KRW-BTC/2024-01-02.parquet"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptFile):
        take(trades, other)
    assert not trades.root.exists()
