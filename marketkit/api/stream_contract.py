"""The exchange's stream compared with the dialect's expectations: one message of each type."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from marketkit.api.findings import Finding, of_exchange
from marketkit.api.probes import opened
from marketkit.errors import MarketkitError
from marketkit.exchange.upbit import contract
from marketkit.exchange.upbit.channels import channel, channel_names, timeframe_of
from marketkit.exchange.upbit.contract import Difference
from marketkit.exchange.upbit.stream import PATH, Decoder, subscription
from marketkit.net.transport import Transport
from marketkit.realtime.connection import Timing, shake_hands
from marketkit.settings import largest_answer

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

# Seconds to wait for a first message of each type: snapshots come within half of one.
_PATIENCE = 10.0


async def look_at_stream(transport: Transport, symbol: str) -> list[Finding]:
    """Subscribe to every type of a market, and compare the first message of each."""
    from websockets.exceptions import WebSocketException  # noqa: PLC0415 - slow to import

    wanted = {channel(name): [symbol] for name in channel_names()}
    came: dict[str, list[Finding]] = {}
    try:
        socket = await _open(transport)
        try:
            await socket.send(subscription(str(uuid.uuid4()), wanted))
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await _listen(socket, symbol, set(wanted), came)
        finally:
            socket.transport.abort()
    except (OSError, MarketkitError, WebSocketException) as failure:
        return [of_exchange("bad", "stream", f"{failure or type(failure).__name__}")]
    missing = sorted(set(wanted) - set(came))
    silent = [of_exchange("bad", f"stream {one}", "no message came") for one in missing]
    return [each for one in came.values() for each in one] + silent


async def _open(transport: Transport) -> ClientConnection:
    """Shake hands when this machine's turn has come."""
    budget, url = transport.connects(), "ws" + transport.endpoint.removeprefix("http") + PATH
    while not (slot := await budget.acquire("high")).fresh():
        slot.unsent()
    try:
        socket = await shake_hands(url, Timing(), largest_answer())
        slot.done(101)
    finally:
        slot.lost()  # unless the answer came, which already ended the slot
    return socket


async def _listen(
    socket: ClientConnection, symbol: str, wanted: set[str], came: dict[str, list[Finding]]
) -> None:
    decoder = Decoder()
    while wanted - set(came):
        raw = await socket.recv(decode=False)
        for told in _parts(raw):
            name = str(told.get("ty"))
            if name not in came:
                found = list(_differences(told, name, symbol, raw, decoder))
                said = [of_exchange(each.severity, f"stream {name}", each.said) for each in found]
                good = of_exchange("good", f"stream {name}", f"{len(told)} fields, as expected")
                came[name] = said or [good]


def _parts(raw: bytes) -> Iterator[Mapping[str, Any]]:
    """Give the messages of a frame; one that is no JSON is a message of no type."""
    try:
        found = json.loads(raw)
    except ValueError:
        found = {"ty": "that is no JSON"}
    for part in found if isinstance(found, list) else [found]:
        if not isinstance(part, dict):
            yield {"ty": "that is no object"}
        elif "status" not in part:  # a heartbeat
            yield part


def _differences(
    told: Mapping[str, Any], name: str, symbol: str, raw: bytes, decoder: Decoder
) -> Iterator[Difference]:
    shape = contract.STREAMS.get(name.partition(".")[0])
    if shape is None:
        yield Difference("bad" if "error" in told else "note", f"a message came: {raw[:80]!r}")
        return
    found = [
        *contract.compare([told], shape),
        *contract.hollow([told], "obu"),
        *contract.strangers([told], "cd", [symbol]),
        *(_of_slot(told, name) if name.startswith("candle.") else ()),
    ]
    yield from found
    try:
        decoder.decode(raw)
    except MarketkitError as refused:
        if all(each.severity == "note" for each in found):
            yield Difference("bad", str(refused).partition("\n")[0])


def _of_slot(told: Mapping[str, Any], name: str) -> Iterator[Difference]:
    """Compare the start of a candle with the width, and with the moment of the message."""
    start, sent = opened(told.get("cdttmu")), told.get("tms")
    if start is None:
        yield Difference("bad", f"cdttmu is no time: {told.get('cdttmu')!r}")
    elif timeframe_of(name).floor(start) != start:
        yield Difference("bad", f"the candle starts beside the slots: {told['cdttmu']}")
    elif isinstance(sent, int) and start > sent:
        yield Difference("bad", f"the candle starts in the future: {told['cdttmu']}")
