"""The sandbox's own endpoints: statistics, clock, markets, faults, recent requests."""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

from marketkit.errors import InputError
from marketkit.sandbox.clock import Clock
from marketkit.sandbox.faults import Faults
from marketkit.sandbox.faulty.strikes import Strike
from marketkit.sandbox.markets import Markets, Order
from marketkit.sandbox.odd import Odd, Rule
from marketkit.sandbox.reply import Reply, no_route
from marketkit.sandbox.stream.hub import Hub
from marketkit.sandbox.stream.switches import Setting

Values = dict[str, str]  # the parameters of a request
_DEFAULT_PORT: Final = 80  # of HTTP: a Host need not name it
_ALWAYS: Final = "always"  # how often a fault strikes that strikes without end


class Controlled(Protocol):
    """The exchange as seen by the control endpoints."""

    clock: Clock
    faults: Faults
    hub: Hub
    odd: Odd
    requests: deque[dict[str, Any]]

    @property
    def markets(self) -> Markets:
        """The register of markets."""
        ...

    def strike(self, strike: Strike) -> None:
        """Have a fault strike."""
        ...

    def strikes(self) -> list[dict[str, Any]]:
        """Return the waiting faults."""
        ...

    def set_market(self, order: Order) -> None:
        """Have something happen to a market."""
        ...

    def set_odd(self, rule: Rule) -> None:
        """Have rows be odd."""
        ...

    def set_stream(self, setting: Setting) -> None:
        """Turn switches of the websockets."""
        ...

    def stats(self) -> dict[str, Any]:
        """Return the counts of everything."""
        ...

    def reset_stats(self) -> None:
        """Forget the counts."""
        ...

    def set_faults(self, table: Mapping[str, float]) -> None:
        """Put another table of faults in place of the old one."""
        ...


def is_own(headers: Iterable[tuple[bytes, bytes]], server: tuple[str, int]) -> bool:
    """Whether a request names the address listened on, and comes from no page of another origin.

    A page of another origin says so. One whose name was pointed at this machine (DNS rebinding)
    is of the same origin for its browser, but the host that it asks is still that name.
    """
    host, port = server
    own = f"{host}:{port}".encode()
    hosts = [value for name, value in headers if name == b"host"]
    origins = [value for name, value in headers if name == b"origin"]
    named = {own, host.encode()} if port == _DEFAULT_PORT else {own}
    return (
        len(hosts) == 1
        and hosts[0] in named
        and set(origins) <= {b"http://" + each for each in named}
    )


def answer_control(app: Controlled, method: str, path: str, query: str) -> Reply:
    """Answer a path below /sandbox; bad values are a 400 with a message."""
    answer = _ANSWERS.get(f"{method} {path.removeprefix('/sandbox/')}")
    if answer is None:
        return no_route()
    try:
        body = answer(app, dict(parse_qsl(query)))
    except InputError as error:
        return Reply(400, json.dumps({"error": {"name": 400, "message": str(error)}}).encode())
    return Reply(200, json.dumps(body).encode())


def _set_clock(app: Controlled, values: Values) -> dict[str, Any]:
    """Set the clock by `now` or `advance` (ms from the present time), and the `speed`."""
    now, speed = values.get("now"), values.get("speed")
    step = values.get("advance")
    start = app.clock.now() + round(number(step)) if step is not None else None
    app.clock.set(start if now is None else moment(now), None if speed is None else number(speed))
    return _clock(app, values)


def _clock(app: Controlled, _: Values) -> dict[str, Any]:
    now = app.clock.now()
    return {"now": iso(now), "ms": now, "speed": app.clock.speed}


def _reset(app: Controlled, _: Values) -> dict[str, Any]:
    app.reset_stats()
    return app.stats()


def _set_faults(app: Controlled, values: Values) -> dict[str, float]:
    app.set_faults({kind: number(value) for kind, value in values.items()})
    return _faults(app, values)


def _faults(app: Controlled, _: Values) -> dict[str, float]:
    return app.faults.table | app.hub.faults.table


def _strike(app: Controlled, values: Values) -> dict[str, int]:
    times, seconds = values.get("times", "1"), values.get("seconds")
    app.strike(
        Strike(
            _needed(values, "kind"),
            None if times == _ALWAYS else round(number(times)),
            values.get("value", seconds),
            path=values.get("path"),
            symbol=values.get("symbol"),
            after=round(number(values.get("after", "0"))),
        )
    )
    return app.faults.stats() | app.hub.faults.stats()


def _set_market(app: Controlled, values: Values) -> list[dict[str, Any]]:
    at = values.get("at")
    when = app.clock.now() if at is None else moment(int(at) if at.isdigit() else at)
    symbol, event = _needed(values, "symbol"), _needed(values, "event")
    app.set_market(Order(symbol, event, when, values.get("to")))
    return _orders(app, values)


def _orders(app: Controlled, _: Values) -> list[dict[str, Any]]:
    return [order._asdict() | {"at": iso(order.at)} for order in app.markets.orders]


def _set_odd(app: Controlled, values: Values) -> list[dict[str, Any]]:
    app.set_odd(Rule(_needed(values, "kind"), values.get("symbol"), values.get("path")))
    return _rules(app, values)


def _rules(app: Controlled, _: Values) -> list[dict[str, Any]]:
    return [rule._asdict() for rule in app.odd.rules]


def _set_stream(app: Controlled, values: Values) -> dict[str, Any]:
    every = values.get("break_every")
    app.set_stream(
        Setting(
            values.get("symbol"),
            silent=_flag(values, "silent"),
            break_every=None if every is None else number(every),
            opens=_flag(values, "opens"),
        )
    )
    return app.hub.switches.state()


_ANSWERS: Final[Mapping[str, Callable[[Controlled, Values], Any]]] = {
    "GET stats": lambda app, _: app.stats(),
    "POST stats/reset": _reset,
    "GET clock": _clock,
    "POST clock": _set_clock,
    "GET faults": _faults,
    "POST faults": _set_faults,
    "GET strike": lambda app, _: app.strikes(),
    "POST strike": _strike,
    "GET markets": _orders,
    "POST markets": _set_market,
    "GET odd": _rules,
    "POST odd": _set_odd,
    "GET stream": lambda app, _: app.hub.switches.state(),
    "POST stream": _set_stream,
    "GET connections": lambda app, _: app.hub.rows(),
    "GET requests": lambda app, _: list(app.requests),
}


def _needed(values: Values, name: str) -> str:
    if name not in values:
        raise InputError(f"{name}= is missing")
    return values[name]


def _flag(values: Values, name: str) -> bool | None:
    value = values.get(name)
    if value is None:
        return None
    if value.lower() not in {"true", "false"}:
        raise InputError(f"{name}={value!r} is neither true nor false")
    return value.lower() == "true"


def iso(time: int) -> str:
    """Return ms UTC as an ISO text."""
    return datetime.fromtimestamp(time / 1000, UTC).isoformat(timespec="milliseconds")


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
        found = float(value)
    except ValueError:
        raise InputError(f"{value!r} is no number") from None
    if not math.isfinite(found):
        raise InputError(f"{value!r} is no number")
    return found


def numbers(**given: object) -> None:
    """Refuse arguments that are no numbers, or are negative; by name."""
    for name, value in given.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= value < math.inf:  # type: ignore[operator]
            raise InputError(f"{name}={value!r} is no number: give one that is not negative")
