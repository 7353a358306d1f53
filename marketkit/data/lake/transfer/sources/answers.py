"""JSON of candles: answers of the exchange page by page, one list, or lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from marketkit.data.lake.transfer.sources.encodings import in_utf8
from marketkit.errors import InputError, plain

# As other libraries list candles without names.
_LISTED = ("time", "open", "high", "low", "close", "volume")
# Numbers stay the text that they are.
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
_SPACE = " \t\r\n,\x1e"  # what may stand between two values


def read_json(content: bytes, encoding: str | None) -> pl.DataFrame:
    """Give the cells of all candles in a JSON text as strings, null where nothing is said.

    One list, a list of pages, a page or a candle a line. Raises `InputError` without the path.
    """
    text = in_utf8(content, encoding).decode()
    rows = [row for value in _values(text) for row in _rows(value)]
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [_cell(row.get(name)) for row in rows] for name in names}
    return pl.DataFrame(columns, dict.fromkeys(names, pl.String))


def _values(text: str) -> Iterator[Any]:
    at = 0
    while at < len(text):
        if text[at] in _SPACE:
            at += 1
            continue
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError) as error:
            line = text.count("\n", 0, getattr(error, "pos", at)) + 1
            raise InputError(f"cannot be read: line {line} is no JSON") from error
        yield value


def _rows(value: Any) -> Iterator[Mapping[str, Any]]:
    """Give the candles of a value: of one, of a list, or of pages."""
    if isinstance(value, Mapping):
        yield from _of_object(value)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for each in value:
            if _is_listed(each):
                yield dict(zip(_LISTED, each, strict=True))
            else:
                yield from _rows(each)
    else:
        raise InputError(f"holds {plain(str(value), 40)!r} where a candle is expected")


def _of_object(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    fault = value.get("error")
    if isinstance(fault, Mapping):
        said = plain(str(fault.get("message") or fault.get("name")), 80)
        raise InputError(f"holds an error of the exchange in place of candles: {said!r}")
    lists = [each for each in value.values() if isinstance(each, list)]
    if len(lists) == 1:  # an envelope
        yield from _rows(lists[0])
    elif not lists and not all(isinstance(each, Mapping) for each in value.values()):
        yield value
    else:
        raise InputError("is no list of candles, with an object for each")


def _is_listed(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == len(_LISTED)
        and all(each is None or isinstance(each, str) for each in value)
    )


def _cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)
