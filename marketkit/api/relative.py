"""Ranges that count back from now (`-30d`): by the exchange's clock, once that is heard."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

from marketkit.api.query import Query, Result
from marketkit.errors import MarketkitError
from marketkit.net.transport import Transport
from marketkit.timeframe import is_relative, parse_time
from marketkit.window import Time


async def hear(transport: Transport, *times: Time | None) -> None:
    """Ask for the exchange's time where a time counts back and the clock was never heard.

    Where none is to be had, the machine's will do.
    """
    if any(map(is_relative, times)) and not transport.clock.is_heard:
        with contextlib.suppress(MarketkitError):
            await transport.ask_time()


def by_its_clock(
    transport: Transport, make: Callable[[int], Query], start: Time | None, end: Time | None
) -> Query:
    """Make a query of a range as of some moment, which is the exchange's now.

    Where a range counts back and nobody has heard its clock, the arguments are checked at once, and
    the query is made again when somebody has.
    """
    counts_back = is_relative(start) or is_relative(end)
    if transport.clock.is_heard or not counts_back:
        return make(transport.now())
    query = make(_assumed(transport.now(), start, end))
    if not query.sends:
        return make(transport.now())

    async def fetch() -> Result:
        await hear(transport, start, end)
        told = make(transport.now())
        known = told.recall()
        return await told.fetch() if known is None else known

    return replace(query, fetch=fetch, recall=lambda: None)


def _assumed(now: int, start: Time | None, end: Time | None) -> int:
    """Give a moment by which a range can be checked: a wrong clock must refuse none."""
    if start is None or end is None or is_relative(start) is is_relative(end):
        return now
    if is_relative(start):
        return parse_time(end)
    return parse_time(start) + (_FAR - parse_time(end, _FAR)) + 1


_FAR = parse_time("9000-01-01")  # every length of time can be taken from it
