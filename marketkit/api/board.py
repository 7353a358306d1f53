"""The live price board: a feed of tickers, drawn in one place until somebody ends it.

Written once, as steps: each is a coroutine for the engine's loop, whose answer is sent back. What
is drawn between them is drawn in the caller's thread, to which a notebook's cell belongs.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, Protocol

from marketkit.api.query import Symbols
from marketkit.errors import InputError, MarketkitError
from marketkit.exchange.dialect import Priority
from marketkit.net.engine import engine
from marketkit.notebook.board import board
from marketkit.notebook.card import Card
from marketkit.notebook.frame import drawings

if TYPE_CHECKING:
    import polars as pl

    from marketkit.realtime.feed import Feed

Steps = Generator[Coroutine[Any, Any, Any], Any, None]
Call = Callable[..., Coroutine[Any, Any, Any]]

_IN_A_PIPE = 5.0  # seconds between two boards that stay: a reader must not wait for longer
_ROWS = 30  # what a screen has room for
_PATIENCE = 3.0  # seconds until the first: by then the exchange has told its prices, as a rule


class Asked(Protocol):
    """The calls of the async provider that a board stands on."""

    @property
    def watch(self) -> Call:
        """Open a feed."""

    @property
    def get_market(self) -> Call:
        """Give the market list."""


class BoardMethods:
    """The call of the async provider that draws."""

    async def board(
        self: Asked,
        symbols: Symbols = "KRW-*",
        *,
        rows: int | None = _ROWS,
        seconds: float | None = None,
        new_listings: bool | None = None,
        tz: str | None = None,
        priority: Priority = "normal",
    ) -> None:
        """Show a price board: Korean names, prices, changes and turnover, kept up to date.

        It stands on `watch(symbols, "ticker")`. Under a notebook's cell and in a terminal it is
        drawn in one place, elsewhere as a table every five seconds. The `rows` largest turnovers of
        the last 24 hours are shown, the largest first, or all of them with `rows=None`; those of
        each quote currency apart, won first. The change is that since 09:00 KST; as in Korea, red
        is up and blue is down.

        Ends `seconds` after the call, having drawn once, at the kernel's interrupt (Ctrl-C), or
        when no market is left; the feed is closed then. Raises what `watch` raises.
        """
        options = {"new_listings": new_listings, "tz": tz, "priority": priority}
        steps = board_steps(self, symbols, rows=rows, seconds=seconds, **options)
        with contextlib.suppress(StopIteration):
            coroutine = next(steps)
            while True:
                try:
                    answer = await coroutine
                except BaseException as error:  # noqa: BLE001 - the steps end with it
                    coroutine = steps.throw(error)
                else:
                    coroutine = steps.send(answer)


def take(steps: Steps) -> None:
    """Take steps in the caller's thread, and block until the last."""
    with contextlib.suppress(StopIteration):
        coroutine = next(steps)
        while True:
            try:
                answer = engine().run(coroutine)
            except BaseException as error:  # noqa: BLE001 - the steps end with it
                coroutine = steps.throw(error)
            else:
                coroutine = steps.send(answer)


def board_steps(
    provider: Asked,
    symbols: Symbols = "KRW-*",
    *,
    rows: int | None = _ROWS,
    seconds: float | None = None,
    **options: Any,
) -> Steps:
    """Show a board step by step; `options` are as of `watch`, None for the board's own."""
    _check(rows, seconds)
    end = None if seconds is None else time.monotonic() + seconds
    given = {name: value for name, value in options.items() if value is not None}
    feed = yield provider.watch(symbols, "ticker", frame="polars", **given)
    try:
        yield feed.ready(_PATIENCE)
        yield from _Board(provider, feed, rows).steps(end)
    except KeyboardInterrupt:
        pass  # how a board is ended
    finally:
        yield feed.aclose()


class _Board:
    """A board, and the known facts of the markets shown."""

    def __init__(self, provider: Asked, feed: Feed[pl.DataFrame], rows: int | None) -> None:
        self._provider = provider
        self._feed = feed
        self._rows = rows
        self._named: tuple[str, ...] = ()
        self._names: dict[str, str] = {}

    def steps(self, end: float | None) -> Steps:
        """Draw until a `time.monotonic` moment, once at least, or until nothing is left to draw."""
        seconds = None if end is None else max(0.0, end - time.monotonic())
        steps = drawings(self._card, seconds, _IN_A_PIPE)
        with contextlib.suppress(StopIteration):
            left = next(steps)
            while True:
                if self._named != self._feed.symbols:
                    yield from self._learn_names()
                yield asyncio.sleep(left)
                left = steps.send(bool(self._feed.symbols) and not self._feed.closed)

    def _learn_names(self) -> Steps:
        """Ask for the names: at first, and when markets were listed since."""
        self._named = self._feed.symbols
        with contextlib.suppress(MarketkitError):  # a board without names is better than none
            listed = yield self._provider.get_market(frame="polars")
            self._names = dict(zip(listed["symbol"], listed["korean_name"], strict=True))

    def _card(self) -> Card:
        feed, state = self._feed, ""
        if not feed.stats.connected:
            state = str(feed.failure or "no connection: prices may be old")
        return board(feed.frame, self._names, self._rows, state)


def _check(rows: int | None, seconds: float | None) -> None:
    if rows is not None and (not isinstance(rows, int) or isinstance(rows, bool) or rows < 1):
        raise InputError(f"rows={rows!r}: give a number of rows, or None for all")
    if seconds is not None and not 0 < seconds < math.inf:
        raise InputError(f"seconds={seconds!r}: give a time above 0, or None to go on")
