"""The exchange compared with the dialect's expectations: one paced request of each kind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field

from marketkit.api import probes
from marketkit.api.findings import Finding, of_exchange
from marketkit.api.probes import Probe
from marketkit.api.stream_contract import look_at_stream
from marketkit.errors import MarketkitError
from marketkit.exchange.dialect import Response
from marketkit.exchange.upbit import contract
from marketkit.exchange.upbit.contract import Row
from marketkit.exchange.upbit.limits import parse_remaining
from marketkit.net.exchange_clock import parse_date
from marketkit.net.transport import Transport
from marketkit.timeframe import TIMEFRAMES


async def look_at_exchange(transport: Transport) -> list[Finding]:
    """Look at REST and at the stream of an exchange; some twenty requests, all paced."""
    one = Contract(transport)
    # What this process sent just now must not look like somebody else's requests.
    await asyncio.sleep(1.1 * transport.limit("market").seconds)
    found = [each async for each in one.look()]
    if one.symbols:
        found += await look_at_stream(transport, one.symbols[0])
    return found


@dataclass(slots=True)
class Contract:
    """One look at an exchange; `left` are the calls that answers of each group left, at most."""

    transport: Transport
    left: dict[str, int] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    symbols: list[str] = field(default_factory=list)

    async def look(self) -> AsyncIterator[Finding]:
        """Ask for each kind of data once, and compare each answer."""
        listed = await self._rows(probes.markets())
        for each in listed.findings:
            yield each
        self.symbols = probes.chosen([str(row.get("market")) for row in listed.rows])
        if not self.symbols:
            yield of_exchange(
                "bad", "markets", "no market is listed, so nothing else can be asked for"
            )
            return
        for probe in self._probes([str(row.get("market")) for row in listed.rows]):
            for each in (await self._rows(probe)).findings:
                yield each
        for each in self._answers():
            yield each

    def _probes(self, listed: Sequence[str]) -> Iterator[Probe]:
        yield probes.all_tickers(listed)
        yield probes.tickers(self.symbols)
        yield probes.books(self.symbols)
        yield probes.levels(self.symbols)
        now = self.transport.now()
        yield probes.trades(self.symbols[0], now)
        for name, shape in contract.CANDLES.items():
            yield probes.candles(self.symbols[0], TIMEFRAMES[name], shape, now)

    async def _rows(self, probe: Probe) -> _Answer:
        try:
            response = await self.transport.send(probe.request, "high")
            rows = objects_of(response.body)
        except (MarketkitError, ValueError) as failure:
            return _Answer([], [of_exchange("bad", probe.name, str(failure))])
        self._heard(probe, response)
        found = list(probes.differences(probe, response.body, rows))
        good = f"{len(rows)} rows of {len(probe.shape.fields)} fields, all as expected"
        said = [of_exchange(each.severity, probe.name, each.said) for each in found]
        return _Answer(rows, said or [of_exchange("good", probe.name, good)])

    def _heard(self, probe: Probe, response: Response) -> None:
        """Keep the limits that headers tell, and the faults of headers."""
        group = probe.request.group
        remaining = parse_remaining(response.headers.get("remaining-req"))
        if remaining is None:
            self.headers[probe.name] = "no Remaining-Req"
        elif remaining.group != group:
            self.headers[probe.name] = f"is counted in {remaining.group}, not {group}"
        else:
            self.left[group] = max(self.left.get(group, 0), remaining.seconds)
        if parse_date(response.headers.get("date")) is None:
            self.headers[probe.name] = "no Date, by which all times go"
        kind = response.headers.get("content-type", "nothing")
        if not kind.startswith("application/json"):
            self.headers[probe.name] = f"Content-Type is {kind}"

    def _answers(self) -> Iterator[Finding]:
        """Tell of headers and limits, over all answers."""
        for name, said in self.headers.items():
            yield of_exchange("bad", "headers", f"{name}: {said}")
        if not self.headers:
            yield of_exchange("good", "headers", "Remaining-Req, Date and Content-Type are there")
        wrong = list(self._limits())
        yield from wrong
        if self.left and not wrong:
            groups = ", ".join(sorted(self.left))
            yield of_exchange("good", "limits", f"as expected for {groups}")

    def _limits(self) -> Iterator[Finding]:
        for group, left in sorted(self.left.items()):
            wanted = self.transport.limit(group).requests
            if left + 1 > wanted:
                said = (
                    f"{group}: {left + 1} requests a second are allowed, marketkit sends {wanted}"
                )
                yield of_exchange("note", "limits", said)
            elif left + 1 < wanted:
                said = f"{group}: at most {left} were left after one, and not {wanted - 1}"
                do = "others ask from this address, or the limit is lower now"
                yield Finding("look", "live limits", said, do)


@dataclass(frozen=True, slots=True)
class _Answer:
    rows: Sequence[Row]
    findings: list[Finding]


def objects_of(body: bytes) -> list[Row]:
    """Give the objects in the list that a body is; none where that is anything else."""
    found = json.loads(body)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
