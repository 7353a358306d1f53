"""Upbit's public websocket: requests as text, and frames as messages.

Source: Upbit reference, sections 6.1 and 6.2. Messages come in SIMPLE names, alone or in lists.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from marketkit.errors import BadResponse, Refused
from marketkit.exchange.upbit.channels import message_types
from marketkit.exchange.upbit.messages import Message

PATH = "/websocket/v1"
PING = "PING"


class _Aside(msgspec.Struct):
    """A frame without data: a heartbeat, or an error before the exchange closes."""

    status: str | None = None
    error: dict[str, Any] | None = None


class Decoder:
    """Reads the frames of a connection: messages of every channel, alone or in a list."""

    def __init__(self) -> None:
        each: Any = functools.reduce(operator.or_, message_types().values())
        self._data: msgspec.json.Decoder[Any] = msgspec.json.Decoder(each | list[each])
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
        """Accept a heartbeat, or raise the error in a frame."""
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
