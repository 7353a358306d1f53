"""Upbit's public websocket: what is sent to it, and its messages as structs and frames.

Fields, formats and number spelling: Upbit reference, sections 6.2 to 6.4 and 3.7. Messages come in
DEFAULT or SIMPLE names, alone or in lists; numbers arrive as floats or with every digit.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

import msgspec
import polars as pl

from marketkit import schema
from marketkit.errors import BadResponse, InputError, Refused, nearest
from marketkit.schema import Schema
from marketkit.timeframe import TIMEFRAMES, Timeframe, parse_timeframe

Format = Literal["DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST"]

PATH = "/websocket/v1"
PING = "PING"
_WIDTHS = {"1h": "60m", "4h": "240m"}  # where the stream's name of a width is not ours
_STREAMED = ("1s", "1m", "3m", "5m", "10m", "15m", "30m", "1h", "4h")
CHANNELS = ("ticker", "trade", "orderbook", *(f"candle.{name}" for name in _STREAMED))

_Positive = Annotated[float, msgspec.Meta(gt=0)]


class Ticker(msgspec.Struct, gc=False):
    """The state of a market's day; fields are the columns of `schema.TICKER`, times ms UTC."""

    channel: ClassVar[str] = "ticker"
    symbol: str
    time: int
    price: _Positive
    open: float | None = None
    high: float | None = None
    low: float | None = None
    prev_close: float | None = None
    change: str | None = None
    signed_change_price: float | None = None
    signed_change_rate: float | None = None
    trade_volume: float | None = None
    trade_time: int | None = None
    volume: float | None = None
    value: float | None = None
    volume_24h: float | None = None
    value_24h: float | None = None
    high_52w: float | None = None
    high_52w_date: str | None = None
    low_52w: float | None = None
    low_52w_date: str | None = None
    stream: str = "REALTIME"


class Trade(msgspec.Struct, gc=False):
    """One trade; `time` is when it happened, `sent` when the message was made, `move` absolute."""

    channel: ClassVar[str] = "trade"
    symbol: str
    time: int
    sent: int
    price: _Positive
    volume: float
    side: str
    prev_close: float
    change: str
    move: float
    sequential_id: int
    stream: str = "REALTIME"

    @property
    def change_price(self) -> float:
        """The change against the day before, signed as in REST's trades."""
        return -self.move if self.change == "FALL" else self.move


class Unit(msgspec.Struct, gc=False):
    """One level of a book, both sides; a price of 0 pads a side that has fewer orders."""

    ask_price: float
    bid_price: float
    ask_size: float
    bid_size: float


class Book(msgspec.Struct, gc=False):
    """A whole order book as of `time`, its last change."""

    channel: ClassVar[str] = "orderbook"
    symbol: str
    time: int
    total_ask_size: float
    total_bid_size: float
    units: list[Unit]
    level: float | None = None
    stream: str = "REALTIME"


class Candle(msgspec.Struct, gc=False):
    """A candle as of `sent`: it holds all of its slot's trades so far; `opened` as written."""

    channel: ClassVar[str] = "candle"
    symbol: str
    opened: str
    open: float
    high: float
    low: float
    close: float
    volume: float
    value: float
    sent: int
    stream: str = "REALTIME"

    def __post_init__(self) -> None:
        """Refuse what can be no candle, as the decoder of REST's does."""
        if not (
            0 < self.low <= self.open <= self.high >= self.close >= self.low
            and self.volume >= 0
            and self.value >= 0
        ):
            raise ValueError("prices or sums that no candle can have")

    @property
    def time(self) -> int:
        """Where its slot starts, ms UTC."""
        return _opened(self.opened)


Message = Ticker | Trade | Book | Candle

_DEFAULT: Mapping[type[msgspec.Struct], Mapping[str, str]] = {
    Ticker: {
        "symbol": "code",
        "time": "timestamp",
        "price": "trade_price",
        "open": "opening_price",
        "high": "high_price",
        "low": "low_price",
        "prev_close": "prev_closing_price",
        "trade_time": "trade_timestamp",
        "volume": "acc_trade_volume",
        "value": "acc_trade_price",
        "volume_24h": "acc_trade_volume_24h",
        "value_24h": "acc_trade_price_24h",
        "high_52w": "highest_52_week_price",
        "high_52w_date": "highest_52_week_date",
        "low_52w": "lowest_52_week_price",
        "low_52w_date": "lowest_52_week_date",
        "stream": "stream_type",
    },
    Trade: {
        "symbol": "code",
        "time": "trade_timestamp",
        "sent": "timestamp",
        "price": "trade_price",
        "volume": "trade_volume",
        "side": "ask_bid",
        "prev_close": "prev_closing_price",
        "move": "change_price",
        "stream": "stream_type",
    },
    Unit: {},
    Book: {
        "symbol": "code",
        "time": "timestamp",
        "units": "orderbook_units",
        "stream": "stream_type",
    },
    Candle: {
        "symbol": "code",
        "opened": "candle_date_time_utc",
        "open": "opening_price",
        "high": "high_price",
        "low": "low_price",
        "close": "trade_price",
        "volume": "candle_acc_trade_volume",
        "value": "candle_acc_trade_price",
        "sent": "timestamp",
        "stream": "stream_type",
    },
}
_SIMPLE: Mapping[type[msgspec.Struct], Mapping[str, str]] = {
    Ticker: {
        "symbol": "cd",
        "time": "tms",
        "price": "tp",
        "open": "op",
        "high": "hp",
        "low": "lp",
        "prev_close": "pcp",
        "change": "c",
        "signed_change_price": "scp",
        "signed_change_rate": "scr",
        "trade_volume": "tv",
        "trade_time": "ttms",
        "volume": "atv",
        "value": "atp",
        "volume_24h": "atv24h",
        "value_24h": "atp24h",
        "high_52w": "h52wp",
        "high_52w_date": "h52wdt",
        "low_52w": "l52wp",
        "low_52w_date": "l52wdt",
        "stream": "st",
    },
    Trade: {
        "symbol": "cd",
        "time": "ttms",
        "sent": "tms",
        "price": "tp",
        "volume": "tv",
        "side": "ab",
        "prev_close": "pcp",
        "change": "c",
        "move": "cp",
        "sequential_id": "sid",
        "stream": "st",
    },
    Unit: {"ask_price": "ap", "bid_price": "bp", "ask_size": "as", "bid_size": "bs"},
    Book: {
        "symbol": "cd",
        "time": "tms",
        "total_ask_size": "tas",
        "total_bid_size": "tbs",
        "units": "obu",
        "level": "lv",
        "stream": "st",
    },
    Candle: {
        "symbol": "cd",
        "opened": "cdttmu",
        "open": "op",
        "high": "hp",
        "low": "lp",
        "close": "tp",
        "volume": "catv",
        "value": "catp",
        "sent": "tms",
        "stream": "st",
    },
}


class _Aside(msgspec.Struct):
    """What is no data: a heartbeat, or an error before the exchange closes."""

    status: str | None = None
    error: dict[str, Any] | None = None


class Decoder:
    """Reads the frames of one connection; `exact` keeps every digit, as `Decimal`."""

    def __init__(self, form: Format = "SIMPLE", *, exact: bool = False) -> None:
        self._data = _decoder(form.startswith("SIMPLE"), exact)
        self._aside = msgspec.json.Decoder(_Aside)

    def decode(self, raw: bytes) -> Sequence[Message]:
        """Give the messages of a frame; none for a heartbeat.

        Raises `Refused` for an error of the exchange, `BadResponse` for anything else that is not
        documented.
        """
        try:
            found: Any = self._data.decode(raw)
        except msgspec.ValidationError as wrong:
            self._other(raw, wrong)
            return ()
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
            raise BadResponse(f"a frame that is no JSON: {wrong}: {raw[:80]!r}") from wrong
        return found if found.__class__ is list else (found,)

    def _other(self, raw: bytes, wrong: msgspec.ValidationError) -> None:
        """Accept a heartbeat, or raise what the frame means."""
        try:
            aside = self._aside.decode(raw)
        except msgspec.ValidationError:
            aside = _Aside()
        if aside.error is not None:
            name, message = aside.error.get("name"), aside.error.get("message")
            raise Refused(f"the stream answered {name}: {message}", 400)
        if aside.status is None:
            raise BadResponse(f"a frame that is not documented: {wrong}: {raw[:80]!r}")


def channel(name: str) -> str:
    """Give the stream's own name of a channel a caller names.

    `candle.1h` and `candle.4h` are `candle.60m` and `candle.240m` there. Raises `InputError`, with
    the nearest names, for anything the exchange does not stream.

    >>> channel("candle.1h")
    'candle.60m'
    """
    kind, _, width = name.partition(".") if isinstance(name, str) else ("", "", "")
    ours = f"candle.{_ours(width)}" if kind == "candle" else name
    if ours not in CHANNELS:
        wider = f"; 'candle.4h' is the nearest, get_candle(forming=True) gives {width} candles"
        hint = wider if width in TIMEFRAMES else nearest(str(name), CHANNELS)
        raise InputError(f"no stream is called {name!r}{hint} (one of {' '.join(CHANNELS)})")
    kind, _, width = ours.partition(".")
    return f"candle.{_WIDTHS.get(width, width)}" if kind == "candle" else ours


def sent(message: Message) -> int:
    """Give when the exchange made a message, ms UTC."""
    return message.sent if isinstance(message, Trade | Candle) else message.time


def candle_channel(timeframe: Timeframe) -> str:
    """Give the name of the stream of a width. Raises `InputError` where the exchange has none."""
    return channel(f"candle.{timeframe}")


def timeframe_of(channel: str) -> Timeframe:
    """Give the width of a stream of candles."""
    return parse_timeframe(channel.partition(".")[2])


def subscription(ticket: str, wanted: Mapping[str, Iterable[str]]) -> str:
    """Ask for the symbols of each channel and for nothing else any more, in SIMPLE names.

    A message replaces the whole subscription before it. Snapshots are asked for every time: they
    tell of the state that changed while one subscription took the place of another.
    """
    types = [{"type": name, "codes": sorted(codes)} for name, codes in wanted.items()]
    return msgspec.json.encode([{"ticket": ticket}, *types, {"format": "SIMPLE"}]).decode()


def ticker_frame(messages: Iterable[Ticker], *, exact: bool = False) -> pl.DataFrame:
    """Give tickers as `schema.TICKER`, a row each, in order."""
    return _rows(map(_ticker_row, messages), schema.TICKER, exact=exact)


def trade_frame(messages: Iterable[Trade], *, exact: bool = False) -> pl.DataFrame:
    """Give trades as `schema.TRADE`, a row each, in order."""
    return _rows(map(_trade_row, messages), schema.TRADE, exact=exact)


def candle_frame(messages: Iterable[Candle], *, exact: bool = False) -> pl.DataFrame:
    """Give candles as `schema.ROW`, a row each, in order."""
    return _rows(map(_candle_row, messages), schema.ROW, exact=exact)


def orderbook_frame(
    messages: Iterable[Book], *, depth: int | None = None, exact: bool = False
) -> pl.DataFrame:
    """Give books as `schema.ORDERBOOK`: a row per symbol and depth, padded slots null.

    `depth` is how many levels of each are given; all by default.
    """
    books = [(book, book.units[:depth]) for book in messages]
    units = [unit for _, some in books for unit in some]
    data: dict[str, list[Any]] = {
        name: [value for book, some in books for value in [getattr(book, name)] * len(some)]
        for name in ("symbol", "time", "total_bid_size", "total_ask_size", "level")
    }
    data["depth"] = [number for _, some in books for number in range(1, len(some) + 1)]
    data["bid_price"] = [unit.bid_price or None for unit in units]
    data["bid_size"] = [unit.bid_size if unit.bid_price else None for unit in units]
    data["ask_price"] = [unit.ask_price or None for unit in units]
    data["ask_size"] = [unit.ask_size if unit.ask_price else None for unit in units]
    shape = schema.exact(schema.ORDERBOOK) if exact else schema.ORDERBOOK
    return pl.DataFrame({name: pl.Series(name, data[name], shape[name]) for name in shape})


@functools.cache
def candle_of(channel: str) -> type[Candle]:
    """Give the kind of candle that belongs to a channel, for candles that were not on the wire."""
    name, namespace = f"Candle_{channel}", {"channel": channel}
    made: Any = msgspec.defstruct(name, (), bases=(Candle,), gc=False, namespace=namespace)
    kind: type[Candle] = made
    return kind


def spell_slot(start: int) -> str:
    """Spell where a candle's slot starts (ms UTC) as the stream does, in `Candle.opened`.

    >>> spell_slot(1_704_067_200_000)
    '2024-01-01T00:00:00'
    """
    return datetime.fromtimestamp(start // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _rows(rows: Iterable[Sequence[object]], target: Schema, *, exact: bool) -> pl.DataFrame:
    """Lay rows out; for the few of an event a third of what it costs column by column."""
    shape = schema.exact(target) if exact else target
    return pl.DataFrame(list(rows), pl.Schema(shape), orient="row")


_trade_row = operator.attrgetter(*schema.TRADE)
_candle_row = operator.attrgetter(*schema.ROW)
_ticker_values = operator.attrgetter(*schema.TICKER)
_DAYS = tuple(list(schema.TICKER).index(name) for name in ("high_52w_date", "low_52w_date"))


def _ticker_row(message: Ticker) -> Sequence[object]:
    row = list(_ticker_values(message))
    for at in _DAYS:
        row[at] = _date(row[at])
    return row


@functools.lru_cache(maxsize=4096)
def _date(text: str | None) -> date | None:
    """Read a day; what is none is not known."""
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        return None


def _ours(width: str) -> str:
    """Spell a width our way where it is one."""
    return next((ours for ours, theirs in _WIDTHS.items() if theirs == width), width)


@functools.lru_cache(maxsize=4096)
def _opened(text: str) -> int:
    return int(datetime.fromisoformat(text + "+00:00").timestamp()) * 1000


@functools.cache
def _decoder(simple: bool, exact: bool) -> msgspec.json.Decoder[Any]:  # noqa: FBT001 - a key of the cache
    """Give the parser of every message, alone or in a list."""
    names = _SIMPLE if simple else _DEFAULT
    unit = _wire(Unit, "unit", names[Unit], {}, exact=exact)
    replaced = {list[Unit]: list[unit]}  # type: ignore[valid-type]
    tag_field = "ty" if simple else "type"
    kinds: dict[str, type[msgspec.Struct]] = {"ticker": Ticker, "trade": Trade, "orderbook": Book}
    kinds |= {channel(f"candle.{name}"): Candle for name in _STREAMED}
    variants = tuple(
        _wire(kind, tag, names[kind], replaced, exact=exact, tag_field=tag_field)
        for tag, kind in kinds.items()
    )
    each: Any = functools.reduce(operator.or_, variants)
    return msgspec.json.Decoder(each | list[each])


def _wire(
    kind: type[msgspec.Struct],
    tag: str,
    names: Mapping[str, str],
    replaced: Mapping[Any, Any],
    *,
    exact: bool,
    tag_field: str | None = None,
) -> type[msgspec.Struct]:
    """Make the variant of a struct that has the wire's names and numbers of the wanted kind."""
    numbers = {float: Decimal, _Positive: Decimal, float | None: Decimal | None} if exact else {}
    table = {**replaced, **numbers}
    fields = [
        (each.name, table.get(each.type, each.type), msgspec.field(default=each.default))
        for each in msgspec.structs.fields(kind)
    ]
    return msgspec.defstruct(
        f"{kind.__name__}_{tag}",
        fields,
        bases=(kind,),
        rename=dict(names),
        tag=tag if tag_field else None,
        tag_field=tag_field,
        gc=False,
        namespace={"channel": tag},
    )
