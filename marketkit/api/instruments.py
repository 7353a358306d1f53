"""Tick sizes and levels of markets: asked for by batches, kept for some minutes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from marketkit.api.batches import Batches, Listing
from marketkit.cache.cached_request import CachedRequest
from marketkit.cache.store import ResponseStore
from marketkit.cache.ttl import RULES
from marketkit.errors import BadResponse, MarketkitError
from marketkit.exchange.dialect import Priority, Request
from marketkit.exchange.upbit import bodies as upbit_bodies
from marketkit.exchange.upbit import rest as upbit_rest
from marketkit.exchange.upbit.members import read_members
from marketkit.net.transport import Transport
from marketkit.schema import INSTRUMENT, empty

_LIFE = int(RULES["instrument"].most)


class Instruments:
    """The instruments of one exchange. Use an object on the engine's loop only."""

    def __init__(self, transport: Transport, store: ResponseStore | None, listing: Listing) -> None:
        self._transport = transport
        self._store = store
        self._batches: Batches[pl.DataFrame] = Batches(listing, "tick size")
        self._requests: dict[Request, CachedRequest] = {}
        self._odd: dict[str, BadResponse] = {}

    async def of(
        self, symbols: Sequence[str], priority: Priority
    ) -> tuple[pl.DataFrame, dict[str, MarketkitError]]:
        """Give `schema.INSTRUMENT` of some listed markets, and the failures of the others."""
        known, self._requests = self._requests, {}

        async def send(names: Sequence[str]) -> Mapping[str, pl.DataFrame | MarketkitError]:
            request = upbit_rest.instrument_request(names)
            asked = self._requests[request] = known.get(request) or self._asks(request)
            rows = (await asked.get(priority)).frame
            odd = {name: self._odd[name] for name in names if name in self._odd}
            return odd | dict.fromkeys(rows["symbol"], rows)

        parts = await self._batches.ask(upbit_rest.batches(symbols), send, priority)
        failures = {
            name: part for name in symbols if isinstance(part := parts[name], MarketkitError)
        }
        frames = {id(part): part for part in parts.values() if isinstance(part, pl.DataFrame)}
        rows = pl.concat([empty(INSTRUMENT), *frames.values()])
        wanted = rows.filter(pl.col("symbol").is_in([*set(symbols) - failures.keys()]))
        return wanted.unique("symbol"), failures

    async def settled(self) -> None:
        """Wait until the answers are kept."""
        for each in self._requests.values():
            await each.settled()

    def _asks(self, request: Request) -> CachedRequest:
        return CachedRequest(self._transport, self._store, request, self._read, _LIFE)

    def _read(self, body: bytes) -> pl.DataFrame:
        rows, failures = read_members(upbit_bodies.decode_instruments, body)
        self._odd.update(failures)
        for symbol in rows["symbol"]:
            self._odd.pop(symbol, None)
        return rows
