"""What goes wrong on websockets when it is told to."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from marketkit.errors import InputError
from marketkit.sandbox import Sandbox
from marketkit.sandbox.faulty.strikes import Strike
from marketkit.sandbox.stream.faults import AT_FRAME, StreamFaults
from tests.waiting import PATIENCE

BTC = "KRW-BTC"


@pytest.fixture
def trades(exchange, dial):
    """A connection that listens to one market's trades, and has its snapshot."""
    socket = dial(exchange)
    socket.ask({"type": "trade", "codes": [BTC]})
    socket.all()
    return socket


def told(socket):
    """Return all that still comes, and how the connection ended."""
    heard = []
    while True:
        try:
            heard.append(socket.hear())
        except ConnectionClosed as ended:
            return heard, ended


def numbers(rows):
    return [row["sequential_id"] for row in rows]


def test_a_drop_is_a_reset_without_a_close_frame(exchange, trades):
    exchange.strike("drop")
    exchange.advance(60)
    heard, ended = told(trades)
    assert heard == []
    assert ended.rcvd is None
    assert isinstance(ended.__cause__, ConnectionResetError)
    assert exchange.connections()[0]["ended"] == "drop"


def test_a_storm_drops_every_connection_as_often_as_it_is_told(exchange, dial, trades):
    exchange.strike("storm", times=2)
    idle = dial(exchange)
    exchange.advance(60)
    assert [row["ended"] for row in exchange.connections()] == ["storm", "storm"]
    for socket in (idle, trades):
        told(socket)
    again = dial(exchange)
    again.ask({"type": "trade", "codes": [BTC]})
    again.all()
    exchange.advance(60)
    assert exchange.connections()[-1]["ended"] == "storm"
    assert exchange.stats()["faults"]["storm"] == 2


def test_a_half_frame_ends_the_connection_inside_a_message(exchange, trades):
    exchange.strike("half-frame")
    exchange.advance(60)
    heard, ended = told(trades)
    assert heard == []
    assert ended.rcvd is None
    assert exchange.connections()[0]["ended"] == "half-frame"


def test_a_silent_socket_stays_open_and_loses_what_was_due(exchange, trades):
    exchange.strike("silence", seconds=300)
    exchange.advance(240)
    assert exchange.connections()[0]["ended"] is None
    exchange.advance(300)
    heard = trades.all()
    assert heard[0]["trade_timestamp"] >= exchange.now() - 300_000
    assert len(heard) > 3


def test_a_duplicated_frame_comes_twice(exchange, trades):
    exchange.strike("duplicate-frame")
    exchange.advance(60)
    got = numbers(trades.all())
    assert got[0] == got[1]
    assert len(set(got)) == len(got) - 1


def test_frames_out_of_order_change_places(exchange, trades):
    exchange.strike("out-of-order")
    exchange.advance(60)
    got = numbers(trades.all())
    assert got[0] > got[1]
    assert [got[1], got[0], *got[2:]] == sorted(got)


def test_a_late_trade_comes_after_the_next_one_to_everybody(exchange, dial, trades):
    other = dial(exchange)
    other.ask({"type": "trade", "codes": [BTC]}, form="SIMPLE")
    other.all()
    exchange.strike("late-trade")
    exchange.advance(60)
    got = numbers(trades.all())
    assert [got[1], got[0], *got[2:]] == sorted(got)
    assert [row["sid"] for row in other.all()] == got


def test_a_late_candle_comes_changed_after_the_next_one_began(exchange, dial):
    exchange.set_clock("2026-11-20T10:17:00")
    socket = dial(exchange)
    socket.ask({"type": "candle.1m", "codes": [BTC]})
    socket.all()
    exchange.strike("late-candle")
    exchange.advance(180)
    heard = socket.all()
    times = [row["candle_date_time_utc"] for row in heard]
    where = next(n for n, (a, b) in enumerate(pairwise(times)) if b < a) + 1
    late = heard[where]
    before = [row for row in heard[:where] if row["candle_date_time_utc"] == times[where]]
    assert before[-1]["candle_acc_trade_volume"] < late["candle_acc_trade_volume"]
    truth = exchange.candles(BTC, "1m", exchange.now() - 180_000, exchange.now()).row(0, named=True)
    assert late["candle_acc_trade_volume"] == truth["volume"]
    assert late["trade_price"] == truth["close"]
    assert times.count(times[where]) == len(before) + 1


def test_a_connection_may_be_refused_or_closed_as_soon_as_it_is_made(exchange, dial):
    exchange.strike("refuse")
    with pytest.raises(InvalidStatus):
        dial(exchange)
    exchange.strike("accept-close")
    socket = dial(exchange)
    assert told(socket)[0] == []
    assert exchange.connections()[-1]["ended"] == "accept-close"
    dial(exchange).ask({"type": "trade", "codes": [BTC]})


def test_drawn_faults_are_the_same_for_the_same_seed(dial):
    def run():
        table = {"duplicate-frame": 0.3, "out-of-order": 0.2, "late-trade": 0.1, "500": 0.1}
        with Sandbox(now="2026-11-20T10:17:30", speed=0, faults=table, seed=4) as exchange:
            socket = dial(exchange)
            socket.ask({"type": "trade", "codes": [BTC]})
            socket.all()
            exchange.advance(300)
            return numbers(socket.all())

    first = run()
    assert first == run()
    assert first != sorted(first)


def test_a_client_that_never_reads_is_cut_off_and_the_others_go_on(dial, monkeypatch):
    # Longer than a busy machine stalls whoever does read.
    monkeypatch.setattr("marketkit.sandbox.stream.hub._PATIENCE_S", 10.0)
    monkeypatch.setattr("marketkit.sandbox.stream.hub._BACKLOG", 100_000)
    with Sandbox(now="2026-11-20T10:17:30", speed=0) as exchange:
        deaf, good = dial(exchange, max_queue=1, compression=None), dial(exchange)
        for socket in (deaf, good):
            socket.ask({"type": "ticker", "codes": [BTC], "is_only_snapshot": True})
        good.all()
        block = [json.dumps({"filler": "x" * 1000}).encode()] * 20_000
        deaf.connection.recv(timeout=PATIENCE)
        good_heard = []
        import threading

        def read():
            while len(good_heard) < len(block):
                good_heard.append(good.hear())

        reader = threading.Thread(target=read)
        reader.start()
        exchange.replay(block)
        reader.join()
        assert len(good_heard) == len(block)
        assert exchange.stats()["stream"]["cut_off"] == 1
        assert exchange.connections()[0]["ended"] == "never read"


def test_table_that_is_no_probability_is_refused_and_an_empty_one_draws_nothing():
    with pytest.raises(InputError):
        StreamFaults({"drop": 1.5})
    assert StreamFaults({}).draw(AT_FRAME) is None


def test_an_ordered_fault_goes_before_a_drawn_one_and_has_its_value():
    faults = StreamFaults({"drop": 1.0})
    faults.strikes.add(Strike("silence", value="7", after=1))
    assert [faults.draw(AT_FRAME) for _ in range(3)] == [
        ("drop", ""), ("silence", "7"), ("drop", ""),
    ]  # fmt: skip
    assert faults.stats()["silence"] == 1
