"""Frames, and charts of them, that keep up with streams under a notebook's cell.

Elsewhere frames are written as text.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from marketkit.frames import Frame
from marketkit.notebook.job import is_here

if TYPE_CHECKING:
    from marketkit.notebook.charts.style import Colors, Theme

_IN_PLACE = 0.25  # seconds between two drawings: as quick as an eye follows a table
_CHART = 1.0  # the same of charts, which a browser takes longer to draw
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
    _follow(source, pause, seconds, _InPlace(lambda frame: frame), _IN_PLACE)


def plot(
    source: Showable, pause: Pause, seconds: float | None, *, colors: Colors, theme: Theme
) -> None:
    """Draw the chart that fits the frame of `source`, as `show` does the frame itself."""
    from marketkit.notebook.charts import newest  # noqa: PLC0415 - only where one is wanted
    from marketkit.notebook.charts.chart import plotly  # noqa: PLC0415 - as above

    plotly()  # where that is missing it is said before anything is waited for
    look = functools.partial(newest.of, colors=colors, theme=theme, detail=0)
    _follow(source, pause, seconds, _InPlace(look), _CHART)


def _follow(
    source: Showable, pause: Pause, seconds: float | None, draw: Draw, every: float
) -> None:
    if not is_here():
        draw, every = _write, _AS_TEXT
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


class _InPlace:
    """Draws the look of frames in one place of a cell's output."""

    def __init__(self, look: Draw) -> None:
        self._look = look
        self._place: Any = None

    def __call__(self, frame: Frame) -> None:
        from IPython.display import DisplayHandle  # noqa: PLC0415 - only where a cell runs

        if self._place is None:
            self._place = DisplayHandle()  # type: ignore[no-untyped-call]
            self._place.display(self._look(frame))
        else:
            self._place.update(self._look(frame))


def _write(frame: Frame) -> None:
    sys.stdout.write(f"{frame}\n")
    sys.stdout.flush()
