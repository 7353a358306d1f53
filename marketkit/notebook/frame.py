"""Frames, and charts of them, that keep up with streams under a notebook's cell.

Elsewhere frames are written as text.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from marketkit.frames import Frame
from marketkit.notebook.job import is_here
from marketkit.notebook.screen import Drawing, Place, screen
from marketkit.notebook.table import table

if TYPE_CHECKING:
    from marketkit.notebook.charts.style import Colors, Theme

_AS_TEXT = 1.0  # seconds between two drawings where each stays on the screen
_CHART = 1.0  # the same of charts, which a browser takes longer to draw
_SOON = 0.25  # seconds until the first: what was just asked for has come by then, as a rule

T = TypeVar("T")

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


def plot(
    source: Showable, pause: Pause, seconds: float | None, *, colors: Colors, theme: Theme
) -> None:
    """Draw the chart that fits the frame of `source`, as `show` does the frame itself."""
    from marketkit.notebook.charts import newest  # noqa: PLC0415 - only where one is wanted
    from marketkit.notebook.charts.chart import plotly  # noqa: PLC0415 - as above

    plotly()  # where that is missing it is said before anything is waited for
    if not is_here():
        show(source, pause, seconds)
        return
    place = Place()
    look = functools.partial(newest.of, colors=colors, theme=theme, detail=0)
    steps = _changes(
        lambda: _State(source.frame), lambda state: place.put(look(state.frame)), seconds, _CHART
    )
    follow(steps, pause)


def follow(steps: Generator[float, bool, None], pause: Pause) -> None:
    """Take the steps of drawings, with a pause between, until the end or Ctrl-C."""
    with contextlib.suppress(KeyboardInterrupt, StopIteration):
        left = next(steps)
        while True:
            left = steps.send(pause(left))


def drawings(
    look: Callable[[], Drawing], seconds: float | None, as_text: float = _AS_TEXT
) -> Generator[float, bool, None]:
    """Draw the looks that differ from the one before, and yield the seconds to pause between.

    It is sent whether more is to come, and ends when not, or after `seconds`. Where every drawing
    stays, one comes every `as_text` seconds.
    """
    place = screen(as_text)
    return _changes(look, place.draw, seconds, place.every)


def _changes(
    look: Callable[[], T], draw: Callable[[T], object], seconds: float | None, every: float
) -> Generator[float, bool, None]:
    end = None if seconds is None else time.monotonic() + seconds
    drawn: T | None = None
    wanted, going_on = min(_SOON, every), True
    while going_on:
        left = wanted if end is None else min(wanted, max(0.0, end - time.monotonic()))
        going_on, wanted = (yield left) and left > 0, every
        seen = look()
        if seen != drawn:
            draw(seen)
            drawn = seen


class _State:
    """A frame that is compared with another as a whole."""

    def __init__(self, frame: Frame) -> None:
        self.frame: Any = frame

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _State) and self.frame.equals(other.frame)

    __hash__ = None  # type: ignore[assignment]  # a frame has none
