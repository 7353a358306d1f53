"""The exchange's answers as documented, and how one that came differs. Pure.

Fields and types: Upbit reference, sections 3.1 to 3.6 and 6.4.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Row = Mapping[str, Any]
Severity = Literal["note", "look", "bad"]


class Difference(NamedTuple):
    """One thing that is not as expected: to be known (`note`), to be looked at, or `bad`."""

    severity: Severity
    said: str


@dataclass(frozen=True, slots=True)
class Shape:
    """The kinds of a row's fields, and the shapes of objects inside, alone or in a list.

    `maybe` are fields that not every site of the exchange sends, `old` those that it is giving up.
    """

    fields: Mapping[str, str]
    maybe: frozenset[str] = frozenset()
    old: frozenset[str] = frozenset()
    inner: Mapping[str, Shape] = field(default_factory=dict)


def _fields(**kinds: str) -> dict[str, str]:
    """Give the kind of each field; a kind is one of `_KINDS` or `_VALUES`."""
    return {name: kind for kind, names in kinds.items() for name in names.split()}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# What a value of each kind is, in words and as a test.
_KINDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "text": ("text", lambda value: isinstance(value, str)),
    "texts": (
        "a list of texts",
        lambda value: isinstance(value, list) and all(isinstance(each, str) for each in value),
    ),
    "price": ("a number above zero", lambda value: _is_number(value) and value > 0),
    "size": ("a number, not negative", lambda value: _is_number(value) and value >= 0),
    "number": ("a number", _is_number),
    "whole": ("a whole number above zero", lambda value: _is_whole(value) and value > 0),
    "flag": ("true or false", lambda value: isinstance(value, bool)),
    "unit": ("an object", lambda value: isinstance(value, dict)),
    "units": (
        "a list of objects",
        lambda value: isinstance(value, list) and all(isinstance(each, dict) for each in value),
    ),
    "anything": ("anything", lambda _: True),
}
# Texts of which all values are known; another one is no fault, but wants a look.
_VALUES: Mapping[str, tuple[str, ...]] = {
    "change": ("RISE", "EVEN", "FALL"),
    "side": ("ASK", "BID"),
    "state": ("PREVIEW", "ACTIVE", "DELISTED"),
    "warned": ("NONE", "CAUTION"),
    "stream": ("SNAPSHOT", "REALTIME"),
}

_CAUTION = Shape(
    _fields(
        flag="PRICE_FLUCTUATIONS TRADING_VOLUME_SOARING DEPOSIT_AMOUNT_SOARING"
        " GLOBAL_PRICE_DIFFERENCES CONCENTRATION_OF_SMALL_ACCOUNTS"
    )
)
_EVENT = Shape(_fields(flag="warning", unit="caution"), inner={"caution": _CAUTION})
MARKETS = Shape(
    _fields(text="market korean_name english_name market_warning", unit="market_event"),
    maybe=frozenset({"korean_name", "market_event"}),
    old=frozenset({"market_warning"}),
    inner={"market_event": _EVENT},
)


def _candle(**more: str) -> Shape:
    fields = _fields(
        text="market candle_date_time_utc candle_date_time_kst",
        price="opening_price high_price low_price trade_price",
        size="candle_acc_trade_price candle_acc_trade_volume",
        whole="timestamp",
    )
    return Shape(fields | _fields(**more), maybe=frozenset({"candle_date_time_kst"}))


_LONG = _candle(text="first_day_of_period")
CANDLES: Mapping[str, Shape] = {  # a width of each family
    "1s": _candle(),
    "1m": _candle(whole="unit"),
    "4h": _candle(whole="unit"),
    "1d": _candle(number="prev_closing_price change_price change_rate"),
    "1w": _LONG,
    "1M": _LONG,
    "1y": _LONG,
}
TICKERS = Shape(
    _fields(
        text="market trade_date trade_time trade_date_kst trade_time_kst highest_52_week_date"
        " lowest_52_week_date",
        change="change",
        whole="trade_timestamp timestamp",
        price="opening_price high_price low_price trade_price highest_52_week_price"
        " lowest_52_week_price",
        size="prev_closing_price change_price change_rate trade_volume acc_trade_price"
        " acc_trade_price_24h acc_trade_volume acc_trade_volume_24h",
        number="signed_change_price signed_change_rate",
    ),
    maybe=frozenset({"trade_date_kst", "trade_time_kst"}),
)
BOOKS = Shape(
    _fields(
        text="market",
        whole="timestamp",
        size="total_ask_size total_bid_size level",
        units="orderbook_units",
    ),
    maybe=frozenset({"level"}),
    inner={"orderbook_units": Shape(_fields(size="bid_price bid_size ask_price ask_size"))},
)
LEVELS = Shape(_fields(text="market quote_currency tick_size", texts="supported_levels"))
TRADES = Shape(
    _fields(
        text="market trade_date_utc trade_time_utc",
        whole="timestamp sequential_id",
        price="trade_price",
        size="trade_volume prev_closing_price",
        number="change_price",
        side="ask_bid",
    )
)
STREAMS: Mapping[str, Shape] = {  # by the type of a message without its width, SIMPLE names
    "ticker": Shape(
        _fields(
            text="ty cd tdt ttm h52wdt l52wdt",
            price="op hp lp tp h52wp l52wp",
            size="pcp atp cp cr tv atv aav abv atp24h atv24h",
            number="scp scr",
            whole="ttms tms",
            change="c",
            side="ab",
            state="ms",
            warned="mw",
            flag="its",
            anything="dd",
            stream="st",
        ),
        old=frozenset({"its", "mw", "dd"}),
    ),
    "trade": Shape(
        _fields(
            text="ty cd td ttm",
            price="tp",
            size="tv pcp cp bap bas bbp bbs",
            whole="tms ttms sid",
            change="c",
            side="ab",
            stream="st",
        )
    ),
    "orderbook": Shape(
        _fields(text="ty cd", whole="tms", size="tas tbs lv", units="obu", stream="st"),
        maybe=frozenset({"lv"}),
        inner={"obu": Shape(_fields(size="ap bp as bs"))},
    ),
    "candle": Shape(
        _fields(
            text="ty cd cdttmu cdttmk",
            price="op hp lp tp",
            size="catv catp",
            whole="tms",
            stream="st",
        ),
        maybe=frozenset({"cdttmk"}),
    ),
}
_SIDES = (("bid_price", "bid_size"), ("ask_price", "ask_size"), ("bp", "bs"), ("ap", "as"))


def compare(rows: Sequence[Row], shape: Shape, within: str = "") -> Iterator[Difference]:
    """Give the differences of rows from a shape, each once."""
    for name, kind in shape.fields.items():
        there = [row for row in rows if name in row]
        if len(there) < len(rows) and name not in shape.old:
            severity: Severity = "note" if name in shape.maybe else "bad"
            yield Difference(
                severity, f"{within}{name} is missing {_in(len(rows) - len(there), rows)}"
            )
        yield from _values(f"{within}{name}", kind, [row[name] for row in there])
    unknown = dict.fromkeys(name for row in rows for name in row if name not in shape.fields)
    for name in unknown:
        many = sum(name in row for row in rows)
        yield Difference("note", f"{within}{name} is a new field {_in(many, rows)}")
    for name, below in shape.inner.items():
        yield from compare(_inside(rows, name), below, f"{within}{name}.")


def _values(name: str, kind: str, values: Sequence[Any]) -> Iterator[Difference]:
    wanted, holds = _KINDS.get(kind, _KINDS["text"])
    wrong = [value for value in values if not holds(value)]
    if wrong:
        yield Difference(
            "bad", f"{name} is {_shown(wrong[0])} {_in(len(wrong), values)}, not {wanted}"
        )
    known = _VALUES.get(kind)
    others = [value for value in values if known and holds(value) and value not in known]
    if others:
        said = f"{name} is {_shown(others[0])} {_in(len(others), values)}"
        yield Difference("look", f"{said}, which is none of {' '.join(known or ())}")


def _inside(rows: Sequence[Row], name: str) -> list[Row]:
    """Give the objects in a field of all rows, alone or in lists."""
    found = [row.get(name) for row in rows]
    each = [one for value in found for one in (value if isinstance(value, list) else [value])]
    return [one for one in each if isinstance(one, dict)]


def hollow(rows: Sequence[Row], units: str) -> Iterator[Difference]:
    """Name the levels of books with a size and no price; without a size one pads a thin side."""
    inside = _inside(rows, units)
    wrong = [
        unit
        for unit in inside
        for price, size in _SIDES
        if price in unit and not unit[price] and unit.get(size)
    ]
    if wrong:
        said = f"{units} has a size without a price {_in(len(wrong), inside)}: {dict(wrong[0])}"
        yield Difference("bad", said)


def strangers(rows: Sequence[Row], name: str, asked: Sequence[str]) -> Iterator[Difference]:
    """Name the markets that nobody asked for, and the missing ones."""
    came = dict.fromkeys(str(row.get(name)) for row in rows)
    for symbol in came:
        if symbol not in asked:
            yield Difference("bad", f"a row of {symbol} came, and nobody asked for that market")
    missing = [symbol for symbol in asked if symbol not in came]
    if missing:
        yield Difference("bad", f"nothing came of {_several(missing)}")


def disordered(times: Sequence[Any]) -> Iterator[Difference]:
    """Say where rows are not strictly from the newest to the oldest."""
    pairs = list(itertools.pairwise(times))
    twice = sum(one == other for one, other in pairs)
    wrong = sum(one < other for one, other in pairs)
    if twice:
        yield Difference("look", f"{twice} rows came twice")
    if wrong:
        yield Difference("look", f"rows are not from the newest to the oldest: {wrong} are wrong")


def _in(many: int, rows: Sequence[object]) -> str:
    return f"in {many} of {len(rows)}" if len(rows) > 1 else "here"


def _shown(value: object) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."  # enough to know it again


def _several(names: Sequence[str]) -> str:
    return " ".join(names[:3]) + (f" and {len(names) - 3} others" if len(names) > 3 else "")
