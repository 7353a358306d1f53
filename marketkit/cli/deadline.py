"""The end of a command by `--max-time`, whatever the exchange does meanwhile."""

from __future__ import annotations

import argparse
import contextlib
import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from marketkit.cli.options import open_provider, seconds_of
from marketkit.errors import TimedOut

if TYPE_CHECKING:
    from marketkit.api.sync import SmartDataProvider

_SLACK = 0.25  # seconds for what ends by itself at that very moment
_MOMENT = 0.001  # seconds: what takes a time above zero takes that
_OPENING = 2.0  # seconds: the first request after an unknown past waits for one
_CLOSING = 0.5  # seconds for saying goodbye to an exchange, which may not answer that either


class OutOfTime(TimedOut):
    """The time of `--max-time` is over, and the exchange has not answered."""


def deadline_of(options: argparse.Namespace) -> float | None:
    """Give the `time.monotonic` moment of `--max-time`, which counts from the command's start."""
    seconds = seconds_of(options.max_time)
    return None if seconds is None else getattr(options, "began", time.monotonic()) + seconds


def seconds_until(deadline: float | None) -> float | None:
    """Give the seconds that are left, a moment at least; None for no end."""
    return None if deadline is None else max(_MOMENT, deadline - time.monotonic())


@contextlib.contextmanager
def until(deadline: float | None) -> Iterator[None]:
    """Have calls of a block end soon after a deadline, with `OutOfTime`."""
    from marketkit.net.engine import ending_at  # noqa: PLC0415 - slow, `--help` needs none

    try:
        with ending_at(math.inf if deadline is None else deadline + _SLACK):
            yield
    except TimedOut as late:
        if deadline is None or time.monotonic() < deadline:
            raise  # a request's own
        raise OutOfTime("left on max-time: the exchange has not answered by then") from late


def opening(
    options: argparse.Namespace, deadline: float | None
) -> contextlib.AbstractContextManager[None]:
    """End the opening calls of a stream by `until`, but leave time for an answer."""
    least = getattr(options, "began", time.monotonic()) + _OPENING
    return until(None if deadline is None else max(deadline, least))


@contextlib.contextmanager
def open_until(options: argparse.Namespace, deadline: float | None) -> Iterator[SmartDataProvider]:
    """Open the chosen provider, and close soon after a deadline at the latest."""
    provider = open_provider(options)
    try:
        yield provider
    finally:
        soon = time.monotonic() + _CLOSING
        with contextlib.suppress(OutOfTime), until(deadline and max(deadline, soon)):
            provider.close()
