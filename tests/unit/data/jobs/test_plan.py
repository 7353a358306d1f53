"""A plan says what a backfill will take, and can be changed before anything is sent."""

from __future__ import annotations

import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.jobs.backfill import BackfillOptions
from marketkit.data.jobs.plan import PLAN, UPPER_BOUND, Plan, estimate
from marketkit.data.jobs.tasks import BackfillRequest
from marketkit.data.lake import Lake
from marketkit.errors import InputError
from marketkit.exchange.upbit.limits import UPBIT
from marketkit.net.transport import Transport
from marketkit.schema import ROW, empty
from marketkit.timeframe import MINUTE, TIMEFRAMES
from tests.unit.data.lake.conftest import make_candles

MINUTES = TIMEFRAMES["1m"]
SPAN = Span(0, 4000 * MINUTE)
REQUEST = BackfillRequest("upbit", ("KRW-BTC", "KRW-ETH"), "1m", *SPAN)


@pytest.fixture
def filler(tmp_path):
    """A filler whose exchange nobody will reach."""
    transport = Transport("http://127.0.0.1:9", UPBIT, timeout=1, budget_dir=tmp_path)
    return GapFiller(Lake(tmp_path / "lake"), transport, 60_000)


def cover(filler, symbol: str, slots: int, traded: int, nothing_before: int | None = None) -> None:
    rows = make_candles([slot * MINUTE for slot in range(traded)], symbol)
    covering = Spans([(0, slots * MINUTE)])
    filler.lake.append(symbol, "1m", rows, covering, nothing_before=nothing_before)


def plan_of(filler) -> Plan:
    costs = estimate(filler, REQUEST.symbols, MINUTES, SPAN)
    return Plan(
        REQUEST, tuple(costs), 10.0, BackfillOptions(), start_job=lambda plan, on: (plan, on)
    )


def test_what_is_unknown_is_an_upper_bound(filler):
    (cost, _) = plan_of(filler).costs
    assert (cost.gaps, cost.slots, cost.absent) == (1, 4000, 0)
    assert (cost.requests, cost.rows, cost.basis) == (20, 4000, UPPER_BOUND)


def test_what_is_known_of_a_symbol_tells_how_often_it_trades(filler):
    cover(filler, "KRW-BTC", slots=2000, traded=500)
    (btc, eth) = plan_of(filler).costs
    assert (btc.slots, btc.rows, btc.basis) == (2000, 500, "25% of 2,000 slots")
    assert btc.requests == 3
    # How often another one trades says nothing about it.
    assert eth.rows == 4000


def test_too_few_slots_tell_nothing(filler):
    cover(filler, "KRW-BTC", slots=900, traded=10)
    assert plan_of(filler).costs[0].basis == UPPER_BOUND


def test_slots_before_the_listing_are_absent(filler):
    filler.lake.append("KRW-BTC", "1m", empty(ROW), Spans(), nothing_before=1000 * MINUTE)
    cost = plan_of(filler).costs[0]
    assert (cost.absent, cost.slots) == (1000, 3000)


def test_a_symbol_without_gaps_costs_nothing(filler):
    cover(filler, "KRW-BTC", slots=4000, traded=4000)
    cost = plan_of(filler).costs[0]
    assert (cost.gaps, cost.requests, cost.rows, cost.basis) == (0, 0, 0, "")


def test_the_frame_has_a_row_for_each_symbol(filler):
    plan = plan_of(filler)
    assert plan.frame.columns == list(PLAN)
    assert plan.frame["seconds"].to_list() == [2.0, 2.0]
    assert (len(plan), plan.requests, plan.seconds) == (2, 40, 4.0)


def test_a_plan_is_changed_and_the_old_one_stays(filler):
    plan = plan_of(filler)
    assert plan.only("KRW-B*").wanted.symbols == ("KRW-BTC",)
    assert plan.without("KRW-BTC").wanted.symbols == ("KRW-ETH",)
    assert plan.order("oldest").options.order == "oldest"
    assert len(plan) == 2
    assert plan.options.order == "newest"


def test_a_plan_without_a_symbol_or_of_an_unknown_order_is_refused(filler):
    plan = plan_of(filler)
    with pytest.raises(InputError, match="no symbol is left"):
        plan.without("*")
    with pytest.raises(InputError, match="order"):
        plan.order("random")


def test_running_a_plan_starts_its_job(filler):
    plan = plan_of(filler)
    assert plan.run() == (plan, None)
    assert plan.run(on="an executor") == (plan, "an executor")


def test_a_plan_is_shown_with_its_bounds(filler):
    text = repr(plan_of(filler))
    assert text.startswith("plan of 2 symbols 1m, newest first: 8,000 unknown slots, at most")
    assert "upper bounds for 2 symbols" in text
    assert "\n  range        2 symbols 1m 1970-01-01 to 1970-01-03T18:40" in text
    assert "plan of 2 symbols 1m" in plan_of(filler)._repr_html_()


def test_a_plan_of_many_symbols_shows_the_ends_of_its_frame(filler):
    names = tuple(f"KRW-A{n}" for n in range(100))
    costs = tuple(estimate(filler, names, MINUTES, SPAN))
    many = Plan(REQUEST, costs, 10.0, BackfillOptions(), start_job=lambda plan, on: (plan, on))
    assert "88 of 100 rows are left out" in repr(many)
    assert len(repr(many).splitlines()) < 20
