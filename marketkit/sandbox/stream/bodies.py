"""The JSON object of every stream, long and SIMPLE, in the wire's field order."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from marketkit.sandbox.books import Book, Slot
from marketkit.sandbox.candle import Candle
from marketkit.sandbox.spelling import KST, Spelling, clock, day, fixed, iso, plain
from marketkit.sandbox.stream.numbers import Numbers, of_books, of_trades
from marketkit.sandbox.tickers import Ticker
from marketkit.sandbox.trades import Trade

Kind = Literal["SNAPSHOT", "REALTIME"]
_Fields = tuple[tuple[str, str], ...]

# upbit-api.md, section 6.4; a name with a mark in front holds a text.
_TICKER: Final[_Fields] = (
    ("'type", "ty"), ("'code", "cd"), ("opening_price", "op"), ("high_price", "hp"),
    ("low_price", "lp"), ("trade_price", "tp"), ("prev_closing_price", "pcp"),
    ("acc_trade_price", "atp"), ("'change", "c"), ("change_price", "cp"),
    ("signed_change_price", "scp"), ("change_rate", "cr"), ("signed_change_rate", "scr"),
    ("'ask_bid", "ab"), ("trade_volume", "tv"), ("acc_trade_volume", "atv"),
    ("'trade_date", "tdt"), ("'trade_time", "ttm"), ("trade_timestamp", "ttms"),
    ("acc_ask_volume", "aav"), ("acc_bid_volume", "abv"), ("highest_52_week_price", "h52wp"),
    ("'highest_52_week_date", "h52wdt"), ("lowest_52_week_price", "l52wp"),
    ("'lowest_52_week_date", "l52wdt"), ("'market_state", "ms"),
    ("is_trading_suspended", "its"), ("delisting_date", "dd"), ("'market_warning", "mw"),
    ("timestamp", "tms"), ("acc_trade_price_24h", "atp24h"), ("acc_trade_volume_24h", "atv24h"),
    ("'stream_type", "st"),
)  # fmt: skip
_TRADE: Final[_Fields] = (
    ("'type", "ty"), ("'code", "cd"), ("timestamp", "tms"), ("'trade_date", "td"),
    ("'trade_time", "ttm"), ("trade_timestamp", "ttms"), ("trade_price", "tp"),
    ("trade_volume", "tv"), ("'ask_bid", "ab"), ("prev_closing_price", "pcp"), ("'change", "c"),
    ("change_price", "cp"), ("sequential_id", "sid"), ("best_ask_price", "bap"),
    ("best_ask_size", "bas"), ("best_bid_price", "bbp"), ("best_bid_size", "bbs"),
    ("'stream_type", "st"),
)  # fmt: skip
_BOOK: Final[_Fields] = (
    ("'type", "ty"), ("'code", "cd"), ("timestamp", "tms"), ("total_ask_size", "tas"),
    ("total_bid_size", "tbs"), ("orderbook_units", "obu"), ("'stream_type", "st"),
    ("level", "lv"),
)  # fmt: skip
_UNIT: Final[_Fields] = (
    ("ask_price", "ap"), ("bid_price", "bp"), ("ask_size", "as"), ("bid_size", "bs"),
)  # fmt: skip
_CANDLE: Final[_Fields] = (
    ("'type", "ty"), ("'code", "cd"), ("'candle_date_time_utc", "cdttmu"),
    ("'candle_date_time_kst", "cdttmk"), ("opening_price", "op"), ("high_price", "hp"),
    ("low_price", "lp"), ("trade_price", "tp"), ("candle_acc_trade_volume", "catv"),
    ("candle_acc_trade_price", "catp"), ("timestamp", "tms"), ("'stream_type", "st"),
)  # fmt: skip


def _templates(fields: _Fields) -> tuple[str, str]:
    """Return the long and the SIMPLE object with a place for each value."""
    marks = ['"%s"' if long.startswith("'") else "%s" for long, _ in fields]
    names = [long.removeprefix("'") for long, _ in fields], [short for _, short in fields]
    long, short = (
        ",".join(f'"{name}":{mark}' for name, mark in zip(spelled, marks, strict=True))
        for spelled in names
    )
    return f"{{{long}}}", f"{{{short}}}"


_TICKERS: Final = _templates(_TICKER)
_TRADES: Final = _templates(_TRADE)
_BOOKS: Final = _templates(_BOOK)
_UNITS: Final = _templates(_UNIT)
_CANDLES: Final = _templates(_CANDLE)


class Sides(NamedTuple):
    """The volumes that takers sold and bought since 00:00 UTC."""

    ask: float
    bid: float


class Best(NamedTuple):
    """The best slot of each side of a book."""

    ask: Slot
    bid: Slot


class State(NamedTuple):
    """The standing of a market; `delisting` is the date of a warning, shown from the warning on."""

    name: str = "ACTIVE"
    warned: bool = False
    delisting: str | None = None


def ticker_text(
    symbol: str,
    ticker: Ticker,
    sides: Sides,
    state: State,
    *,
    spelling: Spelling,
    kind: Kind,
    simple: bool,
) -> str:
    """Return one ticker; the four changes of an unchanged price are a bare 0 on the wire."""
    numbers = of_trades(spelling, simple=simple)
    price, size, other = numbers
    trade, change = ticker.trade, ticker.trade.price - ticker.previous
    return _TICKERS[simple] % (
        "ticker",
        symbol,
        price(ticker.opening),
        price(ticker.high),
        price(ticker.low),
        price(trade.price),
        other(ticker.previous),
        other(ticker.value),
        *_changes(change, ticker.previous, numbers, spelling),
        trade.side,
        size(trade.volume),
        size(ticker.volume),
        day(trade.time).replace("-", ""),
        clock(trade.time).replace(":", ""),
        trade.time,
        size(sides.ask),
        size(sides.bid),
        other(ticker.highest[0]),
        day(ticker.highest[1]),
        other(ticker.lowest[0]),
        day(ticker.lowest[1]),
        state.name,
        "false",
        f'"{state.delisting}"' if state.warned and state.delisting else "null",
        "CAUTION" if state.warned else "NONE",
        ticker.time,
        other(ticker.value_24h),
        size(ticker.volume_24h),
        kind,
    )


def _changes(
    change: float, previous: float, numbers: Numbers, spelling: Spelling
) -> tuple[str, str, str, str, str]:
    if not change:
        zero = "0" if spelling == "wire" else "0.0"
        return "EVEN", zero, zero, zero, zero
    signed, rate = round(change, 8), change / previous
    return (
        _direction(change),
        numbers.other(abs(signed)),
        numbers.other(signed),
        f"{abs(rate):.10f}",
        f"{rate:.10f}",
    )


def _direction(change: float) -> str:
    return "RISE" if change > 0 else "FALL" if change < 0 else "EVEN"


def trade_text(
    symbol: str,
    trade: Trade,
    previous: float,
    best: Best,
    *,
    spelling: Spelling,
    kind: Kind,
    simple: bool,
) -> str:
    """Return one trade; the change is absolute here, unlike over REST."""
    price, size, other = of_trades(spelling, simple=simple)
    change = trade.price - previous
    return _TRADES[simple] % (
        "trade",
        symbol,
        trade.time,
        day(trade.time),
        clock(trade.time),
        trade.time,
        price(trade.price),
        size(trade.volume),
        trade.side,
        other(previous),
        _direction(change),
        other(abs(round(change, 8))),
        trade.sequential_id,
        price(best.ask[0]),
        size(best.ask[1]),
        price(best.bid[0]),
        size(best.bid[1]),
        kind,
    )


def book_text(
    symbol: str,
    book: Book,
    depth: int,
    level: float,
    *,
    spelling: Spelling,
    kind: Kind,
    simple: bool,
) -> str:
    """Return one whole order book; the totals are of all levels, whatever the depth."""
    price, size, _ = of_books(spelling, simple=simple)
    unit = _UNITS[simple]
    units = ",".join(
        [
            unit % (price(ask[0]), price(bid[0]), size(ask[1]), size(bid[1]))
            for ask, bid in zip(book.asks[:depth], book.bids[:depth], strict=True)
        ]
    )
    totals = [size(round(sum(amount for _, amount in side), 8)) for side in (book.asks, book.bids)]
    shown = plain(level) if spelling == "wire" else fixed(level)
    return _BOOKS[simple] % ("orderbook", symbol, book.time, *totals, f"[{units}]", kind, shown)


def candle_text(
    channel: str, symbol: str, candle: Candle, *, spelling: Spelling, kind: Kind, simple: bool
) -> str:
    """Return one candle; no field says whether the candle is over."""
    price, size, _ = of_trades(spelling, simple=simple)
    return _CANDLES[simple] % (
        channel,
        symbol,
        iso(candle.time),
        iso(candle.time + KST),
        *map(price, candle[1:5]),
        size(candle.volume),
        size(candle.value),
        candle.last,
        kind,
    )
