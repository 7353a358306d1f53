"""How far a long call has come, as one line of text, and where that line goes."""

from __future__ import annotations

import json
import logging
import math
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TextIO

_log = logging.getLogger("marketkit.jobs")

_LOG_EVERY = 30.0  # seconds between lines where there is no terminal
_BAR_EVERY = 0.25  # seconds; the eye sees no more steps, and a notebook draws no faster
_PATIENCE = 2.0  # seconds a call may take before it shows that it is alive
_WIDTH, _LEAST = 24, 4  # characters of the bar beside the words: as a rule, and in narrow places
_COLUMNS = 80  # of a terminal that does not say how many it has


@dataclass(slots=True)
class Progress:
    """Slots closed of the slots asked for (or symbols of symbols), and the cost.

    `begun` of them were closed before the start; `note` says what is waited for. Who `asks` nobody
    has no requests to tell of.
    """

    label: str
    total: int = 0
    done: int = 0
    requests: int = 0
    rows: int = 0
    state: str = "running"
    unit: str = "candles"
    note: str = ""
    begun: int = 0
    asks: bool = True
    started: float = field(default_factory=time.monotonic)

    @property
    def share(self) -> float:
        """The part that is done, 0 to 1.

        Before it is known how much there is to do that is nothing, and all once it is `done`.
        """
        if not self.total:
            return float(self.state == "done")
        return min(1.0, self.done / self.total)

    @property
    def ended(self) -> bool:
        """Whether the end has come, in any way."""
        return self.state not in {"running", "paused"}

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def eta(self) -> float | None:
        """Seconds to go at the pace so far; None before there is a pace."""
        here = self.done - self.begun
        return self.seconds * max(0, self.total - self.done) / here if here > 0 else None

    def __str__(self) -> str:
        pace = self.requests / self.seconds if self.seconds > 0 else 0.0
        asked = f", {self.requests:,} requests" if self.asks else ""
        paced = f" ({pace:.1f}/s)" if self.asks else ""
        return (
            f"{self._share()}  {self.rows:,} {self.unit}{asked}"
            f" in {clock(self.seconds)}{paced}{self._to_go()}{self._ending()}"
        )

    def bar(self, most: int | None = None) -> str:
        """Draw the line with a bar, for a terminal, in at most so many columns."""
        said = str(self)
        if most is None:
            return f"{self._bar(_WIDTH)}{said}"
        if _columns(said) > most:  # what is waited for comes last, and must be seen
            said = f"{self._share()}{self._to_go()}{self._ending()}"
        room = most - _columns(said) - len("[] ")
        return f"{self._bar(min(room, _WIDTH)) if room >= _LEAST else ''}{_cut(said, most)}"

    def _bar(self, width: int) -> str:
        filled = round(self.share * width)
        return f"[{'#' * filled}{'.' * (width - filled)}] "

    def _share(self) -> str:
        return f"{self.label}: {math.floor(self.share * 100):3d}%"

    def _to_go(self) -> str:
        return "" if self.eta is None or self.state != "running" else f", {clock(self.eta)} to go"

    def as_json(self) -> str:
        """Write the line as a JSON object, for programs."""
        told = {
            # machine's clock: the line stands among those of other programs of this machine
            "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "job": self.label,
            "state": self.state,
            "note": self.note,
            "percent": round(100 * self.share, 2),
            "rows": self.rows,
            "requests": self.requests,
            "seconds": round(self.seconds, 1),
            "eta": None if self.eta is None else round(self.eta),
        }
        return json.dumps(told)

    def _ending(self) -> str:
        note = f"; {self.note}" if self.note else ""
        return note if self.state == "running" else f", {self.state}{note}"


class Reporter:
    """Writes a progress to a terminal as a moving bar, elsewhere as a plain line every 30 seconds.

    What begins to wait says so at once.

    With `as_json` the plain line is a JSON object. Short calls stay silent: nothing is written in
    the first two seconds.
    """

    def __init__(
        self,
        progress: Progress,
        stream: TextIO | None = None,
        *,
        show: bool = True,
        as_json: bool = False,
    ) -> None:
        self.progress = progress
        self._stream = stream if stream is not None else sys.stderr
        self._show = show and self._stream is not None  # it may be closed
        self._as_json = as_json
        self._terminal = moves(self._stream) and not as_json
        self._next = progress.started + (_PATIENCE if self._terminal else _LOG_EVERY)
        self._drawn = False
        self._waits = False
        self._views: list[Callable[[], None]] = []
        self._next_view = 0.0

    def attach(self, draw: Callable[[], None]) -> None:
        """Have `draw` called at most four times a second while something changes, and at the end.

        It is called on the thread of who reports.
        """
        self._views.append(draw)

    def update(self) -> None:
        """Write when the time has come; call as often as you like."""
        now = time.monotonic()
        if bool(self.progress.note) is not self._waits:
            self._waits = not self._waits
            if self._waits:  # where nothing moves the reason comes first
                self._next = min(self._next, max(now, self.progress.started + _PATIENCE))
        if self._show and now >= self._next:
            self._next = now + (_BAR_EVERY if self._terminal else _LOG_EVERY)
            self._write(final=False)
        if self._views and now >= self._next_view:
            self._next_view = now + _BAR_EVERY
            self._draw()

    def close(self) -> None:
        """Write the last state if anything was shown before."""
        if self._drawn:
            self._write(final=True)
        self._draw()

    def _draw(self) -> None:
        for draw in list(self._views):
            try:
                draw()
            except Exception:  # noqa: BLE001 - a view that is gone must not end what it shows
                _log.warning(
                    "a view of %s failed and is dropped", self.progress.label, exc_info=True
                )
                self._views.remove(draw)

    def _write(self, *, final: bool) -> None:
        self._drawn = True
        if self._terminal:
            # The last column stays free: behind that some terminals begin the next line.
            bar = self.progress.bar(_room(self._stream) - 1)
            line = f"\r\x1b[K{bar}" + ("\n" if final else "")
        else:
            line = f"{self.progress.as_json() if self._as_json else self.progress}\n"
        try:
            self._stream.write(line)
            self._stream.flush()
        except OSError:  # nobody reads any more; what is told of goes on
            self._show = self._drawn = False


def moves(stream: TextIO | None) -> bool:
    """Say whether a stream is a terminal in which something can be drawn again."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def _room(terminal: TextIO) -> int:
    """Give the columns of a terminal: as many as `COLUMNS` says, or else the terminal."""
    try:
        own = os.get_terminal_size(terminal.fileno()).columns
    except (OSError, ValueError):  # it only says that it is one
        own = 0
    return shutil.get_terminal_size((own or _COLUMNS, 0)).columns


def _columns(text: str) -> int:
    """Count the columns that a text takes at most: Korean letters take two."""
    return sum(1 if letter.isascii() else 2 for letter in text)


def _cut(text: str, most: int) -> str:
    while _columns(text) > max(0, most):
        text = text[:-1]
    return text


def clock(seconds: float) -> str:
    """Write a duration in the words of people.

    >>> clock(75), clock(3.2), clock(7500)
    ('1m 15s', '3s', '2h 05m')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole // 60 % 60:02d}m"
