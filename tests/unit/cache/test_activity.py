"""What trade times tell about a market's rhythm, and the lives that follow."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from bisect import bisect_right
from datetime import UTC, datetime

import polars as pl
import pytest

from marketkit.cache.activity import HOUR, WEEK_HOURS, DecayingMean, MarketActivity, hour_of_week
from marketkit.cache.ttl import RULES

NOW = 1_790_000_000_000
MINUTE = 60_000


def rhythm_of(rhythms, now, symbol="KRW-BTC"):
    return rhythms.explain(now).row(by_predicate=pl.col("symbol") == symbol, named=True)


def watched(gap, every, count=400, seed=1):
    """Rhythms that saw a market with random trades, asked for every so many ms."""
    draw = random.Random(seed)
    times, at = [], NOW - gap
    while at < NOW + count * every:
        at += draw.expovariate(1 / gap)
        times.append(int(at))
    rhythms = MarketActivity()
    for turn in range(count):
        now = NOW + turn * every
        seen = bisect_right(times, now)
        if seen:
            rhythms.saw("KRW-BTC", times[seen - 1], now)
    return rhythms, now


@pytest.mark.parametrize(("gap", "every"), [(1_000, 200), (1_000, 5_000), (30_000, 60_000)])
def test_the_rhythm_is_found_however_rarely_one_looks(gap, every):
    rhythms, now = watched(gap, every)
    assert rhythm_of(rhythms, now)["rhythm"] == pytest.approx(gap / 1000, rel=0.5)


def test_the_mean_gap_between_seen_trades_would_be_wrong_here():
    rhythms, now = watched(1_000, 20_000)
    assert rhythm_of(rhythms, now)["rhythm"] < 1.6  # the trades seen are 20 s apart


def test_a_page_of_trades_tells_the_rhythm_at_once():
    rhythms = MarketActivity()
    rhythms.saw("KRW-BTC", [NOW - 500 * (100 - n) for n in range(100)], NOW)
    assert rhythm_of(rhythms, NOW)["rhythm"] == pytest.approx(0.5, rel=0.3)


def test_the_same_answer_twice_and_an_older_one_change_nothing():
    rhythms = MarketActivity()
    rhythms.saw("KRW-BTC", [NOW - 900, NOW - 500], NOW)
    before = rhythms.explain(NOW)
    rhythms.saw("KRW-BTC", [NOW - 900, NOW - 500], NOW)
    rhythms.saw("KRW-BTC", NOW - 5_000, NOW - 4_000)
    rhythms.saw("KRW-BTC", [], NOW + 1_000)
    assert rhythms.explain(NOW).equals(before)


def test_trades_that_overlap_what_was_seen_are_counted_once():
    once, twice = MarketActivity(), MarketActivity()
    times = [NOW + n * 1_000 for n in range(10)]
    for rhythms in (once, twice):
        rhythms.saw("KRW-BTC", times[:5], times[4])
    once.saw("KRW-BTC", times[5:], times[9])
    twice.saw("KRW-BTC", times, times[9])
    gaps = [rhythm_of(each, times[9])["rhythm"] for each in (once, twice)]
    assert gaps[1] == pytest.approx(gaps[0], rel=0.1)


def test_a_burst_makes_a_market_active():
    rhythms, now = watched(5_000, 1_000, count=2_000)
    normal = rhythms.life("ticker", "KRW-BTC", now).ms
    for turn in range(60):
        rhythms.saw("KRW-BTC", now + turn * 250, now + turn * 250 + 100)
    now += 15_000
    assert rhythm_of(rhythms, now)["state"] == "active"
    assert rhythms.life("ticker", "KRW-BTC", now).ms < normal


def test_rarer_trades_make_a_market_quiet_and_silence_closes_it():
    rhythms, now = watched(5_000, 1_000, count=2_000)
    normal, states = rhythms.life("ticker", "KRW-BTC", now).ms, []
    last = now
    for turn in range(600):
        now += 2_000
        if turn < 300 and turn % 15 == 0:
            last = now
        rhythms.saw("KRW-BTC", last, now)
        states.append(rhythm_of(rhythms, now)["state"])
    assert states[299] == "quiet"
    assert states[-1] == "closed"
    assert rhythms.life("ticker", "KRW-BTC", now).ms > 5 * normal


def test_a_market_closes_by_the_clock_alone():
    rhythms, now = watched(1_000, 500)
    assert rhythm_of(rhythms, now)["state"] == "normal"
    open_life = rhythms.life("ticker", "KRW-BTC", now)
    later = now + HOUR
    assert rhythms.life("ticker", "KRW-BTC", later).why.endswith("closed")
    assert rhythms.life("ticker", "KRW-BTC", later).ms == pytest.approx(5 * open_life.ms, rel=0.1)


def test_a_market_nobody_saw_has_a_life_that_says_so():
    life = MarketActivity().life("ticker", "KRW-NEW", NOW)
    assert "no trade seen yet" in life.why
    assert RULES["ticker"].least <= life.ms <= RULES["ticker"].most


def test_the_week_gives_the_first_rhythm_and_follows_the_hours():
    busy, calm = 1 / 1_000, 1 / 16_000
    week = [calm] * WEEK_HOURS
    week[hour_of_week(NOW)] = busy
    rhythms = MarketActivity()
    rhythms.expect("KRW-BTC", week, NOW)
    rhythms.life("ticker", "KRW-BTC", NOW)
    assert rhythm_of(rhythms, NOW)["rhythm"] == pytest.approx(1)
    start = NOW // HOUR * HOUR
    rhythms.saw("KRW-BTC", start + HOUR - 1_000, start + HOUR - 1)
    before = rhythm_of(rhythms, start + HOUR - 1)["rhythm"]
    rhythms.saw("KRW-BTC", start + HOUR, start + HOUR + 1)
    after = rhythm_of(rhythms, start + HOUR + 1)["rhythm"]
    assert after > 8 * before


def test_hours_of_the_week_begin_on_monday_at_midnight_utc():
    monday = int(datetime(2026, 11, 16, tzinfo=UTC).timestamp()) * 1000
    assert hour_of_week(monday) == 0
    assert hour_of_week(monday - 1) == WEEK_HOURS - 1
    assert hour_of_week(monday + 25 * HOUR) == 25


def test_a_gauge_forgets_by_time_but_keeps_its_least_trades():
    gauge = DecayingMean(1_000, half=MINUTE, least=4)
    for _ in range(100):
        gauge.add(1, 1_000, 1_000)
    for _ in range(4):
        gauge.add(1, 100_000, 100_000)
    assert 40_000 < gauge.gap < 60_000  # of the first hundred some still count


def test_deciding_for_300_markets_is_cheap_when_nothing_changed():
    rhythms = MarketActivity()
    symbols = [f"KRW-M{n}" for n in range(300)]
    for symbol in symbols:
        rhythms.saw(symbol, NOW - 500, NOW)
        rhythms.life("ticker", symbol, NOW)
    best = min(_seconds(rhythms, symbols) for _ in range(30))
    assert best < 0.001


def _seconds(rhythms, symbols):
    began = time.process_time()
    for symbol in symbols:
        rhythms.life("ticker", symbol, NOW)
    return time.process_time() - began


def test_the_explanation_is_by_default_as_of_the_newest_answer():
    rhythms, now = watched(1_000, 500)
    assert rhythms.explain().equals(rhythms.explain(now))
    assert MarketActivity().explain().is_empty()


def test_the_module_loads_no_dataframe_library():
    code = "import sys, marketkit.cache.activity; sys.exit('polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
