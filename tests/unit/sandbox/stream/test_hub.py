"""The websocket over real sockets: what it answers, sends, refuses, and when it ends."""

from __future__ import annotations

import json

import httpx
import pytest

from marketkit.sandbox import Sandbox, StreamRules
from marketkit.sandbox.stream.grammar import CANDLES, CHANNELS
from tests.waiting import PATIENCE

BTC = "KRW-BTC"


def part(kind, *codes, **more):
    return {"type": kind, "codes": list(codes), **more}


def ends(exchange):
    return [row["ended"] for row in exchange.connections()]


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_every_stream_begins_with_a_snapshot_in_a_binary_frame(exchange, dial, compression):
    socket = dial(exchange, compression=compression)
    socket.ask(*(part(kind, BTC, "BTC-ETH") for kind in CHANNELS))
    heard = [socket.raw() for _ in range(2 * len(CHANNELS))]
    assert all(isinstance(message, bytes) for message in heard)
    seen = [(row["type"], row["code"]) for row in map(json.loads, heard)]
    assert sorted(seen) == sorted((kind, code) for kind in CHANNELS for code in (BTC, "BTC-ETH"))
    assert {json.loads(message)["stream_type"] for message in heard} == {"SNAPSHOT"}
    assert exchange.connections()[0]["compressed"] == (compression is not None)


def test_what_happened_until_a_step_of_the_clock_is_sent_by_its_end(exchange, dial):
    socket = dial(exchange)
    socket.ask(part("trade", BTC))
    before = socket.all()[-1]
    exchange.advance(120)
    heard = socket.all()
    times = [row["trade_timestamp"] for row in heard]
    assert len(heard) > 5
    assert times == sorted(times)
    assert before["trade_timestamp"] < times[0] <= times[-1] <= exchange.now()
    assert {row["stream_type"] for row in heard} == {"REALTIME"}


def test_one_step_of_the_clock_and_many_show_the_same_trades_and_candles(dial):
    def run(steps):
        with Sandbox(now="2026-11-20T10:17:30.500", speed=0) as exchange:
            socket = dial(exchange)
            socket.ask(part("trade", BTC, "KRW-ETH"), part("candle.1m", BTC), part("ticker", BTC))
            socket.all()
            for seconds in steps:
                exchange.advance(seconds)
            return socket.all()

    assert run([90]) == run([0.25] * 360)


def test_a_running_clock_streams_by_itself(dial):
    with Sandbox(now="2026-11-20T10:17:30.500", speed=60) as exchange:
        socket = dial(exchange)
        socket.ask(part("trade", BTC))
        assert [socket.hear()["stream_type"] for _ in range(3)] == [
            "SNAPSHOT",
            "REALTIME",
            "REALTIME",
        ]


def test_only_snapshot_and_only_realtime_are_honoured_in_both_spellings(exchange, dial):
    socket = dial(exchange)
    socket.ask(
        part("trade", BTC, is_only_snapshot=True),
        part("ticker", BTC, isOnlySnapshot=True),
        part("trade", "KRW-ETH", isOnlyRealtime=True),
        part("ticker", "KRW-ETH", is_only_realtime=True),
    )
    assert [(row["type"], row["code"]) for row in socket.all()] == [("trade", BTC), ("ticker", BTC)]
    exchange.advance(120)
    assert {(row["type"], row["code"]) for row in socket.all()} == {
        ("trade", "KRW-ETH"),
        ("ticker", "KRW-ETH"),
    }


@pytest.mark.parametrize("form", ["SIMPLE", "SIMPLE_LIST", "JSON_LIST"])
def test_the_format_is_the_connections_and_the_last_one_wins(exchange, dial, form):
    socket = dial(exchange)
    socket.ask(part("ticker", BTC))
    assert socket.hear()["type"] == "ticker"
    socket.form = form
    assert socket.all() == []  # the question itself switches the format
    exchange.advance(60)
    heard = socket.hear()
    row = heard[0] if form.endswith("LIST") else heard
    assert isinstance(heard, list) == form.endswith("LIST")
    assert row["ty" if form.startswith("SIMPLE") else "type"] == "ticker"


def test_a_new_request_replaces_the_old_one_whole(exchange, dial):
    socket = dial(exchange)
    socket.ask(part("trade", BTC, "KRW-ETH"))
    socket.all()
    socket.ask(part("trade", "KRW-ETH", "KRW-XRP"))
    assert {row["code"] for row in socket.all()} == {"KRW-ETH", "KRW-XRP"}
    exchange.advance(300)
    assert {row["code"] for row in socket.all()} == {"KRW-ETH", "KRW-XRP"}


def test_frames_of_the_old_codes_may_stray_in_after_a_replacement(dial):
    rules = StreamRules(stray_frames=2)
    with Sandbox(now="2026-11-20T10:17:30.500", speed=0, stream=rules) as exchange:
        socket = dial(exchange)
        socket.ask(part("trade", BTC, "KRW-ETH", "KRW-XRP"))
        socket.all()
        socket.ask(part("trade", "KRW-SOL"))
        heard = [(row["code"], row["stream_type"]) for row in socket.all()]
    assert heard == [(BTC, "REALTIME"), ("KRW-ETH", "REALTIME"), ("KRW-SOL", "SNAPSHOT")]


def test_the_subscriptions_are_listed_as_they_were_asked_for(exchange, dial):
    socket = dial(exchange)
    socket.ask(part("ticker", BTC), part("orderbook", "KRW-BTC.5", level="10000"))
    socket.all()
    socket.send([{"method": "LIST_SUBSCRIPTIONS"}, {"ticket": "x"}])
    assert socket.raw().decode() == (
        '{"method":"LIST_SUBSCRIPTIONS","result":[{"type":"ticker","codes":["KRW-BTC"]},'
        '{"type":"orderbook","codes":["KRW-BTC.5"],"level":10000}],"ticket":"x"}'
    )
    socket.send([{"ticket": "y"}, {"method": "LIST_SUBSCRIPTIONS"}, {"format": "SIMPLE"}])
    assert socket.hear() == {
        "mthd": "LIST_SUBSCRIPTIONS",
        "rslt": [
            {"ty": "ticker", "cds": ["KRW-BTC"]},
            {"ty": "orderbook", "cds": ["KRW-BTC.5"], "lv": 10000},
        ],
        "tckt": "y",
    }


def test_books_have_the_depth_and_the_level_asked_for(exchange, dial):
    socket = dial(exchange)
    socket.ask(part("orderbook", "KRW-BTC.1", "KRW-ETH.15", "KRW-XRP.7", "KRW-SOL"))
    assert {row["code"]: len(row["orderbook_units"]) for row in socket.all()} == {
        "KRW-BTC": 1,
        "KRW-ETH": 15,
        "KRW-XRP": 30,
        "KRW-SOL": 30,
    }
    socket.ask(part("orderbook", BTC, level=100000))
    row = socket.hear()
    assert row["level"] == 100000
    assert all(unit["ask_price"] % 100000 == 0 for unit in row["orderbook_units"])


def test_what_does_not_exist_is_passed_over_in_silence(exchange, dial):
    socket = dial(exchange)
    socket.ask(
        part("ticker", "KRW-NOPE", "krw-btc"),
        part("trade", "KRW-NOPE", "krw-btc", ""),
        part("candle.1s", "KRW-NOPE"),
        part("orderbook", "BTC-ETH", "USDT-BTC", "krw-btc", level=1000),
        part("orderbook", BTC, level=7),
    )
    exchange.advance(59)
    assert socket.all() == []
    assert ends(exchange) == [None]


def test_a_clock_set_back_shows_everything_again(exchange, dial):
    socket = dial(exchange)
    socket.ask(part("trade", BTC))
    first = socket.all()
    exchange.advance(60)
    later = socket.all()
    exchange.set_clock("2026-11-20T10:17:30.500")
    assert socket.all() == first
    exchange.advance(60)
    assert socket.all() == later


def test_ten_thousand_codes_are_taken_in_one_request(exchange, dial):
    socket = dial(exchange)
    socket.ask(part("ticker", BTC, *(f"KRW-X{number}" for number in range(10_000))))
    assert [row["code"] for row in socket.all()] == [BTC]


def test_recorded_messages_are_sent_as_they_are(shared, exchange, dial):
    lines = (shared / "fixtures/ws_candle_2026-07-30/frames.jsonl").read_bytes().splitlines()
    socket = dial(exchange)
    exchange.replay(lines)
    assert [socket.raw() for _ in lines] == lines


def test_the_control_endpoints_step_the_clock_and_tell_of_connections(exchange, dial):
    socket = dial(exchange)
    socket.ask(part("trade", BTC))
    socket.all()
    with httpx.Client(base_url=exchange.endpoint, timeout=PATIENCE) as control:
        before = exchange.now()
        assert control.post("/sandbox/clock?advance=60000").json()["ms"] == before + 60_000
        assert len(socket.all()) > 2
        row = control.get("/sandbox/connections").json()[0]
        assert row["subscriptions"] == [{"type": "trade", "codes": [BTC]}]
        assert control.post("/sandbox/strike?kind=drop&times=2").status_code == 200
        assert control.post("/sandbox/strike?kind=nope").status_code == 400
        exchange.advance(60)
        assert control.get("/sandbox/stats").json()["faults"]["drop"] == 1
        assert control.post("/sandbox/faults?silence=0.5&500=0").json() == {
            "500": 0.0,
            "silence": 0.5,
        }


@pytest.mark.parametrize("channel", list(CANDLES))
def test_every_candle_stream_names_its_type(exchange, dial, channel):
    socket = dial(exchange)
    socket.ask(part(channel, BTC))
    assert socket.hear()["type"] == channel
