"""A frame that keeps up with streams under a notebook's cell, or as text elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

from marketkit.frames import Frame
from marketkit.notebook.job import is_here

_IN_PLACE = 0.25  # seconds between two drawings: as quick as an eye follows a table
_AS_TEXT = 1.0  # the same where each drawing stays on the screen

Draw = Callable[[Frame], object]
Pause = Callable[[float], bool]


class Showable(Protocol):
    """An object with a frame that changes."""

    @property
    def frame(self) -> Frame:
        """The newest state."""


def show(source: Showable, pause: Pause, seconds: float | None) -> None:
    """Draw the frame of `source` at each change, until the end, for `seconds`, or Ctrl-C.

    `pause` lets some seconds pass and says whether more is to come. The cell is at work meanwhile,
    so the kernel's interrupt ends it; what was drawn stays.
    """
    draw, every = _drawing()
    end = None if seconds is None else time.monotonic() + seconds
    drawn: Frame | None = None
    with contextlib.suppress(KeyboardInterrupt):
        going_on = True
        while going_on:
            left = every if end is None else min(every, max(0.0, end - time.monotonic()))
            going_on = pause(left) and left > 0
            frame = source.frame
            if drawn is None or not frame.equals(drawn):
                draw(frame)
                drawn = frame


def _drawing() -> tuple[Draw, float]:
    """Give how to draw, and how often at most."""
    if is_here():
        return _InPlace(), _IN_PLACE
    return _write, _AS_TEXT


class _InPlace:
    """Draws in one place of a cell's output."""

    def __init__(self) -> None:
        from IPython.display import DisplayHandle  # noqa: PLC0415 - only where a cell runs

        self._place: Any = DisplayHandle()  # type: ignore[no-untyped-call]
        self._drawn = False

    def __call__(self, frame: Frame) -> None:
        (self._place.update if self._drawn else self._place.display)(frame)
        self._drawn = True


def _write(frame: Frame) -> None:
    sys.stdout.write(f"{frame}\n")
    sys.stdout.flush()
