"""Markets that are listed, end, change their name, pause and are warned of, while all runs."""

from __future__ import annotations

import json
from contextlib import ExitStack

import httpx
import pytest
from websockets.sync.client import connect

from marketkit.errors import InputError
from marketkit.sandbox import Sandbox, StreamRules
from marketkit.sandbox.control import moment
from marketkit.sandbox.markets import Market, Markets, Order
from marketkit.sandbox.synthetic import Synthetic
from marketkit.sandbox.widths import MINUTE
from tests.waiting import PATIENCE

NOW = "2026-11-20T10:17:30.500"
AT = moment(NOW)
BTC, ETH, NEW = "KRW-BTC", "KRW-ETH", "KRW-NEW"
PATIENT = StreamRules(idle_s=100_000)  # a silent market's websocket stays open


@pytest.fixture
def exchange():
    """An exchange of its own, whose clock stands until the test moves it."""
    with Sandbox(now=NOW, speed=0, limit=(10_000, 1.0), stream=PATIENT) as running:
        yield running


@pytest.fixture
def client(exchange):
    """A session with that exchange."""
    with httpx.Client(base_url=exchange.endpoint, timeout=PATIENCE) as session:
        yield session


class Ear:
    """A websocket of three streams of some markets."""

    def __init__(self, socket, *codes):
        self.socket = socket
        kinds = ("ticker", "trade", "orderbook", "candle.1m")
        self.say(*({"type": kind, "codes": list(codes)} for kind in kinds))

    def say(self, *parts):
        """Send one request."""
        self.socket.send(json.dumps([{"ticket": "ear"}, *parts]))

    def all(self):
        """Return all that came so far, as (type, code, row)."""
        self.say({"method": "LIST_SUBSCRIPTIONS"})
        heard = []
        while "method" not in (row := json.loads(self.socket.recv(timeout=PATIENCE))):
            heard.append(row)
        return heard


@pytest.fixture
def ear(exchange):
    """Make ears; all are closed with the test."""
    url = exchange.endpoint.replace("http", "ws") + "/websocket/v1"
    with ExitStack() as stack:
        yield lambda *codes: Ear(stack.enter_context(connect(url, max_queue=None)), *codes)


def codes(client):
    return [row["market"] for row in client.get("/v1/market/all").json()]


def statuses(client, code):
    """Return the status of every endpoint that names a market, by its path."""
    paths = ("ticker?markets=", "orderbook?markets=", "orderbook/instruments?markets=")
    paths += ("trades/ticks?market=", "candles/minutes/1?market=", "candles/days?market=")
    return {client.get(f"/v1/{path}{code}").status_code for path in paths}


def test_a_new_market_begins_to_exist_and_has_no_history(exchange, client):
    exchange.set_market(NEW, "list", at=AT + 60_000)
    assert NEW not in codes(client)
    assert statuses(client, NEW) == {404}
    exchange.advance(60)
    assert NEW in codes(client)
    assert statuses(client, NEW) == {200}
    assert client.get(f"/v1/ticker?markets={NEW}").json() == []
    exchange.advance(3600)
    rows = client.get(f"/v1/candles/minutes/1?market={NEW}&count=200").json()
    assert rows[-1]["candle_date_time_utc"] >= "2026-11-20T10:18:00"
    days = client.get(f"/v1/candles/days?market={NEW}&count=200").json()
    assert [day["candle_date_time_utc"] for day in days] == ["2026-11-20T00:00:00"]
    assert days[0]["high_price"] == max(row["high_price"] for row in rows)


def test_an_ended_market_leaves_the_list_and_fails_every_batch_that_names_it(exchange, client):
    before = exchange.candles(ETH, "1m", AT - 10 * MINUTE, AT)
    exchange.set_market(ETH, "end")
    assert ETH not in codes(client)
    assert statuses(client, ETH) == {404}
    assert client.get(f"/v1/ticker?markets={BTC},{ETH}").status_code == 404
    assert client.get(f"/v1/orderbook?markets={BTC},{ETH}").status_code == 404
    everything = client.get("/v1/ticker/all?quote_currencies=KRW").json()
    assert ETH not in {row["market"] for row in everything}
    exchange.advance(3600)
    after = exchange.candles(ETH, "1m", AT - 10 * MINUTE, exchange.now())
    assert before["time"].to_list() == after["time"].to_list()[: len(before)]
    assert after["time"].max() <= AT


def test_the_streams_of_an_ended_market_fall_silent_after_a_last_ticker(exchange, ear):
    both = ear(BTC, ETH)
    snapshots = both.all()
    assert {row["code"] for row in snapshots} == {BTC, ETH}
    exchange.set_market(ETH, "end", at="2026-11-20T10:18:00")
    exchange.advance(300)
    rows = both.all()
    gone = [row for row in rows if row["code"] == ETH]
    assert gone[-1]["type"] == "ticker"
    assert gone[-1]["market_state"] == "DELISTED"
    assert all(row["timestamp"] < moment("2026-11-20T10:18:00") for row in gone)
    assert {row["type"] for row in rows if row["code"] == BTC} == {
        "ticker", "trade", "orderbook", "candle.1m",
    }  # fmt: skip
    assert ear(ETH).all() == []


def test_a_renamed_market_goes_on_with_its_history_under_the_new_code(exchange, client, ear):
    old = ear(ETH)
    old.all()
    before = client.get(
        f"/v1/candles/minutes/1?market={ETH}&count=50&to=2026-11-20T10:17:00"
    ).json()
    exchange.set_market(ETH, "rename", to="KRW-ETHER")
    assert statuses(client, ETH) == {404}
    assert statuses(client, "KRW-ETHER") == {200}
    assert {ETH, "KRW-ETHER"} & set(codes(client)) == {"KRW-ETHER"}
    row = client.get("/v1/market/all").json()[-1]
    assert (row["market"], row["english_name"][-8:]) == ("KRW-ETHER", "(ex-ETH)")
    after = client.get(
        "/v1/candles/minutes/1?market=KRW-ETHER&count=50&to=2026-11-20T10:17:00"
    ).json()
    assert [row | {"market": ETH} for row in after] == before
    exchange.advance(120)
    assert [row["market_state"] for row in old.all()] == ["DELISTED"]
    assert {row["code"] for row in ear("KRW-ETHER").all()} == {"KRW-ETHER"}


def test_a_paused_market_is_listed_without_trades_book_and_ticker_until_it_resumes(
    exchange, client, ear
):
    one = ear(ETH)
    one.all()
    exchange.set_market(ETH, "pause")
    assert ETH in codes(client)
    assert client.get(f"/v1/ticker?markets={ETH}").json() == []
    assert client.get(f"/v1/orderbook?markets={ETH}").json() == []
    both = client.get(f"/v1/ticker?markets={BTC},{ETH}").json()
    assert [row["market"] for row in both] == [BTC]
    exchange.advance(600)
    assert one.all() == []
    assert client.get(f"/v1/candles/minutes/1?market={ETH}").json()[0]["timestamp"] < AT
    exchange.set_market(ETH, "resume")
    exchange.advance(600)
    heard = one.all()
    assert {row["type"] for row in heard} == {"ticker", "trade", "orderbook", "candle.1m"}
    assert {row.get("market_state", "ACTIVE") for row in heard} == {"ACTIVE"}
    times = exchange.candles(ETH, "1m", AT - MINUTE, exchange.now())["time"]
    assert not times.is_between(AT, AT + 9 * MINUTE).any()
    assert (times > AT + 10 * MINUTE).any()


def test_a_new_market_can_be_in_preview_first(exchange, client):
    exchange.set_market(NEW, "list")
    exchange.set_market(NEW, "pause")
    exchange.set_market(NEW, "resume", at=AT + 600_000)
    exchange.advance(599)
    assert NEW in codes(client)
    assert client.get(f"/v1/orderbook?markets={NEW}").json() == []
    assert client.get(f"/v1/trades/ticks?market={NEW}").json() == []
    exchange.advance(3600)
    assert client.get(f"/v1/orderbook?markets={NEW}").json()
    assert client.get(f"/v1/trades/ticks?market={NEW}").json()[0]["timestamp"] > AT + 600_000


def test_a_warning_is_in_the_list_and_its_date_on_the_websocket(exchange, client, ear):
    one = ear(ETH)
    one.all()
    exchange.set_market(ETH, "warn", to="2026-12-05")
    rows = client.get("/v1/market/all?is_details=true").json()
    assert next(row for row in rows if row["market"] == ETH)["market_event"]["warning"] is True
    (row,) = one.all()
    assert (row["delisting_date"], row["market_warning"]) == ("2026-12-05", "CAUTION")
    assert row["market_state"] == "ACTIVE"


def test_orders_can_be_given_and_read_over_http(exchange, client):
    reply = client.post(
        "/sandbox/markets",
        params={"symbol": ETH, "event": "rename", "to": "KRW-ETHER", "at": "2026-11-20T11:00:00"},
    )
    order = {
        "symbol": ETH, "event": "rename", "to": "KRW-ETHER", "at": "2026-11-20T11:00:00.000+00:00",
    }  # fmt: skip
    assert reply.json() == client.get("/sandbox/markets").json() == [order]
    exchange.advance(3600)
    assert statuses(client, ETH) == {404}
    for wrong in ({"symbol": ETH}, {"event": "end"}, {"symbol": "X", "event": "end"}):
        assert client.post("/sandbox/markets", params=wrong).status_code == 400


def test_a_clock_set_back_brings_an_order_about_again(exchange, ear):
    one = ear(ETH)
    exchange.set_market(ETH, "end", at=AT + 60_000)
    for _ in range(2):
        one.all()
        exchange.advance(120)
        assert one.all()[-1]["market_state"] == "DELISTED"
        exchange.advance(-120)


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (Order(BTC, "vanish", 0), "unknown event 'vanish'"),
        (Order("KRW-NOPE", "end", AT), "no market 'KRW-NOPE' is listed then, to end"),
        (Order(BTC, "resume", 0), "no market 'KRW-BTC' is listed then"),
        (Order(BTC, "rename", AT), "free, not None"),
        (Order(BTC, "rename", AT, ETH), "free, not 'KRW-ETH'"),
        (Order("BTC", "list", 0), "'BTC' is no code"),
        (Order("EUR-BTC", "list", 0), "quoted in none of KRW"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(order, message):
    sources = {symbol: Synthetic(symbol, 1, 0) for symbol in (BTC, ETH)}
    markets = Markets(sources)
    with pytest.raises(InputError, match=message):
        markets.order(order)
    assert markets.orders == ()


def test_a_market_is_found_in_any_case_and_one_that_is_added_was_always_there():
    markets = Markets({BTC: Synthetic(BTC, 1, 0)})
    added = markets.add("USDT-kPEPE")
    assert markets.find("usdt-KPEPE") is added
    assert added.symbol == "USDT-kPEPE"
    assert markets.listed(AT) == [markets.find(BTC), added]
    assert set(markets.sources()) == {BTC, "USDT-kPEPE"}


def test_a_market_without_orders_is_its_own_source():
    source = Synthetic(BTC, 1, 0)
    market = Market.of(BTC, source)
    assert market.source is source
    assert [market.state(now) for now in (source.listing - 1, AT)] == ["DELISTED", "ACTIVE"]
