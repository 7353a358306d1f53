"""An exchange and any number of processes in virtual time, driving the real Budget."""

from __future__ import annotations

import asyncio
import math
import random
import selectors
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from marketkit.exchange.dialect import RateLimit
from marketkit.net.budget.budget import Budget, Slot

START = 1000.0
N = 10


class _VirtualSelector(selectors.SelectSelector):
    """Never sleeps: the time asked for passes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("nothing will ever happen again")
        self.now += max(0.0, timeout)
        return super().select(0)


class _VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock is the selector's."""

    def __init__(self) -> None:
        self.selector = _VirtualSelector()
        super().__init__(self.selector)

    def time(self) -> float:
        return self.selector.now


class _Sliding:
    """At most N in any second; rejected calls are not counted."""

    def __init__(self) -> None:
        self.log: deque[float] = deque()

    def hit(self, now: float) -> tuple[bool, int]:
        while self.log and self.log[0] <= now - 1.0:
            self.log.popleft()
        accepted = len(self.log) < N
        if accepted:
            self.log.append(now)
        return accepted, N - len(self.log)


class _FirstCall:
    """At most N in a second that the first call opens."""

    start = -math.inf
    count = 0

    def hit(self, now: float) -> tuple[bool, int]:
        if now - self.start >= 1.0:
            self.start, self.count = now, 0
        accepted = self.count < N
        self.count += accepted
        return accepted, N - self.count


class _ClockSecond(_FirstCall):
    """At most N in a second of the wall clock."""

    def hit(self, now: float) -> tuple[bool, int]:
        return super().hit(now) if math.floor(now) == self.start else self._next(now)

    def _next(self, now: float) -> tuple[bool, int]:
        self.start, self.count = math.floor(now), 1
        return True, N - 1


WINDOWS = {"sliding": _Sliding, "first-call": _FirstCall, "clock": _ClockSecond}


class Arrival(NamedTuple):
    """When a request was counted, who sent it (a process, or -1), and whether it was accepted."""

    at: float
    who: int
    accepted: bool


@dataclass
class Outcome:
    """What the exchange saw, and how long critical calls waited."""

    arrivals: list[Arrival] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    @property
    def rejected(self) -> int:
        """How many of our requests were."""
        return sum(not a.accepted for a in self.arrivals if a.who >= 0)

    @property
    def narrowest(self) -> float:
        """The smallest span of 11 arrivals: above a second, no window of any kind is exceeded."""
        at = [a.at for a in self.arrivals if a.accepted or a.who >= 0]
        return min((b - a for a, b in zip(at, at[N:], strict=False)), default=math.inf)

    def rate(self, start: float, end: float) -> float:
        """Our accepted requests a second between two moments."""
        ours = sum(a.accepted and a.who >= 0 and start <= a.at < end for a in self.arrivals)
        return ours / (end - start)

    def shares(self, start: float) -> Counter[int]:
        """Requests by process after a moment."""
        return Counter(a.who for a in self.arrivals if a.who >= 0 and a.at > start)


@dataclass(frozen=True)
class World:
    """One trial: see the fields; times in seconds, `jitter` is the mean added each way."""

    directory: Path
    window: str = "sliding"
    processes: int = 1
    rtt: float = 0.015
    jitter: float = 0.0
    heavy_tail: bool = False
    seconds: float = 60.0
    seed: int = 1
    frozen: float = 0.0  # how often a process freezes between its turn and the write
    critical: bool = False  # one more process asks for a critical slot now and then
    others: float = 0.0  # requests a second of somebody who does not share the budget
    others_from: float = 30.0


class _Trial:
    """Runs a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random = random.Random(world.seed)
        self.window = WINDOWS[world.window]()
        self.loop = _VirtualLoop()
        self.outcome = Outcome()
        self.requests: set[asyncio.Task[None]] = set()

    def now(self) -> float:
        return self.loop.time() - START

    def run(self) -> Outcome:
        try:
            self.loop.run_until_complete(self.main())
        finally:
            self.loop.close()
        return self.outcome

    async def main(self) -> None:
        world = self.world
        budgets = [self.budget(i) for i in range(world.processes + world.critical)]
        work = [self.saturate(budgets[i], i) for i in range(world.processes) for _ in range(2)]
        if world.critical:
            work.append(self.ask_critical(budgets[-1], world.processes))
        if world.others:
            work.append(self.send_uncoordinated())
        tasks = [self.loop.create_task(w) for w in work]
        await asyncio.sleep(world.seconds)
        for task in tasks + list(self.requests):
            task.cancel()
        await asyncio.gather(*tasks, *self.requests, return_exceptions=True)
        for budget in budgets:
            budget.close()
        await asyncio.sleep(0)

    def budget(self, index: int) -> Budget:
        budget = Budget("g", RateLimit(N, 1.0), self.world.directory, clock=self.loop.time)
        budget._owner = float(index + 1)  # ties are settled by it: repeatable by seed
        return budget

    async def saturate(self, budget: Budget, who: int) -> None:
        while True:
            self.start(self.request(await budget.acquire("low"), who))

    async def ask_critical(self, budget: Budget, who: int) -> None:
        await asyncio.sleep(8)
        while True:
            await asyncio.sleep(self.random.uniform(0.6, 1.4))
            asked = self.now()
            slot = await budget.acquire("critical")
            self.outcome.waits.append(self.now() - asked)
            self.start(self.request(slot, who))

    async def request(self, slot: Slot, who: int) -> None:
        """Send as the transport does: late by a little, dropped when the turn has passed."""
        world, draw = self.world, self.random
        late = draw.expovariate(2000)
        if draw.random() < world.frozen:
            late += draw.uniform(0.02, 0.4)
        await asyncio.sleep(late)
        if not slot.fresh():
            slot.unsent()
            return
        await asyncio.sleep(world.rtt / 2 + self.delay())
        accepted, left = self.count(who)
        await asyncio.sleep(world.rtt / 2 + self.delay())
        slot.done(200 if accepted else 429, left)

    async def send_uncoordinated(self) -> None:
        await asyncio.sleep(self.world.others_from)
        while True:
            await asyncio.sleep(1 / self.world.others)
            self.loop.call_later(0.01 + self.delay(), self.count, -1)

    def count(self, who: int) -> tuple[bool, int]:
        accepted, left = self.window.hit(self.loop.time())
        self.outcome.arrivals.append(Arrival(self.now(), who, accepted))
        return accepted, left

    def delay(self) -> float:
        mean = self.world.jitter
        if not mean:
            return self.random.random() * 1e-4
        if self.world.heavy_tail:
            return mean * 0.35 * self.random.lognormvariate(0, 1.45)
        return self.random.expovariate(1 / mean)

    def start(self, request: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(request)
        self.requests.add(task)
        task.add_done_callback(self.requests.discard)


@pytest.fixture
def simulate(tmp_path: Path) -> Callable[..., Outcome]:
    """Run a world given by its fields and tell what the exchange saw."""
    trials = iter(range(1_000_000))

    def run(**fields: Any) -> Outcome:
        return _Trial(World(directory=tmp_path / str(next(trials)), **fields)).run()

    return run


@pytest.fixture
def virtual() -> Callable[..., Any]:
    """Run a coroutine function, given the clock, on a loop whose time passes at once."""

    def run(main: Callable[[Callable[[], float]], Coroutine[Any, Any, Any]]) -> Any:
        loop = _VirtualLoop()
        try:
            return loop.run_until_complete(main(loop.time))
        finally:
            loop.close()

    return run
