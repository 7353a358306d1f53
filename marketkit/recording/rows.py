"""Messages of a stream as rows of a recording, and rows as messages again. Pure.

A row has the columns of the `get_*` frame of its channel, what else the message said (`sent`,
`stream`), and `received`: when it came, ms UTC of the exchange's clock as this machine knows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import msgspec
import polars as pl

from marketkit.exchange.upbit.channels import message_type, spec_of
from marketkit.exchange.upbit.messages import Book, Message
from marketkit.schema import TIME, Schema

_MORE: Schema = {"sent": TIME, "stream": pl.String(), "received": TIME}
_TOP = 1  # the depth at which a message of several rows begins
_AT_ONCE = 32  # messages laid out at a time: the numbers of so many books take 0.2 MB


class Heard(NamedTuple):
    """A message and when this machine received the frame, ms UTC."""

    received: int
    message: Message


class Packed(NamedTuple):
    """A heard book as bytes, for one that waits: a third of the memory."""

    received: int
    content: bytes

    @property
    def message(self) -> Book:
        """The book, made again with each look."""
        return _decode(self.content)


Waiting: TypeAlias = Heard | Packed
_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Book).decode


def pack(received: int, message: Message) -> Waiting:
    """Give a heard message as one that waits.

    Books alone are worth bytes, and always as the exchange sent them: trades that were recovered
    may have what no message of the stream may have.
    """
    if isinstance(message, Book):
        return Packed(received, _encode(message))
    return Heard(received, message)


def shape(channel: str) -> Schema:
    """Give the columns a reader of a channel gets."""
    return {**spec_of(channel).columns, "received": TIME}


def stored(channel: str) -> Schema:
    """Give the columns of a channel's files."""
    return {**spec_of(channel).columns, **_MORE}


def to_frame(channel: str, heard: Sequence[Waiting]) -> pl.DataFrame:
    """Lay messages of one channel out as the rows of a file, in order."""
    parts = [heard[at : at + _AT_ONCE] for at in range(0, len(heard), _AT_ONCE)] or [heard]
    return pl.concat([_part(channel, each) for each in parts], rechunk=True)


def _part(channel: str, heard: Sequence[Waiting]) -> pl.DataFrame:
    spec = spec_of(channel)
    messages: list[Any] = [each.message for each in heard]
    heights = [1 if spec.parts is None else len(getattr(each, spec.parts)) for each in messages]
    more = pl.DataFrame(
        {
            "sent": [each.sent for each in messages],
            "stream": [each.stream for each in messages],
            "received": [each.received for each in heard],
        },
        {"sent": pl.Int64(), "stream": pl.String(), "received": pl.Int64()},
    )
    repeated = more.select(pl.all().repeat_by(pl.Series(heights)).explode(empty_as_null=False))
    return spec.frame(messages).hstack(repeated.cast(pl.Schema(_MORE)))


def to_messages(channel: str, frame: pl.DataFrame) -> Iterator[Heard]:
    """Make rows messages again, in order; all rows of a message must be there."""
    spec, kind = spec_of(channel), message_type(channel)
    times = pl.selectors.datetime().dt.epoch("ms")
    rows = frame.with_columns(times, pl.selectors.date().dt.to_string()).iter_rows(named=True)
    for several in _messages(rows) if spec.parts else ([row] for row in rows):
        yield Heard(several[0]["received"], spec.from_rows(kind, several))


def whole(channel: str, frame: pl.DataFrame) -> int:
    """Count the rows of a frame, from the first on, that surely make whole messages."""
    if spec_of(channel).parts is None:
        return frame.height
    begins = (frame["depth"] == _TOP).arg_true()
    return begins[-1] if begins.len() else 0


def distinct(channel: str, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Drop events that came before: one that is sent again after a reconnect is one."""
    key = spec_of(channel).key
    if key is None:
        return rows
    return rows.unique(["symbol", key], keep="first", maintain_order=True)


def _messages(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Group the rows of each message, dropping rows before the first whole one."""
    several: list[dict[str, Any]] = []
    for row in rows:
        if row["depth"] == _TOP:
            if several:
                yield several
            several = [row]
        elif several:
            several.append(row)
    if several:
        yield several
