"""Faults of a websocket, on demand or drawn from a seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Final

from marketkit.errors import InputError
from marketkit.sandbox.faulty.strikes import Defaults, Fault, Strikes
from marketkit.sandbox.faulty.text import HOSTILE

# What each kind strikes when its turn comes.
AT_CONNECT: Final = ("refuse", "accept-close", "redirect-handshake", "endless-handshake")
AT_FRAME: Final = (
    "drop", "storm", "half-frame", "silence", "duplicate-frame", "out-of-order", "unknown-frame",
    "odd-frame", "future-frame", "hostile-frame", "big-frame", "frame-bomb", "endless-frame",
    "claimed-frame",
)  # fmt: skip
AT_TRADE: Final = ("late-trade",)
AT_CANDLE: Final = ("late-candle",)
STREAM_KINDS: Final = (*AT_CONNECT, *AT_FRAME, *AT_TRADE, *AT_CANDLE)
_DEFAULTS: Final = Defaults(
    {
        "silence": "120",  # twice the idle time of the exchange
        "endless-handshake": "0", "future-frame": "3600", "hostile-frame": HOSTILE,
        "big-frame": "64", "frame-bomb": "1024", "endless-frame": "inf",
    },
    numbers=(
        "silence", "endless-handshake", "future-frame", "big-frame", "frame-bomb", "endless-frame",
    ),
    lines=("refuse", "redirect-handshake"),
)  # fmt: skip


class StreamFaults:
    """Probabilities by kind, and strikes that were ordered, with a value (in brackets the default).

    A connection being made meets `refuse` (429; the Retry-After, none), `accept-close`,
    `redirect-handshake` (302; where to, the same server as localhost) and `endless-handshake` (a
    head without end; seconds from header to header, 0).

    One REALTIME frame to one connection meets `drop` (a TCP reset), `storm` (a reset of every
    connection), `half-frame`, `silence` (the socket stays open, what would be sent is lost; in
    seconds of the sandbox, 120), `duplicate-frame`, `out-of-order` (after the next one) and
    `future-frame` (stamps ahead; seconds, 3600). Before it comes one of a type that nobody heard of
    (`unknown-frame`), one that is no JSON (`odd-frame`), an error with terminal commands, lines and
    turned directions (`hostile-frame`; the text), a `big-frame` (MB, 64) or a `frame-bomb`
    (compressed; MB unpacked, 1024). In its place comes a message of fragments without a last one
    (`endless-frame`; MB until it breaks off, without end), or a frame that says it has 2^62 bytes
    (`claimed-frame`), and nothing else on that connection.

    `late-trade` meets a trade, which all get after the market's next one; `late-candle` a candle,
    whose last change all get after the next candle began. Each kind draws from a seed of its own.
    """

    def __init__(self, table: Mapping[str, float], seed: int = 1) -> None:
        self._draws = {kind: Random(f"{seed}/{kind}") for kind in STREAM_KINDS}
        self.strikes = Strikes(_DEFAULTS)
        self.counts: Counter[str] = Counter()
        self.table = table

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
        return bool(self.table) or bool(self.strikes)

    def draw(self, kinds: tuple[str, ...]) -> Fault | None:
        """Return which of the kinds strikes now, counted, if any; an ordered one goes first."""
        if not self.active:
            return None
        fault = self._ordered(kinds) or self._drawn(kinds)
        if fault is not None:
            self.counts[fault.kind] += 1
        return fault

    def _ordered(self, kinds: tuple[str, ...]) -> Fault | None:
        met = self.strikes.met(kinds)
        ready = next((each for each in met if each.strikes(kinds)), None)
        faults = self.strikes.use(each for each in met if each.after or each is ready)
        return faults[0] if faults else None

    def _drawn(self, kinds: tuple[str, ...]) -> Fault | None:
        for kind in kinds:
            chance = self.table.get(kind, 0.0)
            if chance and self._draws[kind].random() < chance:
                return _DEFAULTS.fault(kind)
        return None

    def stats(self) -> dict[str, int]:
        """Return how often each kind struck."""
        return {kind: self.counts[kind] for kind in STREAM_KINDS}
