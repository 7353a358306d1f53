"""Answers to handshakes, right ones and faulty ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from marketkit.sandbox.faulty.answers import location
from marketkit.sandbox.faulty.strikes import Fault
from marketkit.sandbox.stream.wire import Admission

_TOO_MANY: Final = "Too many API requests."


def met(fault: Fault | None, status: int, port: int) -> Admission:
    """Return the answer to a handshake that the limits give a status; `port` is the exchange's."""
    if status != 200:
        return Admission(status, _TOO_MANY)
    meet = _MEETINGS.get(fault.kind) if fault else None
    return Admission(101) if fault is None or meet is None else meet(fault, port)


def _refuse(fault: Fault, _: int) -> Admission:
    headers = (("Retry-After", fault.value),) if fault.value else ()
    return Admission(429, _TOO_MANY, headers=headers)


def _redirect(fault: Fault, port: int) -> Admission:
    where = location(fault.value or f"ws://localhost:{port}", "/websocket/v1")
    return Admission(302, headers=(("Location", where.replace("http", "ws", 1)),))


_MEETINGS: Final[dict[str, Callable[[Fault, int], Admission]]] = {
    "refuse": _refuse,
    "redirect-handshake": _redirect,
    "endless-handshake": lambda fault, _: Admission(101, pause=fault.number),
}
