"""A series with damaged files costs itself: plans and backfills of many go on with the others."""

from __future__ import annotations

import pytest

import marketkit as mk
from marketkit.sandbox import Sandbox
from tests.integration.conftest import FAST, FAST_LIMITS

NOW = "2026-11-20T00:00:30Z"
NAMES = ["KRW-BTC", "KRW-ETH", "KRW-XRP"]
WORK = {
    "candles": ("1m", {"start": "2026-11-19T18:00"}, {"start": "2026-11-19T12:00"}),
    "trades": ("trade", {"start": "2026-11-19T22:00"}, {"start": "2026-11-19T20:00"}),
}
DAMAGES = {
    "no file of ours": lambda path: path.write_bytes(b"rot" * 100),
    "no footer": lambda path: path.write_bytes(path.read_bytes()[:-7]),
    "nothing": lambda path: path.write_bytes(b""),
}


@pytest.fixture(scope="module")
def exchange():
    with Sandbox(seed=1, now=NOW, speed=0, limit=FAST) as sandbox:
        yield sandbox


@pytest.fixture(params=WORK)
def work(request, exchange, tmp_path):
    """A lake with some hours of three series, what was asked for, and what is asked for next."""
    timeframe, young, old = WORK[request.param]
    with mk.SmartDataProvider(
        endpoint=exchange.endpoint, lake=tmp_path / "lake", limits=FAST_LIMITS
    ) as provider:
        provider.backfill(NAMES, timeframe, **young, show=False).wait(60)
        provider.lake().compact()
        yield provider, timeframe, old


def of(provider, symbol: str):
    [path] = (provider.lake().root).glob(f"*/*/**/series={symbol}/2026*.parquet")
    return path


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_others_are_planned_and_done(work, damage):
    provider, timeframe, old = work
    DAMAGES[damage](of(provider, "KRW-ETH"))
    with pytest.warns(mk.errors.Incomplete, match="not in the plan: KRW-ETH: ") as told:
        plan = provider.plan(NAMES, timeframe, **old)
    assert {each.filename for each in told} == {__file__}
    assert [cost.symbol for cost in plan.costs] == ["KRW-BTC", "KRW-XRP"]
    report = provider.backfill(NAMES, timeframe, **old, show=False).wait(60)
    assert not report.complete
    assert list(report.failures) == ["KRW-ETH"]
    assert isinstance(report.failures["KRW-ETH"], mk.CorruptFile)
    assert report.unknown > 0
    alone = provider.backfill(["KRW-BTC", "KRW-XRP"], timeframe, **old, show=False).wait(60)
    assert alone.requests <= 2  # it was all there but the last moments


@pytest.mark.parametrize("damage", DAMAGES)
def test_where_no_other_is_asked_for_the_failure_is_raised(work, damage):
    provider, timeframe, old = work
    DAMAGES[damage](of(provider, "KRW-ETH"))
    with pytest.raises(mk.CorruptFile, match="KRW-ETH"):
        provider.plan("KRW-ETH", timeframe, **old)
    with pytest.raises(mk.CorruptFile, match="KRW-ETH"):
        provider.backfill("KRW-ETH", timeframe, **old, show=False).wait(60)


def test_what_is_broken_elsewhere_is_no_matter_of_a_plan(work):
    provider, timeframe, old = work
    for name in NAMES[1:]:
        DAMAGES["no footer"](of(provider, name))
    provider.lake().drop("KRW-BTC", "1m")
    assert len(provider.plan("KRW-BTC", timeframe, **old).costs) == 1


@pytest.mark.parametrize("names", [NAMES, "KRW-ETH"], ids=["many", "one"])
def test_a_day_of_trades_whose_pages_rotted_costs_its_symbol_once(exchange, tmp_path, names):
    old = {"start": "2026-11-19T20:00", "show": False}
    with mk.SmartDataProvider(
        endpoint=exchange.endpoint, lake=tmp_path / "lake", limits=FAST_LIMITS
    ) as provider:
        provider.backfill(names, "trade", start="2026-11-19T22:00", show=False).wait(60)
        path = of(provider, "KRW-ETH")
        path.write_bytes(bytes(100) + path.read_bytes()[100:])
        if names is NAMES:
            report = provider.backfill(names, "trade", **old).wait(60)
            assert list(report.failures) == ["KRW-ETH"]
            assert isinstance(report.failures["KRW-ETH"], mk.CorruptFile)
        else:
            with pytest.raises(mk.CorruptFile, match="backfill it again"):
                provider.backfill(names, "trade", **old).wait(60)
        assert provider.backfill(names, "trade", **old).wait(60).complete  # as was told
