"""One wrong `Date`, extreme headers, a machine that is ahead: no time that one answer says is proof."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.data.lake.lake import Lake
from marketkit.net import exchange_clock
from marketkit.sandbox import Sandbox
from marketkit.timeframe import DAY, HOUR, MINUTE, parse_time
from tests.hostile.meddler import meddling
from tests.integration.conftest import FAST_LIMITS

AT = parse_time("2026-11-20T10:17:30Z")
MIDNIGHT = "2026-11-20T23:59:45Z"
EXTREME = {
    "date-9999": {"date": "Fri, 31 Dec 9999 23:59:59 GMT"},
    "date-1": {"date": "Mon, 01 Jan 0001 00:00:00 GMT"},
    "date-text": {"date": "soon"},
    "date-year": {"date": f"Fri, 20 Nov {'9' * 4000} 10:00:00 GMT"},
    "date-zone": {"date": "Fri, 20 Nov 2026 10:17:30 +9999999999"},
    "age": {"age": "9" * 5000},
    "age-large": {"age": "9" * 10},
    "remaining": {"remaining-req": f"group=candles; min={'9' * 4000}; sec={'9' * 4000}"},
}


@pytest.fixture
def exchange():
    with Sandbox(seed=1, now=AT, limit=(1000, 1.0), speed=0) as one:
        yield one


def provider(front, tmp_path):
    return SmartDataProvider(endpoint=front.endpoint, lake=tmp_path / "lake", limits=FAST_LIMITS)


def future(tmp_path, now=AT):
    """The minutes that a lake holds for known and that are not over."""
    ahead = now // MINUTE * MINUTE
    covered = Lake(tmp_path / "lake").covered("KRW-BTC", "1m")
    return list(covered.clip(ahead, ahead + 100 * DAY))


def date(answer, ahead):
    answer.headers["date"] = formatdate((AT + ahead) / 1000, usegmt=True)


@pytest.mark.parametrize("ahead", [HOUR, 23 * HOUR, 40 * DAY, -HOUR])
@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("here", [0, HOUR, -400 * DAY])
def test_one_wrong_date_proves_no_minute_of_the_future(
    exchange, tmp_path, monkeypatch, ahead, number, here
):
    monkeypatch.setattr(exchange_clock, "machine_time", lambda: AT + here)
    with meddling(exchange.endpoint) as front:
        front.spoil = lambda answer: (
            date(answer, ahead) if len(front.passed) == number + 1 else None
        )
        with provider(front, tmp_path) as one:
            candles = one.get_candle("KRW-BTC", "1m", count=30)
            assert candles["time"].dt.epoch("ms").max() < AT
            report = one.backfill("KRW-BTC", "1m", start="2026-11-20T09:00").wait()
    assert future(tmp_path) == []
    assert report.failures == {}


@pytest.mark.parametrize("which", EXTREME)
@pytest.mark.parametrize("every", [False, True])
def test_an_extreme_header_raises_nothing_and_reaches_no_footer(exchange, tmp_path, which, every):
    def spoil(answer):
        if every or (answer.number == 0 and "/candles/" in answer.path):
            answer.headers.update(EXTREME[which])

    with meddling(exchange.endpoint, spoil) as front, provider(front, tmp_path) as one:
        assert one.get_candle("KRW-BTC", "1m", count=30).height == 30
        assert one.get_ticker("KRW-BTC").height == 1
        one.backfill("KRW-BTC", "1m", start="2026-11-20T09:00", end="2026-11-20T12:00").wait()
    assert future(tmp_path, max(AT, exchange_clock.machine_time())) == []


@pytest.fixture
def night(tmp_path, monkeypatch):
    """An exchange just before midnight UTC, whose market list is kept and whose time is not told."""
    monkeypatch.setattr(exchange_clock, "machine_time", lambda: parse_time(MIDNIGHT))
    with (
        Sandbox(seed=1, now=MIDNIGHT, limit=(1000, 1.0), speed=0) as exchange,
        meddling(exchange.endpoint) as front,
    ):
        with provider(front, tmp_path) as one:
            one.get_market()
        ahead = parse_time(MIDNIGHT) + 30_000
        monkeypatch.setattr(exchange_clock, "machine_time", lambda: ahead)

        def silent(answer):
            if "/market/" in answer.path:
                answer.status, answer.body = 500, b"{}"

        front.spoil = silent
        yield front


def test_a_machine_that_is_ahead_near_midnight_loses_no_trade(night, tmp_path):
    with provider(night, tmp_path) as one:
        trades = one.get_trade("KRW-BTC", start="2026-11-20T23:40", end="2026-11-20T23:59")
    assert trades.height > 50


def test_an_unfinished_candle_is_forming_although_the_machine_is_ahead(night, tmp_path):
    window = {"start": "2026-11-20T23:50", "end": "2026-11-21T00:05"}
    with provider(night, tmp_path) as one:
        candles = one.get_candle("KRW-BTC", "1m", forming=True, **window)
    assert candles["time"].dt.epoch("ms")[-1] == parse_time("2026-11-20T23:59")
    assert candles["state"].to_list()[-1] == "forming"
    assert future(tmp_path, parse_time(MIDNIGHT)) == []
