"""Upbit's public websocket: requests as text, and frames as messages.

Source: Upbit reference, sections 6.1 and 6.2. Messages come in SIMPLE names, alone or in lists.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from marketkit.errors import BadResponse, Refused
from marketkit.exchange.upbit.channels import message_types
from marketkit.exchange.upbit.messages import Message

PATH = "/websocket/v1"
PING = "PING"
_NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_SHOWN = 80  # bytes of a frame that a message of an error shows
# Frames are asked for in SIMPLE names, and may come in long ones all the same.
_TYPE = re.compile(rb'"(?:ty|type)"\s*:\s*"([^"\\]+)"')
_CODE = re.compile(rb'"(?:cd|code)"\s*:\s*"([^"\\]+)"')


class _Aside(msgspec.Struct):
    """A frame without data: a heartbeat, or an error before the exchange closes."""

    status: str | None = None
    error: dict[str, Any] | None = None


class Fault(NamedTuple):
    """A part of a frame that cannot be read: channel and symbol as far as named, and why not.

    `known` is false for a type of message that nobody has documented, which hides nothing.
    """

    channel: str | None
    symbol: str | None
    reason: str
    known: bool = True


class Decoder:
    """Reads the frames of a connection: messages of every channel, alone or in a list."""

    def __init__(self) -> None:
        self._types = frozenset(message_types())
        each: Any = functools.reduce(operator.or_, message_types().values())
        self._each = each
        self._data: msgspec.json.Decoder[Any] = msgspec.json.Decoder(each | list[each])
        self._aside = msgspec.json.Decoder(_Aside)

    def decode(self, raw: bytes) -> Sequence[Message]:
        """Give the messages of a frame; none for a heartbeat.

        Raises `Refused` for an error of the exchange, `BadResponse` for anything else that is not
        documented; `salvage` then gives the parts.
        """
        try:
            found: Any = self._data.decode(raw)
        except msgspec.ValidationError as wrong:
            self._other(raw, wrong)
            return ()
        except _NO_JSON as wrong:
            raise BadResponse(f"a frame that is no JSON: {wrong}: {raw[:_SHOWN]!r}") from wrong
        return found if found.__class__ is list else (found,)

    def salvage(self, raw: bytes) -> Iterator[Message | Fault]:
        """Give the parts of a refused frame, in order: messages, and the rest."""
        try:
            found: Any = msgspec.json.decode(raw)
        except _NO_JSON as wrong:
            yield from self._torn(raw, f"{wrong}")
            return
        for part in found if isinstance(found, list) else [found]:
            try:
                yield msgspec.convert(part, self._each)
            except msgspec.ValidationError as wrong:
                yield self._fault(part, f"{wrong}: {str(part)[:_SHOWN]}")

    def _fault(self, part: Any, reason: str) -> Fault:
        """Name the channel and the symbol of a part that is no message."""
        told = part if isinstance(part, dict) else {}
        kind, symbol = told.get("ty", told.get("type")), told.get("cd", told.get("code"))
        named = kind if isinstance(kind, str) else None
        of = symbol if isinstance(symbol, str) else None
        return Fault(named, of, reason, known=named is None or named in self._types)

    def _torn(self, raw: bytes, reason: str) -> Iterator[Fault]:
        """Name the channels and symbols in a frame that is no JSON, if there are any."""
        kinds, symbols = set(_TYPE.findall(raw)), dict.fromkeys(_CODE.findall(raw))
        (kind,) = kinds if len(kinds) == 1 else (None,)
        channel = None if kind is None else kind.decode(errors="replace")
        for symbol in symbols or [None]:
            of = None if symbol is None else symbol.decode(errors="replace")
            yield Fault(channel, of, f"{reason}: {raw[:_SHOWN]!r}")

    def _other(self, raw: bytes, wrong: msgspec.ValidationError) -> None:
        """Accept a heartbeat, or raise the error in a frame."""
        try:
            aside = self._aside.decode(raw)
        except _NO_JSON:
            aside = _Aside()
        if aside.error is not None:
            name, message = aside.error.get("name"), aside.error.get("message")
            raise Refused(f"the stream answered {name}: {message}", 400)
        if aside.status is None:
            raise BadResponse(f"a frame that is not documented: {wrong}: {raw[:_SHOWN]!r}")


def subscription(ticket: str, wanted: Mapping[str, Iterable[str]]) -> str:
    """Ask for the symbols of each channel and for nothing else any more, in SIMPLE names.

    A message replaces the whole subscription before it. Snapshots are asked for every time: they
    tell of the state that changed while one subscription took the place of another. A channel
    `orderbook.10000` is that of books with prices in groups of so much.
    """
    types = [_part(name, sorted(codes)) for name, codes in wanted.items()]
    return msgspec.json.encode([{"ticket": ticket}, *types, {"format": "SIMPLE"}]).decode()


def _part(channel: str, codes: Sequence[str]) -> dict[str, Any]:
    kind, _, level = channel.partition(".")
    if kind == "orderbook" and level:
        return {"type": kind, "codes": codes, "level": float(level)}
    return {"type": channel, "codes": codes}


def deep_code(symbol: str, depth: int | None) -> str:
    """Spell the code of a book of `depth` levels, one of `BOOK_DEPTHS`; None stands for all.

    >>> deep_code("KRW-BTC", 5), deep_code("KRW-BTC", None)
    ('KRW-BTC.5', 'KRW-BTC')
    """
    return symbol if depth is None else f"{symbol}.{depth}"
