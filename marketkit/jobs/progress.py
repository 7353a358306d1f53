"""How far a long call has come, as one line of text, and where that line goes."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass, field
from typing import TextIO

_LOG_EVERY = 30.0  # seconds between lines where there is no terminal
_BAR_EVERY = 0.25
_PATIENCE = 2.0  # seconds a call may take before it shows that it is alive
_WIDTH = 24


@dataclass(slots=True)
class Progress:
    """Slots closed of the slots asked for (or symbols of symbols), and what that took."""

    label: str
    total: int = 0
    done: int = 0
    requests: int = 0
    rows: int = 0
    state: str = "running"
    unit: str = "candles"
    started: float = field(default_factory=time.monotonic)

    @property
    def share(self) -> float:
        """The part that is done, 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 1.0

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def eta(self) -> float | None:
        """Seconds to go at the pace so far; None before there is a pace."""
        return self.seconds * (1 / self.share - 1) if self.done else None

    def __str__(self) -> str:
        pace = self.requests / self.seconds if self.seconds > 0 else 0.0
        eta = "" if self.eta is None or self.state != "running" else f", {clock(self.eta)} to go"
        percent = math.floor(self.share * 100)
        return (
            f"{self.label}: {percent:3d}%  {self.rows:,} {self.unit}, {self.requests:,} requests"
            f" in {clock(self.seconds)} ({pace:.1f}/s){eta}{self._ending()}"
        )

    def bar(self) -> str:
        """Draw the line with a bar, for a terminal."""
        filled = round(self.share * _WIDTH)
        return f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {self}"

    def _ending(self) -> str:
        return "" if self.state == "running" else f", {self.state}"


class Reporter:
    """Writes a progress to a terminal as a moving bar, elsewhere as a plain line every 30 seconds.

    Short calls stay silent: nothing is written in the first two seconds.
    """

    def __init__(
        self, progress: Progress, stream: TextIO | None = None, *, show: bool = True
    ) -> None:
        self.progress = progress
        self._stream = stream if stream is not None else sys.stderr
        self._show = show
        self._terminal = self._stream.isatty()
        self._next = progress.started + (_PATIENCE if self._terminal else _LOG_EVERY)
        self._drawn = False

    def update(self) -> None:
        """Write if it is time to; call it as often as you like."""
        now = time.monotonic()
        if self._show and now >= self._next:
            self._next = now + (_BAR_EVERY if self._terminal else _LOG_EVERY)
            self._write(final=False)

    def close(self) -> None:
        """Write the last state if anything was shown before."""
        if self._drawn:
            self._write(final=True)

    def _write(self, *, final: bool) -> None:
        self._drawn = True
        if self._terminal:
            line = f"\r\x1b[K{self.progress.bar()}" + ("\n" if final else "")
        else:
            line = f"{self.progress}\n"
        self._stream.write(line)
        self._stream.flush()


def clock(seconds: float) -> str:
    """Write a duration as people say it.

    >>> clock(75), clock(3.2), clock(7500)
    ('1m 15s', '3s', '2h 05m')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole // 60 % 60:02d}m"
