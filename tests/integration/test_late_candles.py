"""Late candles on a real stream: each that takes back what was final is told once, no other is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from marketkit.realtime.queue import Queue
from marketkit.timeframe import MINUTE, parse_time
from tests.integration.conftest import NOW
from tests.integration.test_live import rows_of, step, truth
from tests.waiting import wait

BEGIN = parse_time(NOW) // MINUTE * MINUTE
LOUD = ["KRW-BTC", "KRW-ETH", "KRW-XRP"]  # together never silent until the exchange hangs up
MARKETS = [*LOUD, "KRW-DOT", "KRW-NEAR", "KRW-BCH"]

Slots = Counter[tuple[str, int]]


class Watched:
    """A live series, and all that a user of it could have seen."""

    def __init__(self, live) -> None:
        self.live = live
        self.words = live._stitcher.broadcast.open(Queue())
        self.seen: dict[tuple[str, int], list[tuple]] = {}

    def hears(self, exchange, lag: int = 0) -> bool:
        """Say whether it knows the busiest market as it was `lag` ms ago, and old slots as final.

        Where late candles come, the last change of a minute waits for the next one to begin; of a
        stream opened just before that it may be the only one.
        """
        now, tracker = exchange.now(), self.live._stitcher.trackers["KRW-BTC"]
        over = (now - lag) // MINUTE * MINUTE
        *_, newest = truth(exchange, "KRW-BTC", over - 10 * MINUTE, over)
        known = newest[0] in {row[0] for row in rows_of(self.live.frame, "KRW-BTC")}
        return known and tracker.watermark >= now - 3 * MINUTE

    def look(self) -> None:
        """See the frame as it is now."""
        frame = self.live.frame
        closed = frame.filter(frame["state"] == "closed")
        for symbol in self.live.symbols:
            for time, *numbers in rows_of(closed, symbol):
                known = self.seen.setdefault((symbol, time), [])
                if known[-1:] != [tuple(numbers)]:
                    known.append(tuple(numbers))

    def told(self) -> Slots:
        """Count the corrections on record, by slot."""
        late = self.live.interruptions.filter(
            self.live.interruptions["reason"].str.starts_with("a late candle of ")
        )
        starts = late["start"].dt.epoch("ms").to_list()
        names = [reason.rsplit(" ", 1)[-1] for reason in late["reason"]]
        return Counter(zip(names, starts, strict=True))

    def said(self) -> dict[tuple[str, int], list[tuple]]:
        """Give the words on each slot that say something new, in their order."""
        batch, found = self.words.look(), dict[tuple[str, int], list[tuple]]()
        for each in batch.events if batch else ():
            numbers = found.setdefault((each.symbol, each.time), [])
            if numbers[-1:] != [each.row[:-1]]:
                numbers.append(each.row[:-1])
        return found


def check(watched: Watched, exchange, end: int) -> Slots:
    """Compare what was told with what was said, seen and true; give the corrections."""
    watched.look()
    said, told = watched.said(), watched.told()
    changes = Counter({slot: len(numbers) - 1 for slot, numbers in said.items()})
    more = told - changes
    assert not changes - told
    assert all(count == 1 and alone(exchange, slot) for slot, count in more.items())
    for slot, numbers in watched.seen.items():
        assert len(numbers) - 1 <= told[slot], slot
    for symbol in watched.live.symbols:
        for time, *numbers in truth(exchange, symbol, BEGIN + MINUTE, end):
            assert said[symbol, time][-1] == tuple(numbers), (symbol, time)
    return told


def pass_by(watched: Watched, exchange, provider, steps: int, do: Callable[[int], None]) -> int:
    """Let time pass, a quarter of a minute a step; give where all is final then."""
    for number in range(steps):
        do(number)
        step(exchange, provider, 15)
        wait(lambda: watched.hears(exchange, lag=MINUTE))
        watched.look()
    exchange.strike("none")
    exchange.set_faults({})
    end = exchange.now() // MINUTE * MINUTE

    def is_final() -> bool:
        if watched.live.watermark.timestamp() * 1000 < end:
            step(exchange, provider, 15)
            watched.look()
            return False
        return True

    wait(is_final)
    return end


def alone(exchange, slot: tuple[str, int]) -> bool:
    """Say whether all of a minute came in one message: until that comes the minute is empty."""
    symbol, start = slot
    return exchange.candles(symbol, "1s", start, start + MINUTE).height == 1


def test_each_correction_is_told_once_in_ten_minutes_of_breaks_and_late_candles(provider, exchange):
    with provider.live(MARKETS, "1m", history="2h", show=False) as live:
        watched = Watched(live)
        exchange.set_faults({"late-candle": 0.7})
        storms = {6, 16}
        end = pass_by(
            watched, exchange, provider, 40,
            lambda number: exchange.strike("storm") if number in storms else None,
        )  # fmt: skip
        told = check(watched, exchange, end)
        assert exchange.stats()["faults"]["late-candle"] > told.total() > 0


def advance_to(watched: Watched, exchange, provider, minute: int, second: int) -> None:
    """Let time pass up to a moment after `BEGIN`, never so much that the exchange hangs up."""
    end = BEGIN + minute * MINUTE + second * 1000
    while (left := (end - exchange.now()) / 1000) > 0:
        step(exchange, provider, min(left, 20))
        wait(lambda: watched.hears(exchange))


def test_a_quiet_market_that_an_answer_told_of_first_has_nothing_to_correct(provider, exchange):
    """The market traded in the minutes 6, 7 and 10; the stream broke before that."""
    dot, slot = "KRW-DOT", BEGIN + 7 * MINUTE
    with provider.live([*LOUD, dot], "1m", history="10m", show=False) as live:
        watched, tracker = Watched(live), live._stitcher.trackers[dot]
        advance_to(watched, exchange, provider, 3, 0)
        exchange.strike("storm")
        advance_to(watched, exchange, provider, 6, 0)
        assert not tracker.joined  # the snapshot after the break said nothing new
        advance_to(watched, exchange, provider, 6, 50)
        wait(lambda: tracker.joined)
        exchange.set_faults({"late-candle": 1.0})
        advance_to(watched, exchange, provider, 8, 10)
        exchange.set_faults({})
        ((_, *numbers),) = truth(exchange, dot, slot, slot + MINUTE)
        wait(lambda: slot in tracker.rows and tracker.rows[slot][:-1] == tuple(numbers))
        assert tracker.watermark == slot  # an answer had the number, and it was not final yet
        advance_to(watched, exchange, provider, 10, 50)
        wait(lambda: live._stitcher.members.watermark == BEGIN + 10 * MINUTE)
        assert watched.said()[dot, slot] == [tuple(numbers)]
        assert not check(watched, exchange, BEGIN + 10 * MINUTE)[dot, slot]


def test_the_only_candle_of_a_minute_that_comes_late_is_told_once(provider, exchange):
    """The market traded once in minute 8, and next in minute 9."""
    bch, slot = "KRW-BCH", BEGIN + 8 * MINUTE
    with provider.live([*LOUD, bch], "1m", history="10m", show=False) as live:
        watched, tracker = Watched(live), live._stitcher.trackers[bch]
        advance_to(watched, exchange, provider, 8, 0)
        wait(lambda: tracker.watermark >= BEGIN + 5 * MINUTE)
        exchange.set_faults({"late-candle": 1.0})
        advance_to(watched, exchange, provider, 9, 10)
        assert slot not in tracker.rows
        exchange.set_faults({})
        advance_to(watched, exchange, provider, 9, 50)
        wait(lambda: watched.told()[bch, slot])
        wait(lambda: live._stitcher.members.watermark == BEGIN + 9 * MINUTE)
        assert check(watched, exchange, BEGIN + 9 * MINUTE)[bch, slot] == 1
