"""Ranges that count back from now (`-30d`): by the exchange's clock, once that is heard."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

from marketkit.api.query import Query, Result
from marketkit.errors import MarketkitError
from marketkit.net.transport import Transport
from marketkit.timeframe import is_relative
from marketkit.window import Time


async def hear(transport: Transport, *times: Time | None) -> None:
    """Ask for the exchange's time where one of some times counts back and nobody has heard it.

    Where none is to be had, the machine's will do.
    """
    if any(map(is_relative, times)) and not transport.clock.is_heard:
        with contextlib.suppress(MarketkitError):
            await transport.ask_time()


def by_its_clock(transport: Transport, make: Callable[[], Query], *times: Time | None) -> Query:
    """Make a query of a range; one that counts back is made again when the time is known.

    Its arguments are checked at once, before anybody is asked.
    """
    query = make()
    if transport.clock.is_heard or not (query.sends and any(map(is_relative, times))):
        return query

    async def fetch() -> Result:
        await hear(transport, *times)
        told = make()
        known = told.recall()
        return await told.fetch() if known is None else known

    return replace(query, fetch=fetch, recall=lambda: None)
