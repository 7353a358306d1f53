"""Odd rows in bodies that are otherwise right: met by clients, mentioned by no document."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from marketkit.errors import InputError
from marketkit.sandbox.query import Query
from marketkit.sandbox.spelling import KST, clock, day, iso
from marketkit.sandbox.widths import DAY, WEEK, WIDTHS

Answer = Callable[[Query, int], list[str]]

PATHS: Final = ("market", "ticker", "orderbook", "candles", "trades", "stream")
ODD_CODE, NONE = "odd-code", "none"
_PAGES: Final = ("candles", "trades")  # bodies of many rows of one market

_PRICE: Final = re.compile(r'("(?:trade_price|tp|ask_price|ap|bid_price|bp)":)[^,}\]]+')
_CHANGE: Final = re.compile(r'("(?:change|c)":)"\w+"')
# One enumeration of a row: the first of these that is there.
_ENUMS: Final = tuple(
    re.compile(rf'("(?:{names})":)"\w+"')
    for names in ("market_state|ms", "ask_bid|ab", "stream_type|st", "change|c")
)
_CAUTION: Final = '"caution":{'
_CODE: Final = re.compile(r'("(?:market|code|cd)":"[^-"]+-)[^"]+')
_START: Final = re.compile(r'("(?:candle_date_time_|cdttm)(u|k)\w*":)"\d([^"]+)"')
_TRADED: Final = re.compile(r'"timestamp":(\d+)')


class Rule(NamedTuple):
    """One kind of oddness; without a symbol of the middle row, without a path in every body."""

    kind: str
    symbol: str | None = None
    path: str | None = None


class Odd:
    """The odd rows of an exchange.

    Of a market's rows in a body the middle one is odd. `null-price`, `zero-price`,
    `unknown-change`, `unknown-enum`, `extra-field` and `wrong-market` alter the row;
    `outside-window` (a candle or trade that starts at or after `to`) and `future-candle` put
    one before the others; `unordered` changes places with the row before. What a body has not
    cannot be odd: no list of markets has prices. The list names a wrong market only where the
    rule's path is "market".
    """

    def __init__(self) -> None:
        self.rules: tuple[Rule, ...] = ()

    def add(self, rule: Rule) -> None:
        """Have rows be odd from now on; `none` forgets the rules of that symbol, or all.

        Raises `InputError` for an unknown kind or path.
        """
        if rule.kind not in KINDS:
            raise InputError(f"unknown kind {rule.kind!r} of oddness; there are {', '.join(KINDS)}")
        if rule.path not in {None, *PATHS}:
            raise InputError(f"unknown path {rule.path!r}; there are {', '.join(PATHS)}")
        if rule.kind == ODD_CODE and not rule.symbol:
            raise InputError(f"{ODD_CODE} wants a symbol, like USDT-币安人生")
        if rule.kind != NONE:
            self.rules = (*(one for one in self.rules if one != rule), rule)
        else:
            kept = rule.symbol is not None
            self.rules = tuple(one for one in self.rules if kept and one.symbol != rule.symbol)

    @property
    def codes(self) -> set[str]:
        """The odd codes of the list of markets."""
        return {rule.symbol for rule in self.rules if rule.kind == ODD_CODE and rule.symbol}

    def over(self, answer: Answer, path: str) -> Answer:
        """Return the answerer of an endpoint with the odd rows; `path` is one of `PATHS`."""
        if not self.rules:
            return answer

        def odd(query: Query, now: int) -> list[str]:
            rows = answer(query, now)
            end = query.to() if path == "candles" else None
            return self.body(path, rows, now if end is None else end)

        return odd

    def body(self, path: str, rows: list[str], end: int) -> list[str]:
        """Return the rows of a REST answer with the odd ones; `end` is the window's (ms UTC)."""
        for rule in self.rules:
            if rule.path in {None, path} and rows:
                rows = _odd_body(rule, path, rows, end)
        return rows

    def frame(self, symbol: str, text: str) -> str:
        """Return the JSON object of a stream, odd if a rule says so."""
        for rule in self.rules:
            if rule.path in {None, "stream"} and rule.symbol in {None, symbol}:
                alter = _FRAMES.get(rule.kind)
                text = alter(text) if alter else text
        return text


def _odd_body(rule: Rule, path: str, rows: list[str], end: int) -> list[str]:
    place = _place(rule.symbol, rows)
    alter, put = _ROWS.get(rule.kind), _PUT.get(rule.kind)
    if place is None or (rule.kind == "wrong-market" and path == "market" != rule.path):
        return rows
    if alter:
        return [*rows[:place], alter(rows[place]), *rows[place + 1 :]]
    return put(rows, place, end) if put and path in _PAGES else rows


def _place(symbol: str | None, rows: Sequence[str]) -> int | None:
    """Return which row is odd: the middle one of the market's."""
    head = f'{{"market":"{symbol}"'
    own = [place for place, row in enumerate(rows) if symbol is None or row.startswith(head)]
    return own[len(own) // 2] if own else None


def _priced(price: str) -> Callable[[str], str]:
    return lambda row: _PRICE.sub(rf"\g<1>{price}", row, count=1)


def _unknown_change(row: str) -> str:
    return _CHANGE.sub(r'\1"UNHEARD_OF"', row)


def _unknown_enum(row: str) -> str:
    if _CAUTION in row:
        return row.replace(_CAUTION, f'{_CAUTION}"UNHEARD_OF":true,')
    found = next((enum for enum in _ENUMS if enum.search(row)), None)
    return found.sub(r'\1"UNHEARD_OF"', row) if found else row


def _extra_field(row: str) -> str:
    return f'{row[:-1]},"unheard_of":{{"of":[1.5,null,"?"]}}}}'


def _wrong_market(row: str) -> str:
    return _CODE.sub(r"\1ELSEWHERE", row, count=1)


def _future_frame(text: str) -> str:
    """Move a candle's start a thousand years on; other frames have none."""
    return _START.sub(r'\1"3\3"', text)


def _put_outside(rows: list[str], place: int, end: int) -> list[str]:
    row = rows[place]
    return [_moved_candle(row, end) if _START.search(row) else _moved_trade(row), *rows]


def _put_future(rows: list[str], place: int, _: int) -> list[str]:
    row = rows[place]
    return [_future_frame(row), *rows] if _START.search(row) else rows


def _moved_candle(row: str, end: int) -> str:
    """Move a candle to the first Monday from the window's end on: a start of all short widths."""
    monday = WIDTHS["1w"].floor(end + WEEK - 1)
    return _START.sub(lambda m: f'{m[1]}"{iso(monday + (KST if m[2] == "k" else 0))}"', row)


def _moved_trade(row: str) -> str:
    """Move a trade to the next day."""
    found = _TRADED.search(row)
    time = (int(found[1]) if found else 0) + DAY
    fields = {
        "trade_date_utc": f'"{day(time)}"', "trade_time_utc": f'"{clock(time)}"',
        "timestamp": str(time), "sequential_id": str(time * 10_000),
    }  # fmt: skip
    for name, value in fields.items():
        row = re.sub(rf'("{name}":)[^,}}]+', rf"\g<1>{value}", row)
    return row


def _swap(rows: list[str], place: int, _: int) -> list[str]:
    before = max(0, place - 1)
    rows = list(rows)
    rows[before], rows[place] = rows[place], rows[before]
    return rows


_ROWS: Final[dict[str, Callable[[str], str]]] = {
    "null-price": _priced("null"),
    "zero-price": _priced("0"),
    "unknown-change": _unknown_change,
    "extra-field": _extra_field,
    "unknown-enum": _unknown_enum,
    "wrong-market": _wrong_market,
}
_FRAMES: Final = _ROWS | {"future-candle": _future_frame}
_PUT: Final[dict[str, Callable[[list[str], int, int], list[str]]]] = {
    "outside-window": _put_outside,
    "unordered": _swap,
    "future-candle": _put_future,
}
KINDS: Final = (*_ROWS, *_PUT, ODD_CODE, NONE)
