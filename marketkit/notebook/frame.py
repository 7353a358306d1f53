"""A frame that keeps up with its streams under a notebook's cell, or as text elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from marketkit.frames import Frame
from marketkit.net.engine import engine
from marketkit.realtime.consumers import Fan, Queue

_IN_PLACE = 0.25  # seconds between two drawings at least
_AS_TEXT = 1.0

Draw = Callable[[Frame], object]


class Showable(Protocol):
    """What has a frame that changes."""

    @property
    def frame(self) -> Frame:
        """The newest state."""


def show(source: Showable, fan: Fan, seconds: float | None) -> None:
    """Draw the frame of `source` whenever it changed, until it ends, for `seconds`, or Ctrl-C.

    The cell is at work meanwhile, so the kernel's interrupt ends it; what was drawn stays.
    """
    draw, every = _drawing()
    queue = fan.open(Queue(coalesces=True))
    end = None if seconds is None else time.monotonic() + seconds
    drawn: Frame | None = None
    try:
        with contextlib.suppress(KeyboardInterrupt):
            going_on = True
            while going_on:
                pause = every if end is None else min(every, max(0.0, end - time.monotonic()))
                going_on = engine().run(_pause(queue, pause)) and pause > 0
                frame = source.frame
                if drawn is None or not frame.equals(drawn):
                    draw(frame)
                    drawn = frame
    finally:
        fan.leave(queue)


async def _pause(queue: Queue, seconds: float) -> bool:
    """Let some time pass; say whether there is more to come."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while await queue.take() is not None:
                pass
            return False
    return True


def _drawing() -> tuple[Draw, float]:
    """Give how to draw, and how often at most."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    in_cell = type(shell).__name__ == "ZMQInteractiveShell"
    if in_cell and threading.current_thread() is threading.main_thread():
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
