"""A frame that keeps up with streams under a notebook's cell, or as text elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator
from typing import Protocol

from marketkit.frames import Frame
from marketkit.notebook.screen import Drawing, screen
from marketkit.notebook.table import table

_AS_TEXT = 1.0  # seconds between two drawings where each stays on the screen
_SOON = 0.25  # seconds until the first: what was just asked for has come by then, as a rule

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
    follow(drawings(lambda: table(source.frame), seconds), pause)


def follow(steps: Generator[float, bool, None], pause: Pause) -> None:
    """Take the steps of drawings, with a pause between, until the end or Ctrl-C."""
    with contextlib.suppress(KeyboardInterrupt, StopIteration):
        left = next(steps)
        while True:
            left = steps.send(pause(left))


def drawings(
    look: Callable[[], Drawing], seconds: float | None, as_text: float = _AS_TEXT
) -> Generator[float, bool, None]:
    """Draw what `look` gives whenever that is another, and yield the seconds to pause between.

    It is sent whether more is to come, and ends when not, or after `seconds`. Where every drawing
    stays, one comes every `as_text` seconds.
    """
    place = screen(as_text)
    end = None if seconds is None else time.monotonic() + seconds
    drawn: Drawing | None = None
    wanted, going_on = min(_SOON, place.every), True
    while going_on:
        left = wanted if end is None else min(wanted, max(0.0, end - time.monotonic()))
        going_on, wanted = (yield left) and left > 0, place.every
        drawing = look()
        if drawing != drawn:
            place.draw(drawing)
            drawn = drawing
