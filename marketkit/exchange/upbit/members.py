"""Bodies about many markets: an odd row is the failure of one market alone.

A body is read as a whole. Only one that cannot be is cut into its objects, by halves, until the odd
ones stand alone; numbers keep the spelling of the wire.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

import polars as pl

from marketkit.errors import BadResponse
from marketkit.exchange.upbit import bodies
from marketkit.symbols import is_code

_MOST = 300  # odd rows that are looked for one by one; more of them mean that the body is odd

Decode = Callable[[bytes], pl.DataFrame]
_DECODER = json.JSONDecoder()


class Members(NamedTuple):
    """The rows that could be read, and the failures by market; "" for rows that name none."""

    rows: pl.DataFrame
    failures: dict[str, BadResponse]


class _Piece(NamedTuple):
    """One object of a body: the market's code, and the text."""

    market: str
    text: str


def read_members(decode: Decode, body: bytes) -> Members:
    """Read a body with a decoder that refuses any odd row.

    Raises `BadResponse` where the body is no array of objects, or where no row can be read and none
    names a market.
    """
    try:
        return Members(decode(body), {})
    except BadResponse as failure:
        pieces = _cut(body)
        if not any(piece.market for piece in pieces):
            raise
        odd: dict[int, BadResponse] = {}
        _find(decode, pieces, 0, odd, failure)
    good = [piece for at, piece in enumerate(pieces) if at not in odd]
    failures: dict[str, BadResponse] = {}
    for at, each in odd.items():
        failures.setdefault(pieces[at].market, each)
    return Members(decode(_joined(good)), failures)


def read_markets(body: bytes) -> Members:
    """Read `market/all`; a market with odd details stays, by code alone."""
    rows, failures = read_members(bodies.decode_markets, body)
    codes = [{"market": code} for code in failures if is_code(code)]
    bare = bodies.decode_markets(json.dumps(codes).encode())
    return Members(pl.concat([rows, bare]).unique("symbol", keep="first").sort("symbol"), failures)


def _find(
    decode: Decode,
    pieces: Sequence[_Piece],
    first: int,
    odd: dict[int, BadResponse],
    failure: BadResponse,
) -> None:
    """Find the odd ones of pieces that cannot be read together; `first` numbers the first."""
    if len(pieces) == 1 or len(odd) >= _MOST:
        odd.update(dict.fromkeys(range(first, first + len(pieces)), failure))
        return
    middle = len(pieces) // 2
    for at, half in ((0, pieces[:middle]), (middle, pieces[middle:])):
        try:
            decode(_joined(half))
        except BadResponse as why:
            _find(decode, half, first + at, odd, why)


def _joined(pieces: Sequence[_Piece]) -> bytes:
    return f"[{','.join(piece.text for piece in pieces)}]".encode()


def _cut(body: bytes) -> list[_Piece]:
    """Cut an array into elements; nothing for a body that is no array."""
    pieces: list[_Piece] = []
    try:
        text = body.decode().strip()
        at = _after_space(text, text.index("[") + 1)
        while text[at] != "]":
            found, end = _DECODER.raw_decode(text, at)
            market = found.get("market") if isinstance(found, dict) else None
            pieces.append(_Piece(market if isinstance(market, str) else "", text[at:end]))
            at = _after_space(text, end)
            if text[at] == ",":
                at = _after_space(text, at + 1)
    except (ValueError, IndexError, RecursionError):
        return []
    return pieces if text[0] == "[" and at == len(text) - 1 else []


def _after_space(text: str, at: int) -> int:
    while text[at].isspace():
        at += 1
    return at
