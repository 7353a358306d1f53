"""Strikes of faults: how often each strikes, after how many chances, and for which requests."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from marketkit.errors import InputError

PATHS: Final = ("market", "ticker", "orderbook", "candles", "trades", "archive")
NONE: Final = "none"  # the kind that forgets all orders
_HEADER: Final = re.compile(r"([A-Za-z0-9-]+):[ \t]*([\x01-\x09\x0e-\xff]*)")
_OF_SERVER: Final = ("content-length", "transfer-encoding")  # the server frames the body by them


class Fault(NamedTuple):
    """One fault that strikes now; the kind says how `value` is meant."""

    kind: str
    value: str

    @property
    def number(self) -> float:
        """The value of a kind that has a number."""
        return float(self.value)


class Defaults(NamedTuple):
    """Values that kinds have where none is given; some are numbers, some lines of a head."""

    values: Mapping[str, str]
    numbers: Collection[str] = ()
    lines: Collection[str] = ()

    def fault(self, kind: str, value: str | None = None) -> Fault:
        """Return a fault with a value; raise InputError for one that makes no sense."""
        if value is None:
            return Fault(kind, self.values.get(kind, ""))
        fault = Fault(kind, value)
        if kind in self.numbers and not _is_number(value):
            raise InputError(f"{kind}: {value[:40]!r} is no number of 0 or more")
        if kind in self.lines:
            header(f"X: {value}")
        if kind == "header":
            header(value)
        return fault


def _is_number(value: str) -> bool:
    try:
        return 0 <= float(value) < math.inf
    except ValueError:
        return False


def header(text: str) -> tuple[str, str]:
    """Return name and value of a header line; raise InputError for one that cannot be sent."""
    found = _HEADER.fullmatch(text)
    if found is None or found[1].lower() in _OF_SERVER:
        raise InputError(f"header {text[:40]!r} cannot be sent: it should look like Name: value")
    return found[1], found[2]


@dataclass(slots=True)
class Strike:
    """A fault for the next `times` chances, None for all, once `after` others have passed.

    A chance is a request to `path` that names `symbol` in its query, where these are given; for
    kinds of websockets a handshake or a frame. Of the archive a `symbol` is a market, the name of a
    file with or without its suffixes, a key, a folder, or one of "listing", "zip", "checksum".
    """

    kind: str
    times: int | None = 1
    value: str | None = None
    path: str | None = None
    symbol: str | None = None
    after: int = 0

    def strikes(self, kinds: Collection[str]) -> bool:
        """Whether the next chance is one to strike, by one of some kinds."""
        return self.kind in kinds and not self.after

    def meets(self, path: str | None, query: Collection[str]) -> bool:
        """Whether the order is for a request."""
        return self.path in {None, path} and (self.symbol is None or self.symbol.upper() in query)


class Strikes:
    """The orders that wait, oldest first; a used one is gone."""

    def __init__(self, defaults: Defaults) -> None:
        self._defaults = defaults
        self._waiting: list[Strike] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, order: Strike) -> None:
        """Have an order wait.

        Raises `InputError` for an unknown path, no times at all, and a value that makes no sense.
        """
        if order.path not in {None, *PATHS}:
            raise InputError(f"unknown path {order.path!r}; there are {', '.join(PATHS)}")
        if (order.times is not None and order.times < 1) or order.after < 0:
            raise InputError(f"{order.kind} {order.times} times after {order.after} is no order")
        self._defaults.fault(order.kind, order.value)
        self._waiting.append(order)

    def forget(self) -> None:
        """Drop all that waits."""
        self._waiting.clear()

    def met(
        self, kinds: Collection[str], path: str | None = None, query: Collection[str] = ()
    ) -> list[Strike]:
        """Return the orders of some kinds for which this is a chance."""
        return [each for each in self._waiting if each.kind in kinds and each.meets(path, query)]

    def use(self, orders: Iterable[Strike]) -> list[Fault]:
        """Return the faults of orders that were met; one that lets this chance pass has none."""
        ready = []
        for order in orders:
            if order.after:
                order.after -= 1
            else:
                ready.append(self._defaults.fault(order.kind, order.value))
                order.times = None if order.times is None else order.times - 1
            if order.times == 0 and order in self._waiting:
                self._waiting.remove(order)  # in place: another thread may add one meanwhile
        return ready

    def rows(self) -> list[dict[str, Any]]:
        """Return the waiting orders; times of None are without end."""
        return [asdict(order) for order in self._waiting]
