"""What is streamed and what REST answers afterwards are one history."""

from __future__ import annotations

from itertools import groupby, pairwise

import httpx
import pytest

from tests.waiting import PATIENCE

BTC, XRP = "KRW-BTC", "KRW-XRP"
OF_CANDLES = {
    "opening_price",
    "high_price",
    "low_price",
    "trade_price",
    "candle_acc_trade_volume",
    "candle_acc_trade_price",
    "timestamp",
    "candle_date_time_utc",
}
PATHS = {"candle.1s": "seconds"} | {
    f"candle.{unit}m": f"minutes/{unit}" for unit in (1, 3, 5, 10, 15, 30, 60, 240)
}


@pytest.fixture
def rest(exchange):
    with httpx.Client(base_url=f"{exchange.endpoint}/v1/", timeout=PATIENCE) as client:
        yield client


def stream(exchange, socket, seconds, *kinds, codes=(BTC,)):
    """Subscribe, let time pass, and return snapshots and what came live."""
    socket.ask(*({"type": kind, "codes": list(codes)} for kind in kinds))
    snapshots = socket.all()
    exchange.advance(seconds)
    return snapshots, socket.all()


def test_the_trades_streamed_are_those_that_rest_lists_later(exchange, dial, rest):
    snapshots, live = stream(exchange, dial(exchange), 600, "trade")
    listed = rest.get(f"trades/ticks?market={BTC}&count={len(live) + 1}").json()
    streamed = [*reversed(live), *snapshots]
    for name in ("sequential_id", "timestamp", "trade_price", "trade_volume", "ask_bid"):
        assert [row[name] for row in streamed] == [row[name] for row in listed]
    assert [row["change_price"] for row in streamed] == [abs(row["change_price"]) for row in listed]
    assert len(live) > 30


@pytest.mark.parametrize("kind", list(PATHS))
def test_the_last_frame_of_a_closed_candle_is_the_candle_rest_gives(exchange, dial, rest, kind):
    exchange.set_clock("2026-11-20T10:55:07.300")
    _, live = stream(exchange, dial(exchange), 420, kind)
    last = {row["candle_date_time_utc"]: row for row in live}
    exchange.advance(4 * 3600)
    path = f"candles/{PATHS[kind]}?market={BTC}&count=200&to=2026-11-20T11:02:07Z"
    listed = {row["candle_date_time_utc"]: row for row in rest.get(path).json()}
    closed = sorted(last)[:-1]
    assert closed or kind == "candle.240m"
    for time in closed:
        assert {name: last[time][name] for name in OF_CANDLES} == {
            name: listed[time][name] for name in OF_CANDLES
        }


def test_streamed_trades_add_up_to_the_streamed_candles(exchange, dial):
    exchange.set_clock("2026-11-20T10:17:00")
    _, live = stream(exchange, dial(exchange), 300.0, "trade", "candle.1m")
    trades = [row for row in live if row["type"] == "trade"]
    last = {row["candle_date_time_utc"]: row for row in live if row["type"] == "candle.1m"}
    minutes = {
        f"2026-11-20T{time}:00": list(rows)
        for time, rows in groupby(trades, lambda row: row["trade_time"][:5])
    }
    assert minutes.keys() == last.keys()
    assert len(minutes) >= 4
    for time, rows in minutes.items():
        prices = [row["trade_price"] for row in rows]
        assert [prices[0], max(prices), min(prices), prices[-1]] == [
            last[time][name] for name in ("opening_price", "high_price", "low_price", "trade_price")
        ]
        volume = sum(row["trade_volume"] for row in rows)
        assert volume == pytest.approx(last[time]["candle_acc_trade_volume"], abs=1e-9)


def test_a_candle_goes_out_at_most_once_a_second_and_only_when_it_changed(exchange, dial):
    exchange.set_clock("2026-11-20T10:17:00")
    _, live = stream(exchange, dial(exchange), 600, "trade", "candle.5m")
    candles = [row for row in live if row["type"] == "candle.5m"]
    seconds = {row["trade_timestamp"] // 1000 for row in live if row["type"] == "trade"}
    assert [row["timestamp"] // 1000 for row in candles] == sorted(seconds)


def test_before_the_first_trade_of_a_candle_its_snapshot_is_the_one_before(exchange, dial):
    exchange.set_clock("2026-11-20T10:17:00")
    socket = dial(exchange)
    socket.ask({"type": "candle.1m", "codes": [BTC]})
    assert socket.hear()["candle_date_time_utc"] == "2026-11-20T10:16:00"


def test_the_last_ticker_streamed_is_the_one_rest_gives(exchange, dial, rest):
    _, live = stream(exchange, dial(exchange), 300, "ticker", codes=(BTC, XRP))
    last = {row["code"]: row for row in live}
    for row in rest.get(f"ticker?markets={BTC},{XRP}").json():
        streamed = last[row["market"]]
        assert all(
            streamed[name] == row[name]
            for name in row.keys() & streamed.keys() - {"timestamp", "acc_trade_price"}
        )
        assert streamed["acc_trade_price"] == pytest.approx(row["acc_trade_price"], abs=1e-6)


def test_volumes_of_tickers_grow_by_what_is_traded_each_millisecond(exchange, dial):
    snapshots, live = stream(exchange, dial(exchange), 300, "ticker", "trade")
    before = next(row for row in snapshots if row["type"] == "ticker")
    trades = [row for row in live if row["type"] == "trade"]
    tickers = [row for row in live if row["type"] == "ticker"]
    times = [time for time, _ in groupby(row["trade_timestamp"] for row in trades)]
    assert [row["trade_timestamp"] for row in tickers] == times
    assert len(times) < len(trades)
    for row in tickers:
        same = [one for one in trades if one["trade_timestamp"] == row["trade_timestamp"]]
        for name, side in (("acc_ask_volume", "ASK"), ("acc_bid_volume", "BID")):
            traded = sum(one["trade_volume"] for one in same if one["ask_bid"] == side)
            assert row[name] - before[name] == pytest.approx(traded, abs=1e-7)
        both = row["acc_ask_volume"] + row["acc_bid_volume"]
        assert both == pytest.approx(row["acc_trade_volume"], abs=1e-6)
        before = row


def test_the_day_begins_anew_at_midnight_utc(exchange, dial):
    exchange.set_clock("2026-11-20T23:58:30")
    _, live = stream(exchange, dial(exchange), 180, "ticker")
    yesterday = [row for row in live if row["trade_date"] == "20261120"]
    today = [row for row in live if row["trade_date"] == "20261121"]
    assert today[0]["acc_trade_volume"] == today[0]["trade_volume"]
    assert today[0]["prev_closing_price"] == yesterday[-1]["trade_price"]


@pytest.mark.parametrize("code", [BTC, "KRW-SHIB", "BTC-ETH", "USDT-XRP"])
def test_the_last_book_streamed_is_the_one_rest_gives(exchange, dial, rest, code):
    snapshots, live = stream(exchange, dial(exchange), 90, "orderbook", codes=(code,))
    row = rest.get(f"orderbook?markets={code}").json()[0]
    book = (snapshots + live)[-1]
    for name in ("timestamp", "total_ask_size", "total_bid_size", "orderbook_units"):
        assert book[name] == row[name]


def test_a_busy_book_changes_every_100_ms_on_its_own_phase(exchange, dial):
    socket = dial(exchange)
    socket.ask({"type": "orderbook", "codes": [BTC]})
    socket.all()
    for _ in range(50):
        exchange.advance(0.02)
    times = [row["timestamp"] for row in socket.all()]
    assert len(times) == 10
    assert {after - before for before, after in pairwise(times)} == {100}


def test_a_market_that_is_not_listed_yet_is_silent(exchange, dial):
    from marketkit.sandbox.synthetic import seeded

    young = max(seeded(1).items(), key=lambda market: market[1].listing)
    exchange.set_clock(young[1].listing - 60_000)
    snapshots, live = stream(exchange, dial(exchange), 30, "ticker", codes=(young[0],))
    assert snapshots == live == []
