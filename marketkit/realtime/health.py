"""The health of a stream: counts, reported faults, and the reason for no connection. Pure."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from marketkit.errors import NetworkError

_TOLD_OF = 1_000  # kinds of faults that are logged; no exchange has so many by mistake

_log = logging.getLogger("marketkit.realtime")


@dataclass(slots=True)
class RealtimeStats:
    """Counts of a client so far; `refused` handshakes had any answer but a websocket.

    `wrong` frames, or parts of one, could not be read; `unknown` are those of a type that is not
    documented, by its name; `ahead` are messages of a time that has not come yet.
    """

    connects: int = 0
    refused: int = 0
    frames: int = 0
    wrong: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    ahead: int = 0


@dataclass(frozen=True, slots=True)
class StreamState:
    """The state of the websocket of a provider's streams at one moment.

    `streams` are wanted, one for each market and channel. While nothing comes, `trouble` says why
    and `quiet` for how many seconds. `frames`, `connects` and `refused` handshakes are counted
    since the program began, as are `wrong` frames, which cannot be read, those of `unknown` types,
    and messages of a time that has not come yet (`ahead`), which are refused.
    """

    connected: bool
    streams: int
    frames: int
    connects: int
    refused: int
    wrong: int
    unknown: dict[str, int]
    trouble: str | None
    quiet: float
    ahead: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Give the same as plain values."""
        return asdict(self)

    def __str__(self) -> str:
        faults = {"unreadable": self.wrong, "of the future": self.ahead}
        faults |= {f"{name!r}": count for name, count in self.unknown.items()}
        told = "".join(f", {count:,} {name}" for name, count in faults.items() if count)
        if self.connected:
            return f"connected, {self.streams:,} streams, {self.frames:,} frames{told}"
        if not self.streams:
            return f"none open{told}"
        return f"nothing for {self.quiet:,.0f}s: {self.trouble or 'connecting'}{told}"


class FaultLog:
    """Faults by kind, each of which goes into the log once."""

    def __init__(self) -> None:
        self._told: set[tuple[str | None, str | None]] = set()

    def tell(self, name: str, fault: tuple[str | None, str | None], words: str) -> None:
        """Log a kind of fault of the stream `name` the first time."""
        if fault not in self._told and len(self._told) < _TOLD_OF:
            self._told.add(fault)
            _log.warning("%s: %s (logged once, and then counted)", name, words)


class Opening:
    """The time in which nothing has come yet, and the reason of the newest failed attempt.

    `now` gives the seconds of a steady clock.
    """

    def __init__(self, name: str, now: Callable[[], float]) -> None:
        self._name = name
        self._now = now
        self.reason: str | None = None
        self._since = now()

    @property
    def seconds(self) -> float:
        """The duration in seconds."""
        return self._now() - self._since

    def error(self) -> NetworkError:
        """Say why nothing has come, as an exception."""
        reason = self.reason or "no answer and no message has come yet"
        return NetworkError(
            f"the stream {self._name} has not opened for {self.seconds:,.0f}s: {reason};"
            " it is tried again until it is closed"
        )
