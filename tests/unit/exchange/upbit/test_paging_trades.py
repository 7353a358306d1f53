"""Trade walks against an exchange in memory that keeps a book of trades by UTC day."""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketkit.errors import BadResponse
from marketkit.exchange.dialect import Response
from marketkit.exchange.upbit.paging import TradeRange, walk_trades
from marketkit.schema import TRADE, exact
from marketkit.timeframe import DAY, HOUR, MINUTE, parse_time

calm = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
MIDNIGHT = parse_time("2025-09-10")
NOW = MIDNIGHT + 12 * HOUR


@dataclass
class Exchange:
    """What Upbit does: one UTC day a page, newest first, `to` a time of day, at most 500 rows."""

    trades: list[tuple[int, int]]
    now: int = NOW
    requests: list = field(default_factory=list)

    def page(self, params):
        """Give the trades that answer a request."""
        days_ago = int(params.get("days_ago", 0))
        assert 0 <= days_ago <= 7
        midnight = (self.now // DAY - days_ago) * DAY
        before = midnight + DAY
        if "to" in params:
            of_day = datetime.strptime(params["to"], "%H:%M:%S").replace(tzinfo=UTC)
            before = midnight + (of_day.hour * 60 + of_day.minute) * MINUTE + of_day.second * 1000
        cursor = int(params.get("cursor", 2**62))
        held = [each for each in self.trades if midnight <= each[0] < before and each[1] < cursor]
        return sorted(held, key=lambda each: -each[1])[: min(int(params["count"]), 500)]

    def answer(self, request):
        """Answer as the wire does."""
        assert request.path == "/v1/trades/ticks"
        self.requests.append(request)
        return Response(200, {}, body(self.page(dict(request.params))), self.now)


def body(trades):
    return json.dumps([wire(*each) for each in trades]).encode()


def wire(time, number):
    return {
        "market": "KRW-BTC",
        "timestamp": time,
        "trade_price": 151234000.0,
        "trade_volume": 0.004,
        "prev_closing_price": 151000000.0,
        "change_price": 234000.0,
        "ask_bid": "BID" if number % 2 else "ASK",
        "sequential_id": number,
    }


def book(times):
    """Number trades as the exchange does: milliseconds times ten thousand, plus a running digit."""
    return [(time, time * 10_000 + at % 10_000) for at, time in enumerate(sorted(times))]


def drive(wanted, exchange, *, most=200):
    """Run a walk and give the sequential ids in the order they came."""
    walk, found = walk_trades(wanted), []
    step = next(walk)
    while step.request is not None:
        step = walk.send(exchange.answer(step.request))
        found += step.page.rows["sequential_id"].to_list()
        assert len(exchange.requests) < most
    assert step.page is not None
    return found


def expected(wanted, exchange):
    """The ids that the range stands for, newest first, as far back as the exchange keeps them."""
    oldest = (exchange.now // DAY - 7) * DAY
    start = oldest if wanted.start is None else max(oldest, wanted.start)
    end = 2**62 if wanted.end is None else wanted.end
    ids = [
        number for time, number in exchange.trades if start <= time < end and time <= exchange.now
    ]
    return sorted(ids, reverse=True)[: wanted.count]


def story(seed):
    """Some days of trades in bursts, and a question about them."""
    dice = random.Random(seed)
    many = dice.choice([0, 1, 30, 700, 1_600])
    bursts = [NOW - dice.randrange(9 * DAY) for _ in range(dice.randint(1, 4))]
    times = [min(NOW, dice.choice(bursts) + dice.randrange(HOUR)) for _ in range(many)]

    def moment():
        return dice.choice(
            [
                None,
                dice.randint(NOW - 9 * DAY, NOW + 2 * HOUR),
                MIDNIGHT + dice.randint(-8, 1) * DAY,
                dice.choice(bursts) + dice.randint(0, HOUR),
            ]
        )

    start, end = moment(), moment()
    if start is not None and end is not None:
        start, end = min(start, end), max(start, end) + 1
    count = dice.choice([None, None, 1, 3, 499, 500, 501, 1_000])
    return TradeRange("KRW-BTC", NOW, start, end, count), Exchange(book(times))


seeds = st.integers(0, 2**32)


@calm
@given(seeds)
def test_a_walk_brings_exactly_the_trades_of_the_range_newest_first(seed):
    wanted, exchange = story(seed)
    assert drive(wanted, exchange) == expected(wanted, exchange)


@calm
@given(seeds)
def test_a_walk_asks_once_a_day_twice_if_that_is_empty_and_once_for_each_five_hundred(seed):
    wanted, exchange = story(seed)
    drive(wanted, exchange)
    empty = sum(not exchange.page(dict(request.params)) for request in exchange.requests)
    assert len(exchange.requests) <= 8 + math.ceil(len(exchange.trades) / 500) + empty // 2


def test_one_page_is_one_request():
    exchange = Exchange(book(range(NOW - 700_000, NOW, 1_000)))
    assert len(drive(TradeRange("KRW-BTC", NOW, count=500), exchange)) == 500
    (request,) = exchange.requests
    assert request.params == (("market", "KRW-BTC"), ("count", "500"))


def test_a_full_page_goes_on_below_its_last_trade_and_a_short_one_ends_the_day():
    exchange = Exchange(book([*range(NOW - 700_000, NOW, 1_000), MIDNIGHT - 1]))
    assert len(drive(TradeRange("KRW-BTC", NOW, start=MIDNIGHT - DAY), exchange)) == 701
    asked = [dict(request.params) for request in exchange.requests]
    assert [(each.get("days_ago"), "cursor" in each) for each in asked] == [
        (None, False),
        (None, True),
        ("1", False),
    ]
    assert asked[1]["cursor"] == str(sorted(number for _, number in exchange.trades)[-500])


def test_trades_of_one_millisecond_are_parted_by_their_ids_across_pages():
    same = [(NOW - 1, (NOW - 1) * 10_000 + at) for at in range(1_234)]
    exchange = Exchange(same)
    found = drive(TradeRange("KRW-BTC", NOW, start=MIDNIGHT), exchange)
    assert found == [number for _, number in reversed(same)]


def test_an_empty_day_does_not_end_the_walk():
    exchange = Exchange(book([NOW - 1, NOW - 6 * DAY]))
    assert len(drive(TradeRange("KRW-BTC", NOW, count=10), exchange)) == 2
    assert len(exchange.requests) == 8 + 6  # today and the seven days before, the empty ones twice


@pytest.mark.parametrize("count", [None, 1, 500, 650])
@pytest.mark.parametrize("spoiled", [0, 1])
def test_one_empty_page_loses_no_trade(count, spoiled):
    exchange = Exchange(book([*range(NOW - 700_000, NOW, 1_000), MIDNIGHT - 1]))
    wanted = TradeRange("KRW-BTC", NOW, start=MIDNIGHT - DAY, count=count)
    there = exchange.page
    exchange.page = lambda asked: [] if len(exchange.requests) == spoiled + 1 else there(asked)
    assert drive(wanted, exchange) == expected(wanted, exchange)


@pytest.mark.parametrize("ahead", [HOUR, 2 * DAY])
def test_a_clock_that_is_ahead_loses_no_trade(ahead):
    exchange = Exchange(book(range(MIDNIGHT - 2 * DAY, MIDNIGHT - 1, MINUTE)), now=MIDNIGHT - 1)
    exact = TradeRange("KRW-BTC", MIDNIGHT, MIDNIGHT - 2 * DAY, MIDNIGHT - HOUR)
    wanted = TradeRange("KRW-BTC", exact.now + ahead, exact.start, exact.end)
    exchange.now -= 5_000
    assert drive(wanted, exchange) == expected(exact, exchange)


def test_days_after_the_end_and_before_the_start_are_not_asked_for():
    exchange = Exchange(book(range(MIDNIGHT - 7 * DAY, NOW, HOUR)))
    wanted = TradeRange("KRW-BTC", NOW, MIDNIGHT - 3 * DAY, MIDNIGHT - 2 * DAY)
    assert len(drive(wanted, exchange)) == 24
    assert [dict(request.params).get("days_ago") for request in exchange.requests] == ["3"]


def test_an_end_within_a_day_is_asked_for_as_a_time_of_day():
    exchange = Exchange(book(range(MIDNIGHT, NOW, MINUTE)))
    wanted = TradeRange("KRW-BTC", NOW, MIDNIGHT, MIDNIGHT + 90 * MINUTE)
    assert len(drive(wanted, exchange)) == 90
    assert dict(exchange.requests[0].params)["to"] == "01:30:00"


def test_an_end_between_two_seconds_is_exact_to_the_millisecond():
    times = range(MIDNIGHT, MIDNIGHT + 3_000, 100)
    exchange = Exchange(book(times))
    found = drive(TradeRange("KRW-BTC", NOW, MIDNIGHT, MIDNIGHT + 1_500), exchange)
    assert len(found) == 15
    assert dict(exchange.requests[0].params)["to"] == "00:00:02"


@pytest.mark.parametrize("ahead", [1, HOUR, 13 * HOUR, 17 * HOUR, 3 * DAY + 5 * HOUR])
def test_an_end_ahead_of_the_clock_loses_no_trade(ahead):
    exchange = Exchange(book(range(MIDNIGHT, NOW, HOUR)))
    assert len(drive(TradeRange("KRW-BTC", NOW, MIDNIGHT, NOW + ahead), exchange)) == 12


def test_a_range_that_the_exchange_keeps_no_longer_asks_nothing():
    exchange = Exchange(book([NOW - 9 * DAY]))
    wanted = TradeRange("KRW-BTC", NOW, NOW - 12 * DAY, NOW - 9 * DAY)
    assert drive(wanted, exchange) == []
    assert exchange.requests == []


def test_an_exact_walk_gives_decimals():
    exchange = Exchange(book([NOW - 1]))
    walk = walk_trades(TradeRange("KRW-BTC", NOW, count=1), exact=True)
    step = walk.send(exchange.answer(next(walk).request))
    assert dict(step.page.rows.schema) == dict(exact(TRADE))


def test_a_server_that_ignores_the_cursor_is_a_bad_response_and_no_endless_walk():
    newest = book(range(NOW - 500_000, NOW, 1_000))
    exchange = Exchange(newest)
    exchange.page = lambda _: sorted(newest, reverse=True)
    with pytest.raises(BadResponse):
        drive(TradeRange("KRW-BTC", NOW, start=MIDNIGHT), exchange, most=20)


def test_a_bad_body_ends_the_walk_with_its_error():
    walk = walk_trades(TradeRange("KRW-BTC", NOW))
    next(walk)
    with pytest.raises(BadResponse):
        walk.send(Response(200, {}, b"<html>", NOW))


@pytest.mark.parametrize("late", [0, 1, 700])
def test_a_day_that_ended_before_the_first_answer_is_not_left_out(late):
    """Our clock says yesterday; the exchange says today, with few, no or many trades so far."""
    midnight = MIDNIGHT
    times = [midnight - each * 1_000 for each in range(1, 900)]
    times += [midnight + each for each in range(late)]
    exchange = Exchange(book(times), now=midnight + MINUTE)
    wanted = TradeRange("KRW-BTC", midnight - 1, start=midnight - HOUR)
    assert sorted(drive(wanted, exchange)) == sorted(number for _, number in exchange.trades)
