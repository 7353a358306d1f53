"""Faults of a websocket, on demand or drawn from a seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Final

from marketkit.errors import InputError

# What each kind strikes when its turn comes.
AT_CONNECT: Final = ("refuse", "accept-close")
AT_FRAME: Final = (
    "drop", "storm", "half-frame", "silence", "duplicate-frame", "out-of-order", "unknown-frame",
    "odd-frame",
)  # fmt: skip
AT_TRADE: Final = ("late-trade",)
AT_CANDLE: Final = ("late-candle",)
STREAM_KINDS: Final = (*AT_CONNECT, *AT_FRAME, *AT_TRADE, *AT_CANDLE)
_SILENCE_S: Final = 120.0  # twice the idle time of the exchange


class StreamFaults:
    """Probabilities by kind, and strikes that were ordered.

    `refuse` and `accept-close` meet a connection being made. `drop` (a TCP reset), `storm` (a
    reset of every connection), `half-frame`, `silence` (the socket stays open, what would be sent
    is lost, for `silence_s` of sandbox time), `duplicate-frame`, `out-of-order` (after the next
    one), `unknown-frame` (before it comes one of a type that nobody heard of) and `odd-frame`
    (before it comes one that is no JSON) meet one REALTIME frame to one connection. `late-trade`
    meets a trade, which all get after the market's next one; `late-candle` a candle, whose last
    change all get after the next candle began. Each kind draws from a seed of its own.
    """

    def __init__(self, table: Mapping[str, float], seed: int = 1) -> None:
        self._draws = {kind: Random(f"{seed}/{kind}") for kind in STREAM_KINDS}
        self._ordered: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.table = table
        self.silence_s = _SILENCE_S

    @property
    def table(self) -> dict[str, float]:
        """The probabilities."""
        return self._table

    @table.setter
    def table(self, table: Mapping[str, float]) -> None:
        for kind, probability in table.items():
            if kind not in STREAM_KINDS or not 0 <= probability <= 1:
                raise InputError(f"stream fault {kind}={probability} is not a probability")
        self._table = dict(table)

    @property
    def active(self) -> bool:
        """Whether anything can strike at all."""
        return bool(self.table) or self._ordered.total() > 0

    def order(self, kind: str, times: int = 1, seconds: float | None = None) -> None:
        """Let a kind strike at the next so many chances; `seconds` is how long a silence lasts.

        Raises `InputError` for an unknown kind.
        """
        if kind not in STREAM_KINDS:
            raise InputError(f"unknown stream fault {kind!r}; there are {', '.join(STREAM_KINDS)}")
        if times < 1:
            raise InputError(f"a fault that strikes {times} times is none")
        self._ordered[kind] += times
        if seconds is not None:
            self.silence_s = seconds

    def draw(self, kinds: tuple[str, ...]) -> str | None:
        """Return which of the kinds strikes now, counted, if any."""
        if not self.active:
            return None
        for kind in kinds:
            if self._strikes(kind):
                self.counts[kind] += 1
                return kind
        return None

    def _strikes(self, kind: str) -> bool:
        if self._ordered[kind]:
            self._ordered[kind] -= 1
            return True
        chance = self.table.get(kind, 0.0)
        return bool(chance) and self._draws[kind].random() < chance

    def stats(self) -> dict[str, int]:
        """Return how often each kind struck."""
        return {kind: self.counts[kind] for kind in STREAM_KINDS}
