"""Upbit's public websocket: what is sent to it, and its messages as structs and frames.

Fields, formats and number spelling: Upbit reference, sections 6.2 to 6.4 and 3.7. Messages come in
DEFAULT or SIMPLE names, alone or in lists; numbers arrive as floats or with every digit.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

import msgspec

from marketkit.errors import BadResponse, Refused
from marketkit.exchange.upbit.channels import _STREAMED, channel
from marketkit.exchange.upbit.messages import Book, Candle, Message, Ticker, Trade, Unit, _Positive

Format = Literal["DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST"]

PATH = "/websocket/v1"
PING = "PING"


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


def subscription(ticket: str, wanted: Mapping[str, Iterable[str]]) -> str:
    """Ask for the symbols of each channel and for nothing else any more, in SIMPLE names.

    A message replaces the whole subscription before it. Snapshots are asked for every time: they
    tell of the state that changed while one subscription took the place of another.
    """
    types = [{"type": name, "codes": sorted(codes)} for name, codes in wanted.items()]
    return msgspec.json.encode([{"ticket": ticket}, *types, {"format": "SIMPLE"}]).decode()


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
