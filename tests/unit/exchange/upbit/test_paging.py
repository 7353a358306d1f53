"""Candle walks against an exchange in memory: all rows, nothing asked in vain, nothing claimed unproved."""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketkit.coverage import Spans
from marketkit.errors import BadResponse
from marketkit.exchange.dialect import Response, Step
from marketkit.exchange.upbit.paging import first_within, read_page, walk_candles
from marketkit.exchange.upbit.proof import CandleRange
from marketkit.exchange.upbit.rest import candle_request
from marketkit.schema import ROW, empty, exact
from marketkit.timeframe import DAY, MINUTE, TIMEFRAMES, parse_time

calm = settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
MINUTES = TIMEFRAMES["1m"]
START = parse_time("2025-09-01")
PATHS = {candle_request("KRW-BTC", each, 0).path: each for each in TIMEFRAMES.values()}


@dataclass
class Exchange:
    """What Upbit does: newest first, `to` exclusive, at most `clamp` rows, the running candle too.

    `clock` moves on by `pace` at each answer; candles older than `kept_from` are gone.
    """

    traded: list[int]
    clock: int
    clamp: int = 200
    pace: int = 0
    kept_from: int = -(10**15)
    requests: list = field(default_factory=list)

    def rows(self, before):
        """Starts of the candles before a moment, newest first, as far as they have begun."""
        held = [at for at in self.traded if self.kept_from <= at < before and at <= self.clock]
        return sorted(held, reverse=True)

    def page(self, request):
        """The starts that answer a request."""
        params = dict(request.params)
        to = datetime.strptime(params["to"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        width, before = PATHS[request.path], int(to.timestamp()) * 1000
        starts = {width.floor(at) for at in self.rows(self.clock + 1)}
        held = sorted((at for at in starts if at < before), reverse=True)
        return held[: min(int(params["count"]), self.clamp)]

    def answer(self, request):
        """Answer as the wire does, and let time pass."""
        self.requests.append(request)
        assert request.path in PATHS
        self.clock += self.pace
        return Response(200, {}, body(self.page(request)), self.clock)


def body(starts, **changed):
    return json.dumps([wire(at) | changed for at in starts]).encode()


def wire(at):
    price = price_of(at)
    return {
        "market": "KRW-BTC",
        "candle_date_time_utc": datetime.fromtimestamp(at // 1000, UTC).strftime(
            "%Y-%m-%dT%H:%M:%S"
        ),
        "opening_price": price,
        "high_price": price + 2,
        "low_price": price - 1,
        "trade_price": price + 1,
        "candle_acc_trade_price": price * 2,
        "candle_acc_trade_volume": 2.5,
    }


def price_of(at):
    """A price that tells one candle from another."""
    return float(1_000 + at // 1000 % 99_991)


def drive(walk, answer, most=2_000):
    """Run a walk as its docstring says, and give its pages; never for ever."""
    pages = []
    step = next(walk)
    assert step.page is None
    while step.request is not None:
        step = walk.send(answer(step.request))
        assert step.page is not None
        pages.append(step.page)
        assert len(pages) < most
    with pytest.raises(StopIteration):
        walk.send(None)
    return pages


def slots(timeframe, start, end):
    """Every slot that starts in a range, one by one."""
    found, at = [], timeframe.ceil(start)
    while at < end:
        found.append(at)
        at = timeframe.next(at)
    return found


def times(page):
    return page.rows["time"].dt.epoch("ms").to_list()


def minutes(*offsets):
    return [START + offset * MINUTE for offset in offsets]


LENGTHS = {200: [0, 1, 199, 200, 201, 400, 401, 900], 7: [0, 1, 6, 7, 8, 14, 60, 100]}
MOST = {"1y": 60, "1M": 500}  # the calendar ends somewhere


def story(seed):
    """A market, a clock and a question about it, around anything that can be a border.

    Thrown with dice of our own: what Hypothesis likes to draw seldom has a second page.
    """
    dice = random.Random(seed)
    name = dice.choice(list(TIMEFRAMES))
    timeframe = TIMEFRAMES[name]
    clamp = dice.choice(list(LENGTHS))
    length = min(dice.choice(LENGTHS[clamp]), MOST.get(name, 900))
    base = timeframe.floor(parse_time("1975-06-05" if name in MOST else "2025-02-27"))
    density = dice.choice([1.0, 1.0, 0.97, 0.5, 0.02, 0.0])
    traded = [timeframe.shift(base, at) for at in range(length) if dice.random() < density]

    def moment(*around):
        offset = dice.choice([*around, *around, dice.randint(0, length)]) + dice.randint(-2, 2)
        jitter = dice.choice([0, dice.randrange(timeframe.width)])
        return timeframe.shift(base, offset) + jitter

    start, end = sorted((moment(0), moment(length)))
    settle = dice.choice([0, 1, MINUTE, 3 * timeframe.width])
    clock = moment(length, length + 100)
    pace = dice.choice([0, 150, timeframe.width])
    wanted = CandleRange("KRW-BTC", timeframe, start, end + 1, settle)
    return wanted, Exchange(traded, clock, clamp, pace)


seeds = st.integers(0, 2**32)


@calm
@given(seeds)
def test_a_walk_brings_every_row_of_the_range_as_the_exchange_has_it(seed):
    wanted, exchange = story(seed)
    seen = {}
    first_clock = exchange.clock + exchange.pace
    pages = drive(walk_candles(wanted), exchange.answer)
    for page in pages:
        assert times(page) == sorted(set(times(page)))
        for at, price in zip(times(page), page.rows["open"], strict=True):
            assert at not in seen
            seen[at] = price
    inside = {at for at in exchange.traded if wanted.start <= at < wanted.end}
    # What begins while the walk goes on is there if a doubt was asked about after that.
    began = {at for at in inside if at > first_clock}
    assert {at for at in seen if wanted.start <= at < wanted.end} | began == inside
    assert all(price == price_of(at) for at, price in seen.items())
    assert max(seen, default=wanted.start) < wanted.end


@calm
@given(seeds)
def test_a_page_proves_closed_and_settled_slots_down_to_its_oldest_row_and_no_other(seed):
    wanted, exchange = story(seed)
    to, pages = wanted.end, []

    def check(request):
        response = exchange.answer(request)
        pages.append(response.at)
        return response

    for page, at in zip(drive(walk_candles(wanted), check), pages, strict=True):
        timeframe = wanted.timeframe
        rows = times(page)
        if rows:
            asked = slots(timeframe, rows[0], to)
            final = [each for each in asked if timeframe.next(each) <= at - wanted.settle]
            assert page.proved <= Spans((each, timeframe.next(each)) for each in final)
            assert page.nothing_before is None
            to = rows[0]
        else:
            assert not page.proved
            settled = timeframe.floor(at - wanted.settle)
            assert (page.nothing_before or 0) <= min(timeframe.ceil(to), settled)


@calm
@given(seeds)
def test_after_a_walk_every_settled_slot_of_the_range_is_proved_or_before_the_listing(seed):
    wanted, exchange = story(seed)
    first_clock = exchange.clock + exchange.pace
    pages = drive(walk_candles(wanted), exchange.answer)
    proved = Spans(span for page in pages for span in page.proved)
    nothing_before = pages[-1].nothing_before
    assert all(page.nothing_before is None for page in pages[:-1])
    timeframe = wanted.timeframe
    for slot in slots(timeframe, wanted.start, wanted.end):
        if timeframe.next(slot) <= first_clock - wanted.settle:
            assert slot in proved or (nothing_before is not None and slot < nothing_before)
    # And what is said to be nothing is nothing.
    if nothing_before is not None:
        assert not [at for at in exchange.rows(wanted.end) if at < nothing_before]
        assert not proved.clip(-(10**15), nothing_before)


@calm
@given(seeds)
def test_a_walk_asks_at_most_three_times_beyond_its_rows_and_the_empty_page(seed):
    """Once for a short page, once or, where that is the first page, twice for an empty one."""
    wanted, exchange = story(seed)
    drive(walk_candles(wanted), exchange.answer)
    rows = sum(wanted.start <= at < wanted.end for at in exchange.traded)
    assert len(exchange.requests) <= math.ceil(rows / exchange.clamp) + 1 + 3


@calm
@given(seeds)
def test_each_request_goes_on_below_the_oldest_row_or_from_one_slot_above(seed):
    wanted, exchange = story(seed)
    pages = drive(walk_candles(wanted), exchange.answer)
    to = wanted.end
    for request, page in zip(exchange.requests, pages, strict=True):
        path = candle_request("KRW-BTC", wanted.timeframe, 0).path
        assert to > wanted.start
        if request.path == path:
            tos = (to, wanted.timeframe.next(to))
            assert request in [candle_request("KRW-BTC", wanted.timeframe, each) for each in tos]
        to = min([to, *times(page)])


def test_a_walk_whose_start_is_raised_on_the_way_stops_there():
    exchange = Exchange(minutes(*range(1_000)), START + DAY)
    wanted = CandleRange("KRW-BTC", MINUTES, START, START + 1_000 * MINUTE)

    def raising(request):
        wanted.start = START + 500 * MINUTE
        return exchange.answer(request)

    pages = drive(walk_candles(wanted), raising)
    assert times(pages[-1])[0] == START + 400 * MINUTE
    assert len(pages) == 3


def test_an_exact_walk_gives_decimals():
    exchange = Exchange(minutes(*range(5)), START + DAY)
    wanted = CandleRange("KRW-BTC", MINUTES, START, START + 5 * MINUTE)
    precise = drive(walk_candles(wanted, exact=True), exchange.answer)
    assert dict(precise[0].rows.schema) == dict(exact(ROW))
    rough = drive(walk_candles(wanted), exchange.answer)
    assert precise[0].proved == rough[0].proved


def test_a_short_page_does_not_end_the_walk_and_proves_nothing_below_itself():
    exchange = Exchange(minutes(*range(100)), START + DAY)
    short = replace(exchange, clamp=30, requests=[])
    pages = drive(
        walk_candles(CandleRange("KRW-BTC", MINUTES, START, START + 100 * MINUTE)), short.answer
    )
    assert [page.rows.height for page in pages] == [30, 30, 30, 10]
    assert pages[0].proved == Spans([(START + 70 * MINUTE, START + 100 * MINUTE)])


def test_more_rows_than_asked_for_are_taken_as_they_are():
    exchange = Exchange(minutes(*range(300)), START + DAY)
    exchange.page = lambda _: exchange.rows(START + 300 * MINUTE)
    wanted = CandleRange("KRW-BTC", MINUTES, START, START + 300 * MINUTE)
    (page,) = drive(walk_candles(wanted), exchange.answer)
    assert page.rows.height == 300
    assert page.proved == Spans([(START, START + 300 * MINUTE)])


def test_an_empty_page_at_the_listing_says_that_nothing_is_before_its_bound():
    exchange = Exchange(minutes(5, 6, 9), START + DAY)
    wanted = CandleRange("KRW-BTC", MINUTES, START - DAY, START + 20 * MINUTE)
    pages = drive(walk_candles(wanted), exchange.answer)
    last = pages[-1]
    proved = Spans(span for page in pages for span in page.proved)
    assert proved == Spans([(START + 5 * MINUTE, START + 20 * MINUTE)])
    assert all(page.nothing_before is None for page in pages[:-1])
    assert (last.proved, last.nothing_before) == (Spans(), START + 5 * MINUTE)
    assert last.rests_on == "two answers"
    assert last.rows.equals(empty(ROW))


def test_a_market_without_any_candle_has_nothing_before_the_settled_clock():
    exchange = Exchange([], START + DAY)
    ahead = CandleRange("KRW-BTC", MINUTES, START, START + 2 * DAY)
    page = drive(walk_candles(ahead), exchange.answer)[-1]
    assert page.nothing_before == START + DAY - MINUTE
    behind = CandleRange("KRW-BTC", MINUTES, START, START + MINUTE)
    page = drive(walk_candles(behind), exchange.answer)[-1]
    assert page.nothing_before == START + MINUTE


def test_seconds_older_than_their_retention_are_before_everything():
    seconds = TIMEFRAMES["1s"]
    now = START + 100 * DAY
    kept_from = now - 90 * DAY
    traded = [kept_from + at * 1000 for at in range(-300, 300)]
    exchange = Exchange(traded, now, kept_from=kept_from)
    wanted = CandleRange("KRW-BTC", seconds, kept_from - 200_000, kept_from + 250_000)
    pages = drive(walk_candles(wanted), exchange.answer)
    assert [page.rows.height for page in pages] == [200, 50, 0, 0]
    assert pages[-1].nothing_before == kept_from
    assert Spans(span for page in pages for span in page.proved) == Spans(
        [(kept_from, kept_from + 250_000)]
    )


@pytest.mark.parametrize("into", [0, 1, 30_000, 59_999])
def test_the_forming_first_row_is_shown_and_not_proved(into):
    exchange = Exchange(minutes(*range(10)), START + 9 * MINUTE + into)
    wanted = CandleRange("KRW-BTC", MINUTES, START, START + 60 * MINUTE, settle=0)
    page = drive(walk_candles(wanted), exchange.answer)[0]
    assert times(page)[-1] == START + 9 * MINUTE
    assert page.proved == Spans([(START, START + 9 * MINUTE)])


def test_a_closed_candle_is_proved_at_the_moment_it_is_settled_and_not_before():
    wanted = CandleRange("KRW-BTC", MINUTES, START, START + 10 * MINUTE, settle=MINUTE)
    rows = drive(walk_candles(wanted), Exchange(minutes(*range(10)), START + DAY).answer)[0].rows
    early = read_page(rows, wanted, wanted.end, START + 11 * MINUTE - 1)
    assert early.proved == Spans([(START, START + 9 * MINUTE)])
    late = read_page(rows, wanted, wanted.end, START + 11 * MINUTE)
    assert late.proved == Spans([(START, START + 10 * MINUTE)])


def test_rows_that_all_are_too_young_prove_nothing():
    exchange = Exchange(minutes(8, 9), START + 9 * MINUTE + 1)
    wanted = CandleRange("KRW-BTC", MINUTES, START + 8 * MINUTE, START + 10 * MINUTE)
    (page,) = drive(walk_candles(wanted), exchange.answer)
    assert page.rows.height == 2
    assert not page.proved


def test_a_row_repeated_within_a_page_is_kept_once():
    exchange = Exchange(minutes(*range(10)), START + DAY)

    def twice(request):
        page = exchange.page(request)
        return Response(200, {}, body(sorted([*page, *page[3:5]], reverse=True)), exchange.clock)

    wanted = CandleRange("KRW-BTC", MINUTES, START, START + 10 * MINUTE)
    pages = drive(walk_candles(wanted), twice)
    assert times(pages[0]) == minutes(*range(10))


def test_a_row_repeated_at_a_page_boundary_is_no_second_row():
    """Recorded pages of 2018 repeat the last row of one page as the first row of the next."""
    exchange = Exchange(minutes(*range(500)), START + DAY)

    def boundary(request):
        page = exchange.page(request)
        if exchange.requests:
            page = [page[0] + MINUTE, *page][:200] if page else page
        exchange.requests.append(request)
        return Response(200, {}, body(page), exchange.clock)

    wanted = CandleRange("KRW-BTC", MINUTES, START, START + 500 * MINUTE)
    pages = drive(walk_candles(wanted), boundary)
    rows = [at for page in pages for at in times(page)]
    assert sorted(set(rows)) == minutes(*range(500))
    proved = Spans(span for page in pages for span in page.proved)
    assert proved == Spans([(START, START + 500 * MINUTE)])


@pytest.mark.parametrize("timeframe", TIMEFRAMES.values(), ids=str)
def test_a_server_that_ignores_the_bound_is_a_bad_response_and_no_endless_walk(timeframe):
    start = timeframe.floor(parse_time("2025-03-05"))
    newest = [timeframe.shift(start, at) for at in range(3, -1, -1)]
    exchange = Exchange(newest, timeframe.shift(start, 50))
    exchange.page = lambda _: newest
    early = timeframe.shift(start, -100)
    with pytest.raises(BadResponse, match="asked KRW-BTC"):
        drive(
            walk_candles(CandleRange("KRW-BTC", timeframe, early, timeframe.shift(start, 10))),
            exchange.answer,
        )
    assert len(exchange.requests) <= 3
    with pytest.raises(BadResponse, match="asked KRW-BTC"):
        drive(walk_candles(CandleRange("KRW-BTC", timeframe, early, start)), exchange.answer)


def test_a_server_that_sends_one_row_of_the_bound_for_ever_is_a_bad_response():
    exchange = Exchange(minutes(0), START + DAY)
    exchange.page = lambda _: minutes(0)
    with pytest.raises(BadResponse):
        drive(
            walk_candles(CandleRange("KRW-BTC", MINUTES, START - DAY, START + DAY)),
            exchange.answer,
            most=10,
        )


@pytest.mark.parametrize("where", ["oldest", "middle", "newest"])
def test_a_candle_that_starts_between_two_slots_is_a_bad_response(where):
    hours = TIMEFRAMES["1h"]
    starts = [START + at * 60 * MINUTE for at in (4, 3, 2, 1, 0)]
    starts[{"newest": 0, "middle": 2, "oldest": 4}[where]] += MINUTE
    walk = walk_candles(CandleRange("KRW-BTC", hours, START - DAY, START + DAY))
    next(walk)
    with pytest.raises(BadResponse, match="starts at"):
        walk.send(Response(200, {}, body(starts), START + DAY))


@pytest.mark.parametrize(
    "content", [b"<html>", b"[{}]", b'[{"market":"KRW-BTC"}', body(minutes(0), market="KRW-ETH")]
)
def test_a_bad_body_ends_the_walk_with_its_error_and_no_page(content):
    walk = walk_candles(CandleRange("KRW-BTC", MINUTES, START, START + DAY))
    step = next(walk)
    assert step == Step(None, candle_request("KRW-BTC", MINUTES, START + DAY))
    with pytest.raises(BadResponse):
        walk.send(Response(200, {}, content, START + DAY))


def test_a_stray_row_of_years_ago_proves_nothing_and_is_not_given():
    stray = START - 5_000 * MINUTE

    def answer(request):
        return Response(200, {}, body([*minutes(*reversed(range(100, 200))), stray]), START + DAY)

    (page,) = drive(
        walk_candles(CandleRange("KRW-BTC", MINUTES, START + 100 * MINUTE, START + 200 * MINUTE)),
        answer,
    )
    assert times(page) == minutes(*range(100, 200))
    assert page.proved == Spans([(START + 100 * MINUTE, START + 200 * MINUTE)])


def test_a_row_behind_a_long_hole_is_given_by_the_next_page_with_the_hole_proved_empty():
    old, new = START - 5_000 * MINUTE, START
    exchange = Exchange([old, new, new + MINUTE], clock=START + DAY)
    pages = drive(
        walk_candles(CandleRange("KRW-BTC", MINUTES, old, new + 2 * MINUTE)),
        exchange.answer,
    )
    assert [times(page) for page in pages] == [[new, new + MINUTE], [old]]
    assert pages[1].proved == Spans([(old, new)])


@calm
@given(st.sampled_from(list(TIMEFRAMES)), st.lists(st.integers(0, 2 * 10**12), max_size=5))
def test_the_first_moment_within_a_slot_is_found_or_none_is(name, some):
    timeframe = TIMEFRAMES[name]
    starts = list(map(timeframe.floor, some))
    inner = [moment for moment in some if timeframe.floor(moment) != moment]
    assert first_within(timeframe, starts) is None
    assert first_within(timeframe, [*starts, *some]) == next(iter(inner), None)
