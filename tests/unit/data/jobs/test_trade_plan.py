"""The plan of a backfill of trades, before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketkit.coverage import Spans
from marketkit.data.fetch.trades import SETTLED
from marketkit.data.jobs.archived import ArchiveSource
from marketkit.data.jobs.backfill import BackfillOptions
from marketkit.data.jobs.tasks import BackfillRequest
from marketkit.data.jobs.trade_plan import LOWER_BOUND, Lacking, TradePlan, lacking, trade_costs
from marketkit.data.lake.trades.store import TradeStore
from marketkit.errors import InputError
from marketkit.exchange.upbit.archive.finding import Found, Published
from marketkit.exchange.upbit.archive.keys import ArchiveFile, Shelf
from marketkit.timeframe import DAY, parse_time
from tests.unit.data.lake.trades.conftest import make_trades

START = parse_time("2025-01-01")
NOW = START + 20 * DAY + 60_000 + SETTLED
KEPT = START + 13 * DAY
WANTED = BackfillRequest("upbit", ("KRW-BTC",), "trade", START, None)


@pytest.fixture
def store(tmp_path: Path) -> TradeStore:
    return TradeStore(tmp_path / "lake")


def files(*days):
    return Found(tuple(Published(ArchiveFile(Shelf("KRW-BTC"), "daily", d), 1000) for d in days))


def test_what_is_lacking_ends_where_trades_are_settled(store):
    lack = lacking(store, "KRW-BTC", WANTED, NOW)
    assert lack.spans == Spans([(START, NOW - SETTLED)])
    assert lack.young == Spans([(KEPT, NOW - SETTLED)])
    store.append("KRW-BTC", make_trades([START]), Spans([(START, START + 19 * DAY)]))
    assert lacking(store, "KRW-BTC", WANTED, NOW).young == Spans(
        [(START + 19 * DAY, NOW - SETTLED)]
    )


def test_rest_has_the_last_days_and_the_archive_others(store):
    lacks = {"KRW-BTC": lacking(store, "KRW-BTC", WANTED, NOW)}
    (cost,) = trade_costs(store, lacks, None)
    assert (cost.slots, cost.absent, cost.basis) == (8, 13, LOWER_BOUND)
    assert (cost.requests, cost.rows) == (16, 0)
    found = files(*range(START, START + 12 * DAY, DAY), START + 18 * DAY)
    (cost,) = trade_costs(store, lacks, {"KRW-BTC": found})
    assert (cost.slots, cost.absent) == (20, 1)
    assert (cost.archive.files, cost.archive.size) == (13, 13_000)
    assert (cost.archive.left_slots, cost.archive.left_requests) == (7, 14)
    assert trade_costs(store, lacks, {})[0].absent == 13


def test_trades_of_known_days_are_expected_of_others(store):
    store.append("KRW-BTC", make_trades(range(START, START + 1_000)), Spans([(START, START + DAY)]))
    lack = Lacking(Spans([(KEPT, KEPT + DAY)]), KEPT)
    (cost,) = trade_costs(store, {"KRW-BTC": lack}, None)
    assert (cost.rows, cost.requests, cost.basis) == (1_000, 2 + 2, "1,000 a day")
    assert cost.size > 0


def plan(store, *, archive=False):
    lacks = {"KRW-BTC": lacking(store, "KRW-BTC", WANTED, NOW)}
    costs = trade_costs(store, lacks, {"KRW-BTC": files(START)} if archive else None)
    source = ArchiveSource(("http://a", "http://b")) if archive else None
    return TradePlan(WANTED, tuple(costs), 10.0, BackfillOptions(archive=source), lambda _: None)


def test_a_plan_says_days_and_both_ways(store):
    assert "8 days not known whole, at least 0 trades in 16 requests" in repr(plan(store))
    assert "13 days that the exchange keeps no longer" in repr(plan(store))
    both = plan(store, archive=True)
    assert "with the archive 1 files (0.0 MB) and 16 requests" in repr(both)
    assert both.frame["files"].to_list() == [1]
    assert plan(store)._repr_html_()


def test_there_is_no_order_of_trades(store):
    with pytest.raises(InputError, match="for candles"):
        plan(store).order("oldest")
    assert plan(store).only("KRW-BTC").frame.height == 1
