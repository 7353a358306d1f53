"""The incidents of a soak: when each happens, and what the exchange is told to do.

Great ones have their hour: a market is listed, one ends, the exchange is closed for maintenance
and, later, away. Between them come small ones, in an order that the seed draws, never so close
together that one could be taken for another.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from benchmarks.odd_day import control, told

LISTED, ENDED, SILENT = "KRW-NEWA", "KRW-PEPE", "KRW-XRP"
# Each ends the connection, or has it be ended.
BREAKS = ("drop", "half-frame", "silence", "hostile-frame")
# What goes wrong with frames, and how often in a turn.
FRAMES = {
    "odd-frame": 1, "unknown-frame": 1, "duplicate-frame": 20, "future-frame": 1,
    "late-candle": 8, "late-trade": 3,
}  # fmt: skip
# Answers that go wrong now and then, all the time.
ANSWERS = {"500": 0.002, "reset": 0.001, "truncate": 0.001, "badjson": 0.001, "html": 0.001}
HUSH = 45.0  # seconds that a socket stays silent: marketkit gives one up after 30
QUIET = 20.0  # seconds that a market stays silent
_LOOK, _AROUND = 2.0, 100  # seconds between looks for rejections, and requests kept of one
APART = 20.0  # seconds between small incidents, at least
CALM = 15.0  # seconds around great ones, and after a silence, without small ones


class Incident(NamedTuple):
    """What happened, when (ms of the exchange's clock), and until when."""

    kind: str
    start: int
    end: int


class Plan(NamedTuple):
    """What is due after so many seconds, and how long it lasts."""

    at: float
    kind: str
    seconds: float = 0.0


def planned(seconds: float, seed: int) -> list[Plan]:
    """Draw the plan of a run, in the order of time."""
    maintenance, away = min(60.0, seconds / 20), min(120.0, seconds / 12)
    great = [
        Plan(0.12 * seconds, "list"),
        Plan(0.25 * seconds, "end"),
        Plan(0.45 * seconds, "maintenance", maintenance),
        Plan(0.68 * seconds, "away", away),
    ]
    return sorted([*great, *_small(seconds, great, random.Random(seed))])


def _small(seconds: float, great: list[Plan], draw: random.Random) -> Iterator[Plan]:
    """Put small incidents between the great ones that take time."""
    step, at = max(APART, seconds / 45), 0.05 * seconds
    kinds = _turns(draw)
    while at < 0.9 * seconds:
        kind = next(kinds)
        lasts = {"silence": HUSH, "quiet": QUIET}.get(kind, 0.0)
        until = at + lasts + CALM
        clash = [one for one in great if one.seconds and at < one.at + one.seconds + CALM]
        if clash and until > clash[0].at:
            at = clash[0].at + clash[0].seconds + CALM
            until = at + lasts + CALM
        yield Plan(at, kind, lasts)
        at = max(until, at + step * draw.uniform(0.8, 1.2))


def _turns(draw: random.Random) -> Iterator[str]:
    while True:
        kinds = [*BREAKS, *FRAMES, "quiet", "drop"]
        draw.shuffle(kinds)
        yield from kinds


class Exchange:
    """The control of a sandbox; remembers what was done."""

    def __init__(self, endpoint: str, speed: float = 1.0) -> None:
        self.endpoint, self._speed = endpoint, speed
        self.incidents: list[Incident] = []
        self.closed: list[tuple[float, float]] = []  # by this machine's clock
        self._known = 0  # rejections
        self.rejections: list[list[dict[str, Any]]] = []  # the requests around each

    def clock(self) -> int:
        """Read the exchange's clock."""
        return int(told(self.endpoint, "clock")["ms"])

    def begin(self) -> None:
        """Have answers go wrong now and then."""
        control(self.endpoint, "faults", **ANSWERS)

    def end(self) -> None:
        """Have nothing go wrong any more."""
        control(self.endpoint, "faults")
        control(self.endpoint, "strike", kind="none")

    def follow(self, plan: list[Plan], seconds: float, say: Callable[[str], None]) -> None:
        """Do what is due, each in its time, until the end of the run."""
        began = time.monotonic()
        for each in plan:
            self._watch(began + each.at)
            start = self.clock()
            self._do(each)
            self.incidents.append(Incident(each.kind, start, self.clock()))
            say(f"{time.monotonic() - began:7.1f} s  {each.kind}")
        self._watch(began + seconds)

    def _watch(self, until: float) -> None:
        """Wait, and keep the requests around each that is rejected meanwhile."""
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(_LOOK, left))
            if (now := self._rejected()) > self._known:
                self._known = now
                self.rejections.append(told(self.endpoint, "requests")[-_AROUND:])

    def _rejected(self) -> int:
        groups = told(self.endpoint, "stats")["groups"]
        return sum(each["rejected"] for each in groups.values())

    def _do(self, plan: Plan) -> None:
        kind = plan.kind
        if kind in {"list", "end"}:
            symbol = LISTED if kind == "list" else ENDED
            control(self.endpoint, "markets", symbol=symbol, event=kind)
        elif kind in {"maintenance", "away"}:
            self._close("html" if kind == "maintenance" else "reset", plan.seconds)
        elif kind == "quiet":
            control(self.endpoint, "stream", symbol=SILENT, silent="true")
            time.sleep(plan.seconds)
            control(self.endpoint, "stream", symbol=SILENT, silent="false")
        elif kind == "silence":
            control(self.endpoint, "strike", kind=kind, value=plan.seconds * self._speed)
            time.sleep(plan.seconds)
        else:
            control(self.endpoint, "strike", kind=kind, times=FRAMES.get(kind, 1))

    def _close(self, answer: str, seconds: float) -> None:
        """Be closed: every request fails, every connection breaks, none opens."""
        since = time.time()
        control(self.endpoint, "faults", **{answer: 1.0})
        control(self.endpoint, "stream", opens="false")
        control(self.endpoint, "strike", kind="storm")
        time.sleep(seconds)
        control(self.endpoint, "stream", opens="true")
        self.begin()
        self.closed.append((since, time.time()))
