"""Pages of trades of days that are over, kept beyond the process: none will change any more."""

from __future__ import annotations

import asyncio

from marketkit.cache.store import ResponseStore
from marketkit.clock import age_clock
from marketkit.exchange.dialect import Request, Response
from marketkit.exchange.upbit.rest import TRADE_DAYS
from marketkit.net.transport import Transport
from marketkit.timeframe import DAY, MINUTE

_SETTLE = 10 * MINUTE  # after midnight UTC, for trades that are booked late
_LIFE = (TRADE_DAYS + 1) * DAY  # the exchange itself does not give them for longer


class TradePageCache:
    """Looks up and keeps single pages, by market, day and place in the day.

    Use it on the engine's loop; without a store nothing is kept.
    """

    def __init__(self, transport: Transport, store: ResponseStore | None) -> None:
        self._transport = transport
        self._store = store
        self._keeping: set[asyncio.Task[None]] = set()

    async def get(self, request: Request) -> Response | None:
        """Give the kept page that answers a request, or None."""
        now = self._transport.now()
        key = self._key(request, now)
        if self._store is None or key is None:
            return None
        kept = await self._store.get(key, now=now)
        if kept is None:
            return None
        return Response(200, {}, kept.body, now, age_clock() - (now - kept.made_at))

    def keep(self, request: Request, response: Response) -> None:
        """Keep a page of a day that is over; nobody need wait for a disk."""
        key = self._key(request, response.at)
        if self._store is not None and key is not None:
            until = response.at + _LIFE
            put = self._store.put(key, response.body, made_at=response.at, expires_at=until)
            task = asyncio.create_task(put)
            self._keeping.add(task)
            task.add_done_callback(self._keeping.discard)

    async def settled(self) -> None:
        """Wait until all answers are kept."""
        if self._keeping:
            await asyncio.wait(self._keeping)

    def _key(self, request: Request, at: int) -> str | None:
        """Name a page by date, which the exchange counts back from today; None for today's."""
        params = dict(request.params)
        day = at // DAY - int(params.pop("days_ago", 0))
        if at < (day + 1) * DAY + _SETTLE:
            return None
        place = "&".join(f"{name}={value}" for name, value in params.items())
        return f"{self._transport.endpoint}{request.path}?{place}#{day}"
