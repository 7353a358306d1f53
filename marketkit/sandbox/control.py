"""The sandbox's own endpoints: statistics, clock, faults, recent requests."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl

from marketkit.errors import InputError
from marketkit.sandbox.clock import Clock
from marketkit.sandbox.faults import Faults
from marketkit.sandbox.reply import Reply, no_route
from marketkit.sandbox.stream.hub import Hub


class Controlled(Protocol):
    """The exchange as these endpoints see it."""

    clock: Clock
    faults: Faults
    hub: Hub
    requests: deque[dict[str, Any]]

    def stats(self) -> dict[str, Any]:
        """Return the counts of everything."""
        ...

    def reset_stats(self) -> None:
        """Forget the counts."""
        ...

    def set_faults(self, table: Mapping[str, float]) -> None:
        """Put another table of faults in place of the old one."""
        ...


def answer_control(app: Controlled, method: str, path: str, query: str) -> Reply:
    """Answer a path below /sandbox; bad values are a 400 with a message."""
    values = dict(parse_qsl(query))
    try:
        answer = _answer(app, f"{method} {path.removeprefix('/sandbox/')}", values)
    except InputError as error:
        return Reply(400, json.dumps({"error": {"name": 400, "message": str(error)}}).encode())
    return no_route() if answer is None else Reply(200, json.dumps(answer).encode())


def _answer(app: Controlled, request: str, values: dict[str, str]) -> Any:
    answer: Any = None
    match request:
        case "GET stats":
            answer = app.stats()
        case "POST stats/reset":
            app.reset_stats()
            answer = app.stats()
        case "GET clock":
            answer = _clock(app)
        case "POST clock":
            _set_clock(app, values)
            answer = _clock(app)
        case "GET faults":
            answer = app.faults.table | app.hub.faults.table
        case "POST faults":
            app.set_faults({kind: number(value) for kind, value in values.items()})
            answer = app.faults.table | app.hub.faults.table
        case "POST strike":
            _strike(app, values)
            answer = app.hub.faults.stats()
        case "GET connections":
            answer = app.hub.rows()
        case "GET requests":
            answer = list(app.requests)
    return answer


def _set_clock(app: Controlled, values: dict[str, str]) -> None:
    """Set the clock by `now` or `advance` (ms from the present time), and the `speed`."""
    now, speed = values.get("now"), values.get("speed")
    step = values.get("advance")
    start = app.clock.now() + round(number(step)) if step is not None else None
    app.clock.set(start if now is None else moment(now), None if speed is None else number(speed))


def _strike(app: Controlled, values: dict[str, str]) -> None:
    seconds = values.get("seconds")
    app.hub.faults.order(
        values.get("kind", ""),
        round(number(values.get("times", "1"))),
        None if seconds is None else number(seconds),
    )


def _clock(app: Controlled) -> dict[str, Any]:
    now = app.clock.now()
    text = datetime.fromtimestamp(now / 1000, UTC).isoformat(timespec="milliseconds")
    return {"now": text, "ms": now, "speed": app.clock.speed}


def moment(value: str | int | datetime) -> int:
    """Return an ISO text, an aware datetime or ms as ms UTC; a text without offset is UTC."""
    if isinstance(value, int):
        return value
    try:
        parsed = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise InputError(f"{value!r} is no ISO date and time") from None
    if parsed.tzinfo is None:
        if not isinstance(value, str):
            raise InputError("a naive datetime names no moment: give it a zone")
        parsed = parsed.replace(tzinfo=UTC)
    return round(parsed.timestamp() * 1000)


def number(value: str) -> float:
    """Return a text as a number."""
    try:
        return float(value)
    except ValueError:
        raise InputError(f"{value!r} is no number") from None
