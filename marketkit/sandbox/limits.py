"""Rate limits of the exchange: windows, groups, and counts of requests."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal, Protocol

from marketkit.errors import InputError

WindowKind = Literal["first-call", "sliding", "clock"]
Rate = tuple[int, float]  # so many requests in so many seconds

DEFAULT_RATE: Final[Rate] = (10, 1.0)  # as documented for every group of quotations
_OWN_RATES: Final[Mapping[str, Rate]] = {"origin": (1, 10.0), "websocket": (5, 1.0)}
_REST: Final = ("market", "candles", "crix-trades", "ticker", "orderbook")
GROUPS: Final = (*_REST, *_OWN_RATES)
_BAN_WATCH_S: Final = 10.0  # refusals further apart are no storm
_BAN_S: Final = 60.0  # the shortest ban a client must be ready for


class Window(Protocol):
    """Counts accepted calls; rejected ones never count."""

    def admit(self, now: float) -> bool:
        """Take a place if there is one."""
        ...

    def left(self, now: float) -> int:
        """Return how many places are free."""
        ...


class FixedWindow:
    """A window that ends a period after the opening.

    It is opened by the first counted call (the measured behaviour), or `aligned`: at whole
    multiples of the period.
    """

    def __init__(self, rate: Rate, *, aligned: bool) -> None:
        self._most, self._period = rate
        self._aligned = aligned
        self._opened, self._used = -math.inf, 0

    def left(self, now: float) -> int:
        """Return how many places are free."""
        return self._most - (self._used if now - self._opened < self._period else 0)

    def admit(self, now: float) -> bool:
        """Take a place if there is one."""
        if now - self._opened >= self._period:
            self._opened = now // self._period * self._period if self._aligned else now
            self._used = 0
        if self._used >= self._most:
            return False
        self._used += 1
        return True


class SlidingWindow:
    """At most so many accepted calls in any span as long as the period."""

    def __init__(self, rate: Rate) -> None:
        self._most, self._period = rate
        self._accepted: deque[float] = deque()

    def left(self, now: float) -> int:
        """Return how many places are free."""
        while self._accepted and self._accepted[0] <= now - self._period:
            self._accepted.popleft()
        return self._most - len(self._accepted)

    def admit(self, now: float) -> bool:
        """Take a place if there is one."""
        if not self.left(now):
            return False
        self._accepted.append(now)
        return True


WINDOWS: Final[Mapping[WindowKind, Callable[[Rate], Window]]] = {
    "first-call": partial(FixedWindow, aligned=False),
    "sliding": SlidingWindow,
    "clock": partial(FixedWindow, aligned=True),
}


@dataclass(slots=True)
class Group:
    """One rate group: the window and all arrivals, accepted or not."""

    name: str
    rate: Rate
    window: Window
    requests: int = 0
    rejected: int = 0
    worst: int = 0
    _recent: deque[float] = field(default_factory=deque)

    def arrive(self, now: float) -> None:
        """Note an arrival: `worst` is the most arrivals in any span of one period."""
        self.requests += 1
        self._recent.append(now)
        while self._recent[0] <= now - self.rate[1]:
            self._recent.popleft()
        self.worst = max(self.worst, len(self._recent))

    def reset(self) -> None:
        """Set the counts to zero; the window goes on."""
        self.requests = self.rejected = self.worst = 0
        self._recent.clear()

    def remaining(self, now: float) -> str:
        """Return the value of the Remaining-Req header."""
        per_minute = round(self.rate[0] * 60 / self.rate[1])
        return f"group={self.name}; min={per_minute}; sec={self.window.left(now)}"


class Limits:
    """All groups of one client address, and the ban for clients that ignore 429.

    Times are real monotonic seconds, never the sandbox clock. With `ban_after` above 0 so many
    429s within 10 s answer 418 to everything for 60 s.
    """

    def __init__(
        self,
        rates: Mapping[str, Rate],
        window: WindowKind = "first-call",
        ban_after: int = 0,
    ) -> None:
        if window not in WINDOWS:
            raise InputError(f"unknown window {window!r}; there are {', '.join(WINDOWS)}")
        make = WINDOWS[window]
        self.window: WindowKind = window
        self.groups = {name: Group(name, rate, make(rate)) for name, rate in rates.items()}
        self._ban_after = ban_after
        self._refusals: deque[float] = deque(maxlen=ban_after or 1)
        self._banned_until = -math.inf

    def admit(self, name: str, now: float) -> Literal[200, 418, 429]:
        """Count one arrival and return the status by the limits."""
        group = self.groups[name]
        group.arrive(now)
        if now < self._banned_until:
            group.rejected += 1
            return 418
        if group.window.admit(now):
            return 200
        group.rejected += 1
        self._refuse(now)
        return 429

    def _refuse(self, now: float) -> None:
        self._refusals.append(now)
        full = self._ban_after and len(self._refusals) == self._ban_after
        if full and now - self._refusals[0] <= _BAN_WATCH_S:
            self._banned_until = now + _BAN_S
            self._refusals.clear()

    def banned_for(self, now: float) -> int:
        """Return the whole seconds a ban still lasts."""
        return math.ceil(max(0.0, self._banned_until - now))

    def stats(self) -> dict[str, dict[str, int]]:
        """Return each group's counts, by the wire's group names."""
        return {
            name: {
                "requests": group.requests,
                "rejected": group.rejected,
                "worst_1s": group.worst,
            }
            for name, group in self.groups.items()
        }

    def reset(self) -> None:
        """Set all counts to zero."""
        for group in self.groups.values():
            group.reset()


class Visitors:
    """The limits of every client address, each with separate windows and a ban."""

    def __init__(
        self, rates: Mapping[str, Rate], window: WindowKind = "first-call", ban_after: int = 0
    ) -> None:
        self._new = partial(Limits, rates, window, ban_after)
        self._nobody = self._new()  # refuses an unknown window at once
        self._known: dict[str, Limits] = {}

    @property
    def window(self) -> WindowKind:
        """The kind of every window."""
        return self._nobody.window

    def of(self, address: str) -> Limits:
        """Return the limits of one address."""
        if address not in self._known:
            self._known[address] = self._new()
        return self._known[address]

    def stats(self) -> dict[str, dict[str, int]]:
        """Return each group's counts of all addresses; `worst_1s` is that of the worst address."""
        total = self._nobody.stats()
        for limits in list(self._known.values()):
            for name, counts in limits.stats().items():
                group = total[name]
                group["requests"] += counts["requests"]
                group["rejected"] += counts["rejected"]
                group["worst_1s"] = max(group["worst_1s"], counts["worst_1s"])
        return total

    def by_address(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return each group's counts for each address that has asked since the last reset."""
        told = {address: limits.stats() for address, limits in list(self._known.items())}
        return {
            address: groups
            for address, groups in told.items()
            if any(counts["requests"] for counts in groups.values())
        }

    def reset(self) -> None:
        """Set all counts to zero."""
        for limits in list(self._known.values()):
            limits.reset()


def rates(limit: Rate | Mapping[str, Rate]) -> dict[str, Rate]:
    """Return the rate of every group; one rate stands for all but `origin` and `websocket`.

    The group `websocket` counts handshakes.

    Raises `InputError` for an unknown group or a rate that lets nothing through.
    """
    named = limit if isinstance(limit, Mapping) else dict.fromkeys(_REST, limit)
    for name, (count, seconds) in named.items():
        if name not in GROUPS:
            raise InputError(f"unknown rate group {name!r}; there are {', '.join(GROUPS)}")
        if count < 1 or not seconds > 0:
            raise InputError(f"limit {count}/{seconds} of {name} lets nothing through")
    return dict.fromkeys(_REST, DEFAULT_RATE) | dict(_OWN_RATES) | dict(named)
