"""Messages of clients: subscriptions, their listing, or an error.

upbit-api.md, section 6.2 and 6.3; the messages of NO_TYPE and NO_CODES are recorded nowhere.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from marketkit.sandbox.books import DEPTH
from marketkit.sandbox.widths import MINUTE_UNITS, WIDTHS, Width

Form = Literal["DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST"]

FORMS: Final[tuple[Form, ...]] = ("DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST")
CANDLES: Final[dict[str, Width]] = {"candle.1s": WIDTHS["1s"]} | {
    f"candle.{unit}m": width for unit, width in MINUTE_UNITS.items()
}
CHANNELS: Final = ("ticker", "trade", "orderbook", *CANDLES)
_DEPTHS: Final = (1, 5, 15, DEPTH)
_LIST: Final = "LIST_SUBSCRIPTIONS"


class StreamError(Exception):
    """An error that the exchange sends before closing the connection."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name

    @property
    def body(self) -> str:
        """The recorded envelope; which key comes first differs by the error."""
        name, message = f'"name":"{self.name}"', f'"message":"{self}"'
        pair = (name, message) if self.name == "NO_TICKET" else (message, name)
        return f'{{"error":{{{",".join(pair)}}}}}'


class Key(NamedTuple):
    """One stream of one market; depth and level are an order book's."""

    channel: str
    symbol: str
    depth: int = 0
    level: float = 0.0


class Wish(NamedTuple):
    """The parts of a stream that a client wants."""

    snapshot: bool
    realtime: bool


@dataclass(frozen=True, slots=True)
class Part:
    """One type object of a request."""

    channel: str
    codes: tuple[str, ...]
    wish: Wish
    level: float = 0.0

    def streams(self) -> list[Key]:
        """Return the streams named, of markets that exist or not."""
        if self.channel != "orderbook":
            return [Key(self.channel, code) for code in self.codes]
        return [Key("orderbook", *_book_code(code), self.level) for code in self.codes]


@dataclass(frozen=True, slots=True)
class Request:
    """One understood message; one without parts asks for the list of subscriptions."""

    ticket: str
    form: Form
    parts: tuple[Part, ...] = ()

    def wishes(self) -> dict[Key, Wish]:
        """Return every stream asked for, once, with all wishes for the stream."""
        wishes: dict[Key, Wish] = {}
        for part in self.parts:
            for key in part.streams():
                known = wishes.get(key, Wish(snapshot=False, realtime=False))
                wishes[key] = Wish(*(a or b for a, b in zip(known, part.wish, strict=True)))
        return wishes


def parse(text: str | bytes) -> Request:
    """Parse a message; raise `StreamError` where the exchange refuses."""
    objects = _objects(text)
    ticket = next((item["ticket"] for item in objects if "ticket" in item), None)
    if not isinstance(ticket, str) or not ticket:
        raise StreamError("NO_TICKET", "티켓이 존재하지 않거나, 유효하지 않습니다.")
    form = next((item["format"] for item in objects if "format" in item), "DEFAULT")
    if form not in FORMS:
        raise _wrong_format()
    if any(item.get("method") == _LIST for item in objects):
        return Request(ticket, form)
    parts = tuple(_part(item) for item in objects if not item.keys() & {"ticket", "format"})
    if not parts:
        raise _no_type()
    return Request(ticket, form, parts)


def _objects(text: str | bytes) -> list[dict[str, Any]]:
    try:
        objects = json.loads(text)
    except ValueError:
        raise _wrong_format() from None
    if not isinstance(objects, list) or not all(isinstance(item, dict) for item in objects):
        raise _wrong_format()
    return objects


def _part(item: dict[str, Any]) -> Part:
    if "type" not in item:
        raise _no_type()
    channel, codes = item["type"], item.get("codes")
    if channel not in CHANNELS:
        raise StreamError("INVALID_PARAM", f"{channel} 은 지원하지 않는 타입입니다.")
    if not codes:
        raise StreamError("NO_CODES", "코드가 존재하지 않습니다.")
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise _wrong_format()
    level = _level(item.get("level", 0)) if channel == "orderbook" else 0.0
    return Part(channel, tuple(codes), _wish(item), level)


def _wish(item: dict[str, Any]) -> Wish:
    only_snapshot = _flag(item, "is_only_snapshot", "isOnlySnapshot")
    only_realtime = _flag(item, "is_only_realtime", "isOnlyRealtime")
    return Wish(snapshot=only_snapshot or not only_realtime, realtime=not only_snapshot)


def _flag(item: dict[str, Any], *names: str) -> bool:
    return any(item.get(name) is True for name in names)


def _level(value: Any) -> float:
    """Read a level: a number in the docs' examples, a numeric string in the official client."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise StreamError("INVALID_PARAM", "level 값이 올바르지 않습니다.") from None


def _book_code(code: str) -> tuple[str, int]:
    """Return the symbol and the depth of `KRW-BTC.15`; an unknown depth is the whole book.

    A dot before anything but digits is part of the code: `KRW-BRK.B`.
    """
    symbol, _, depth = code.rpartition(".")
    if not symbol or not depth.isdecimal():
        return code, DEPTH
    return symbol, int(depth) if int(depth) in _DEPTHS else DEPTH


def _no_type() -> StreamError:
    return StreamError("NO_TYPE", "타입이 존재하지 않습니다.")


def _wrong_format() -> StreamError:
    return StreamError("WRONG_FORMAT", "Format 이 맞지 않습니다.")


def listing(request: Request, parts: tuple[Part, ...], *, simple: bool) -> str:
    """Return the answer to LIST_SUBSCRIPTIONS: each type object as the client sent the object."""
    long = ("type", "codes", "level", "method", "result", "ticket")
    kind, codes, level, method, result, ticket = (
        ("ty", "cds", "lv", "mthd", "rslt", "tckt") if simple else long
    )
    rows = [
        {kind: part.channel, codes: list(part.codes)}
        | ({level: _whole(part.level)} if part.channel == "orderbook" else {})
        for part in parts
    ]
    answer = {method: _LIST, result: rows, ticket: request.ticket}
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


def _whole(level: float) -> float:
    return int(level) if level.is_integer() else level
