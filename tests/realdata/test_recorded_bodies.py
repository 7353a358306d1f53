"""Bodies recorded from the exchange become frames without losing a digit."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from marketkit import schema
from marketkit.exchange.upbit import bodies

CASSETTES = "fixtures/upbeat_rest_2026-03-11"
CANDLE = {
    "symbol": "market",
    "time": "candle_date_time_utc",
    "open": "opening_price",
    "high": "high_price",
    "low": "low_price",
    "close": "trade_price",
    "volume": "candle_acc_trade_volume",
    "value": "candle_acc_trade_price",
}
TICKER = {
    "symbol": "market",
    "time": "timestamp",
    "price": "trade_price",
    "open": "opening_price",
    "high": "high_price",
    "low": "low_price",
    "prev_close": "prev_closing_price",
    "change": "change",
    "signed_change_price": "signed_change_price",
    "signed_change_rate": "signed_change_rate",
    "trade_volume": "trade_volume",
    "trade_time": "trade_timestamp",
    "volume": "acc_trade_volume",
    "value": "acc_trade_price",
    "volume_24h": "acc_trade_volume_24h",
    "value_24h": "acc_trade_price_24h",
    "high_52w": "highest_52_week_price",
    "high_52w_date": "highest_52_week_date",
    "low_52w": "lowest_52_week_price",
    "low_52w_date": "lowest_52_week_date",
}
TRADE = {
    "symbol": "market",
    "time": "timestamp",
    "price": "trade_price",
    "volume": "trade_volume",
    "side": "ask_bid",
    "prev_close": "prev_closing_price",
    "change_price": "change_price",
    "sequential_id": "sequential_id",
}


def body_of(path):
    """Cut the body out of a recording, or take the whole file, without touching a number."""
    text = path.read_text("utf-8")
    if not text.lstrip().startswith("{"):
        return text
    start = text.index("[", text.index('"body":'))
    _, end = json.JSONDecoder().raw_decode(text, start)
    return text[start:end]


def numbers_of(text):
    """Read a body for the oracle: decimals as written, whole numbers as they are."""
    return json.loads(text, parse_float=Decimal)


def moment(value):
    """Read a time of the wire, whichever of its two spellings it has."""
    if isinstance(value, str):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return datetime.fromtimestamp(value // 1000, UTC).replace(microsecond=value % 1000 * 1000)


def compare(frames, objects, names, shape):
    """Hold both frames against the objects of the oracle, cell by cell."""
    rough, precise = frames
    assert dict(rough.schema) == dict(shape)
    assert dict(precise.schema) == dict(schema.exact(shape))
    assert rough.height == precise.height == len(objects)
    rows = zip(rough.rows(named=True), precise.rows(named=True), objects, strict=True)
    for loose, strict, object_ in rows:
        for column, field in names.items():
            said = object_[field]
            if shape[column] == pl.Float64:
                assert strict[column] == Decimal(said), column
                assert loose[column] == float(said), column
                continue
            if isinstance(shape[column], pl.Datetime):
                said = moment(said)
            elif shape[column] == pl.Date:
                said = date.fromisoformat(said)
            assert loose[column] == strict[column] == said, column


def both(decode, text, *args):
    return decode(text.encode(), *args), decode(text.encode(), *args, exact=True)


def compare_candles(text):
    objects = numbers_of(text)
    frames = both(bodies.decode_candles, text, objects[0]["market"])
    compare(
        frames, sorted(objects, key=lambda each: each["candle_date_time_utc"]), CANDLE, schema.ROW
    )
    return frames[0]


@pytest.mark.parametrize("width", ["seconds", "minutes", "days", "weeks", "months", "years"])
def test_recorded_candles_of_each_width_are_read_to_the_last_digit(shared, width):
    assert compare_candles(body_of(shared / CASSETTES / f"get_candles_{width}.json")).height == 1


def test_recorded_minutes_of_2026_are_read_to_the_last_digit(shared):
    assert (
        compare_candles(body_of(shared / "fixtures/pycex_2026-08-30/candles_1m.json")).height == 3
    )


def test_raw_rows_in_the_spelling_of_the_wire_are_read_to_the_last_digit(shared):
    text = (shared / "fixtures/misc/candles_minutes_1_raw_text_2021-09-30.txt").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.strip()]
    assert len(rows) == 4
    for row in rows:
        assert "0000000," in row  # eight places, as the wire has them
        compare_candles(f"[{row}]")


def test_recorded_pages_of_2020_are_read_to_the_last_digit(shared):
    files = sorted((shared / "realdata/smtm_krw_btc_2020").glob("*.json"))
    heights = [compare_candles(body_of(file)).height for file in files]
    assert sorted(heights) == [40, 40, 60, 200, 200]


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        (f"{CASSETTES}/get_tickers.json", 1),
        (f"{CASSETTES}/get_tickers_by_quote.json", 244),
        ("fixtures/pycex_2026-08-30/ticker.json", 1),
    ],
)
def test_recorded_tickers_are_read_to_the_last_digit(shared, path, rows):
    text = body_of(shared / path)
    frames = both(bodies.decode_tickers, text)
    assert frames[0].height == rows
    compare(frames, numbers_of(text), TICKER, schema.TICKER)


def test_the_bare_zeros_of_unchanged_tickers_are_zeros(shared):
    text = body_of(shared / CASSETTES / "get_tickers_by_quote.json")
    bare = [each["market"] for each in numbers_of(text) if each["signed_change_price"] == 0]
    assert len(bare) == 21
    for frame in both(bodies.decode_tickers, text):
        even = frame.filter(pl.col("change") == "EVEN")
        assert even["symbol"].to_list() == bare
        assert set(even["signed_change_price"]) == set(even["signed_change_rate"]) == {0}


def test_recorded_trades_are_read_to_the_last_digit(shared):
    text = body_of(shared / CASSETTES / "get_trades.json")
    compare(both(bodies.decode_trades, text), numbers_of(text), TRADE, schema.TRADE)


def test_a_recorded_order_book_is_read_to_the_last_digit(shared):
    text = body_of(shared / CASSETTES / "get_orderbooks.json")
    names = dict(zip(schema.ORDERBOOK, schema.ORDERBOOK, strict=True))
    names |= {"symbol": "market", "time": "timestamp"}
    objects = [
        {**book, **unit, "depth": depth}
        for book in numbers_of(text)
        for depth, unit in enumerate(book["orderbook_units"], 1)
    ]
    assert len(objects) == 30
    compare(both(bodies.decode_orderbooks, text), objects, names, schema.ORDERBOOK)


def test_recorded_instruments_keep_their_texts(shared):
    text = body_of(shared / CASSETTES / "get_orderbook_instruments.json")
    frame = bodies.decode_instruments(text.encode())
    assert dict(frame.schema) == dict(schema.INSTRUMENT)
    fields = ("market", "quote_currency", "tick_size", "supported_levels")
    assert frame.rows() == [tuple(each[field] for field in fields) for each in numbers_of(text)]


def test_the_recorded_list_of_markets_is_read_whole(shared):
    text = body_of(shared / "fixtures/cryptofeed_2021-04-17/market_all.json")
    objects = numbers_of(text)
    frame = bodies.decode_markets(text.encode())
    assert dict(frame.schema) == dict(schema.MARKET)
    assert frame.height == len(objects) == 294
    for row, object_ in zip(frame.rows(named=True), objects, strict=True):
        assert row["symbol"] == f"{row['quote']}-{row['base']}" == object_["market"]
        assert (row["korean_name"], row["english_name"]) == (
            object_["korean_name"],
            object_["english_name"],
        )
        assert row["warning"] is None


def test_recorded_markets_with_details_keep_every_warning(shared):
    text = body_of(shared / "fixtures/pycex_2026-08-30/markets_is_details.json")
    rows = bodies.decode_markets(text.encode()).rows(named=True)
    for row, object_ in zip(rows, numbers_of(text), strict=True):
        event = object_["market_event"]
        cautions = {name.lower(): value for name, value in event["caution"].items()}
        assert row["symbol"] == object_["market"]
        assert row["warning"] is event["warning"]
        assert {name: row[name] for name in cautions} == cautions
    assert any(row["global_price_differences"] for row in rows)
