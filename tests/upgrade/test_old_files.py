"""What old versions wrote is opened, read, written and audited by this one.

`1-ac9d7b8` is the first that could be installed: a lake with an index of format 1, and budgets.
`2-cd994eb` has frozen sets, answers that outlive a process and the first ledger (format 1),
`3-ffc3a7e` a ledger of format 2 and recordings, `4-54c435a` sealed chunks and an index of format 3.
"""

from __future__ import annotations

import contextlib
import sqlite3
from contextlib import closing

import polars as pl
import pytest

import marketkit as mk
from marketkit.cache.store import ResponseStore
from marketkit.clock import machine_clock
from marketkit.coverage import Spans
from marketkit.errors import Offline
from marketkit.exchange.dialect import RateLimit
from marketkit.net.budget import state as states
from marketkit.net.budget.file import BudgetFile
from marketkit.net.budget.shared import path_of
from marketkit.sandbox import Sandbox
from marketkit.timeframe import iso
from tests.upgrade.conftest import VERSIONS

TEN = RateLimit(10, 1.0)


def without(old, name: str) -> None:
    if not (old.folder / name).exists():
        pytest.skip(f"{old.name} had none")


def test_there_is_one_of_every_kind_that_was_ever_written():
    assert [path.name[0] for path in VERSIONS] == list("1234")


def test_every_candle_is_there_bit_by_bit(old):
    for symbol, timeframe, (start, end), rows in old.candles:
        assert old.lake.read(symbol, timeframe, start, end).equals(rows)
        assert not old.lake.missing(symbol, timeframe, start, end)


def test_a_provider_answers_from_the_lake_without_a_request(old):
    with mk.SmartDataProvider(endpoint=old.endpoint, offline=True) as provider:
        for symbol, timeframe, (start, end), rows in old.candles:
            found = provider.get_candle(
                symbol, timeframe, start=iso(start), end=iso(end), source="lake"
            )
            assert found["close"].equals(rows["close"])


def test_the_audit_finds_nothing_wrong_and_there_is_nothing_to_repair(old):
    assert old.lake.audit().is_empty()
    assert old.lake.repair().is_empty()


def test_the_lake_takes_new_candles_beside_the_old(old):
    symbol, timeframe, (start, end), rows = old.candles[0]
    width = 60_000
    later = rows.tail(1).with_columns(time=pl.lit(end).cast(rows["time"].dtype))
    lake = old.lake
    lake.append(symbol, timeframe, later, Spans([(end, end + width)]))
    assert lake.read(symbol, timeframe, start, end + width).equals(pl.concat([rows, later]))
    assert mk.Lake(lake.root).audit().is_empty()


def test_a_frozen_set_is_as_it_was_and_new_ones_are_frozen_beside_it(old, tmp_path):
    without(old, "lake/snapshots")
    lake = old.lake
    assert lake.frozen()["hash"].to_list() == [old.expected["frozen"]]
    assert lake.verify("first").is_empty()
    symbol, timeframe, span, rows = old.candles[1]
    for one in (lake.as_of("first"), lake.thaw("first", tmp_path / "thawed")):
        assert one.read(symbol, timeframe, *span).equals(rows)
    lake.freeze("second")
    assert lake.verify("second").is_empty()
    assert lake.diff("first", "second", symbols=symbol).is_empty()


def test_the_ledger_is_gone_on_with_or_begun_anew_and_jobs_run(old):
    without(old, "lake/jobs.sqlite")
    with closing(sqlite3.connect(old.folder / "lake" / "jobs.sqlite")) as ledger:
        (version,) = ledger.execute("PRAGMA user_version").fetchone()
        kept = [each for (each,) in ledger.execute("SELECT id FROM jobs")]
    exchange = Sandbox(now="2026-01-02T00:10:00Z")
    with exchange, mk.SmartDataProvider(endpoint=exchange.endpoint) as provider:
        known = provider.jobs()["job"].to_list()
        job = provider.backfill("KRW-XRP", "1h", start="2026-01-01", end="2026-01-02")
        assert job.wait().complete
        assert len(provider.jobs()) == len(known) + 1
    assert version in {1, 2}
    assert sorted(known) == (sorted(kept) if version == 2 else [])
    assert not old.lake.missing("KRW-XRP", "1h", 1_767_225_600_000, 1_767_312_000_000)


def test_a_budget_is_gone_on_with(old):
    (found,) = (old.folder / "budget").glob("*-candles-*.bin")
    assert states.is_state(found.read_bytes())
    mine = path_of(old.folder / "budget", "host-candles", TEN)
    found.rename(mine)  # as of this boot: of others the names are others
    budget = BudgetFile(mine, TEN, machine_clock())
    budget.update(lambda *_: None)
    budget.close()
    assert states.is_state(mine.read_bytes())


@pytest.mark.filterwarnings("ignore:/v1/market/all is answered as of")
def test_answers_that_were_kept_are_given_or_forgotten_and_new_ones_kept(old):
    without(old, "cache/answers")
    path = old.folder / "cache" / "answers"
    before = ResponseStore(path, max_bytes=1 << 20)
    entries = before.stats().entries
    before.close()
    assert entries > 0
    with mk.SmartDataProvider(endpoint=old.endpoint, offline=True) as provider:
        # By a clock of before nothing is old enough to be given.
        with contextlib.suppress(Offline):
            assert "KRW-BTC" in set(provider.get_market()["symbol"])
        with pytest.raises(Offline):
            provider.get_ticker("KRW-BTC")  # none that old is given for new
    after = ResponseStore(path, max_bytes=1 << 20)
    assert after.stats().failures == 0
    after.close()
    assert not list(path.glob("*broken*"))


def test_a_recording_is_read_and_played(old):
    without(old, "recording")
    folder = old.folder / "recording"
    heard = mk.read_recording(folder, "ticker")
    assert set(heard["symbol"]) == {"KRW-BTC"}
    assert heard["price"].null_count() == 0
    assert mk.read_recording(folder, "trade").height > 0
    assert {"start", "end", "reason"} <= set(mk.read_interruptions(folder).columns)
