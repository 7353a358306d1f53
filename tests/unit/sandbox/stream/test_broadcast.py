"""Who listens to what, and what they hear as the agenda is worked off."""

from __future__ import annotations

import json

from marketkit.sandbox.books import STEP
from marketkit.sandbox.faulty.strikes import Strike
from marketkit.sandbox.markets import Markets
from marketkit.sandbox.moment import trades_before
from marketkit.sandbox.stream.agenda import Agenda
from marketkit.sandbox.stream.broadcast import Broadcast
from marketkit.sandbox.stream.faults import StreamFaults
from marketkit.sandbox.stream.grammar import Key
from marketkit.sandbox.stream.line import Showcase
from marketkit.sandbox.stream.switches import Switches
from marketkit.sandbox.synthetic import Synthetic
from marketkit.sandbox.tickers import Tickers
from marketkit.sandbox.widths import MINUTE

NOW = 1_795_169_850_500  # 2026-11-20T10:17:30.500Z
SOURCES = {"KRW-BTC": Synthetic("KRW-BTC", 1, 0), "BTC-XRP": Synthetic("BTC-XRP", 1, 1)}
TRADES, BOOKS = Key("trade", "KRW-BTC"), Key("orderbook", "KRW-BTC", 5)
MINUTES = Key("candle.1m", "KRW-BTC")


class Ear:
    """A listener that keeps what it hears."""

    def __init__(self):
        self.heard = []

    def publish(self, message):
        """Keep a message."""
        text = message.wire("DEFAULT", 0).decode("latin-1")
        self.heard.append(json.loads(text[text.index("{") :]))


class Air:
    """A broadcast and its agenda, without sockets."""

    def __init__(self, table=None, pace=STEP):
        self.agenda, self.faults = Agenda(), StreamFaults(table or {})
        self.switches = Switches()
        self.broadcast = Broadcast(
            Markets(SOURCES),
            Showcase("wire", Tickers()),
            self.agenda,
            self.faults,
            lambda: pace,
            switches=self.switches,
        )

    def run(self, until):
        """Work off all that is due by then."""
        self.broadcast.until = until
        while entry := self.agenda.take(until):
            entry[1]()


def ids(ear):
    return [row["sequential_id"] for row in ear.heard]


def test_all_listeners_of_a_stream_hear_every_trade_from_when_they_came():
    air, early, late = Air(), Ear(), Ear()
    air.broadcast.open(TRADES, early, NOW)
    air.run(NOW + MINUTE)
    air.broadcast.open(TRADES, late, NOW + MINUTE)
    air.run(NOW + 3 * MINUTE)
    trades = list(
        trades_before(SOURCES["KRW-BTC"], NOW + 3 * MINUTE + 1, NOW + 3 * MINUTE, NOW + 1)
    )[::-1]
    assert ids(early) == [trade.sequential_id for trade in trades]
    assert ids(late) == [trade.sequential_id for trade in trades if trade.time > NOW + MINUTE]


def test_a_closed_stream_is_silent_and_its_market_leaves_the_agenda():
    air, ear = Air(), Ear()
    air.broadcast.open(TRADES, ear, NOW)
    air.broadcast.close(TRADES, ear)
    air.broadcast.close(BOOKS, ear)  # never opened: no matter
    air.run(NOW + 2 * MINUTE)
    assert ear.heard == []
    assert air.agenda.next_due() is None


def test_books_come_at_most_once_a_step_and_rarely_where_the_clock_leaps():
    walking, leaping = Ear(), Ear()
    air = Air()
    air.broadcast.open(BOOKS, walking, NOW)
    for now in range(NOW, NOW + MINUTE, STEP):
        air.run(now)
    times = [row["timestamp"] for row in walking.heard]
    assert times == sorted(set(times))
    assert len(times) > 300
    air = Air()
    air.broadcast.open(BOOKS, leaping, NOW)
    air.run(NOW + MINUTE)
    assert 2 <= len(leaping.heard) < 10
    assert leaping.heard[-1]["timestamp"] > NOW + MINUTE - 30_000


def test_candles_go_out_once_a_second_however_many_trades_it_has():
    air, ear = Air(), Ear()
    air.broadcast.open(MINUTES, ear, NOW)
    air.run(NOW + 5 * MINUTE)
    seen = [(row["candle_date_time_utc"], row["timestamp"]) for row in ear.heard]
    assert len(seen) == len(set(seen)) > 5


def test_a_late_trade_comes_after_the_next_one_and_is_not_lost():
    air, faulty, ear, other = Air(), Air(), Ear(), Ear()
    faulty.faults.strikes.add(Strike("late-trade"))
    air.broadcast.open(TRADES, ear, NOW)
    faulty.broadcast.open(TRADES, other, NOW)
    for each in (air, faulty):
        each.run(NOW + 3 * MINUTE)
    straight, bent = ids(ear), ids(other)
    assert bent[:2] == straight[1::-1]
    assert bent[2:] == straight[2:]
