"""One rate budget a machine and group: which call may send, and when."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from marketkit.clock import Clock, machine_clock
from marketkit.errors import Banned, EngineClosed
from marketkit.exchange.dialect import CLASSES, Priority, RateLimit
from marketkit.net.budget import foreign_traffic as foreign
from marketkit.net.budget import pacing as lanes
from marketkit.net.budget.ban import Ban, held
from marketkit.net.budget.pacing import Head
from marketkit.net.budget.queue import Waiting
from marketkit.net.budget.shared import SharedState, path_of
from marketkit.net.budget.state import INF, Lane, State

T = TypeVar("T")

USE_BY = 0.25  # seconds that a slot is good for: LANES counts from the moment it was given
HEARTBEAT = 1.0  # seconds; renews leases of `pacing.LEASE` seconds in time, whatever stalls
LOCK_RETRY = 0.0005  # seconds; the file is held for a tenth of a millisecond at a time


class Budget:
    """The requests that this machine may send to one rate group, shared by all processes.

    `name` (host and group) and `limit` choose the file in `directory`; `ban` is that of the host.
    `clock` must be the same for all who share the file. Use it on one event loop.
    """

    def __init__(
        self,
        name: str,
        limit: RateLimit,
        directory: Path,
        *,
        ban: Ban | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.limit = limit
        self.clock = clock or machine_clock()
        self.ban = ban or Ban(directory / f"{name}.ban", host=name)
        self._name, self._path = name, path_of(directory, name, limit)
        self._begin()

    async def acquire(self, priority: Priority = "normal") -> Slot:
        """Wait for the turn to send one request.

        Raises `Banned` at once while the exchange blocks this address, or silences this group.
        """
        self.ban.check()
        self._begin_after_fork()
        future = self._waiting.add(CLASSES[priority], self.clock())
        self._wake()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and not future.exception():
                future.result().unsent()
            raise

    async def left(self) -> int:
        """Count the requests that could leave right now; all where nobody ever sent one."""
        try:
            self.ban.check()
        except Banned:
            return 0
        if self._shared.is_new:
            return self.limit.requests

        def free(state: State, now: float) -> int:
            busy = sum(lane.until > now for lane in state.lanes) if now >= state.hold_until else INF
            return int(max(0, foreign.capacity(state, self.limit) - busy))

        while True:
            try:
                return self.update(free)
            except BlockingIOError:
                await asyncio.sleep(LOCK_RETRY)

    def begin(self) -> bool:
        """Have the silence after an unknown past begin now; False where the past is known."""
        if is_new := self._shared.is_new:
            self._shared.flush()
        return is_new

    def path_changed(self) -> None:
        """Distrust the measured round trips: connections broke, the way may be shorter now."""
        self._later(lanes.distrust)

    def close(self) -> None:
        """Close the file; waiting calls get `EngineClosed`. A later `acquire` opens a new one."""
        self._waiting.refuse(EngineClosed("closed while this call waited for its turn"))
        if self._pump is not None:
            self._pump.cancel()
        if self._shared.is_open:
            self._shared.flush()
        self._shared.close()

    def end(self, slot: Slot, finish: Callable[[State, Lane | None], None]) -> None:
        """Apply `finish` to the lane of `slot`, or to None where another slot has the lane."""
        self._begin_after_fork()  # a slot of the parent is nobody's here
        owner = self._owner
        if self._flying.get(slot.lane) is slot:
            del self._flying[slot.lane]
        self._later(lambda state: finish(state, _lane_of(state, slot, owner)))

    def _begin(self) -> None:
        """Start as a process that nobody knows yet."""
        self._pid = os.getpid()
        self._owner = float(random.SystemRandom().getrandbits(52) + 1)
        self._waiting: Waiting[Slot] = Waiting(self.limit.seconds)
        self._flying: dict[int, Slot] = {}
        self._shared = SharedState(self._path, self.limit, self.clock)
        self._pump: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    def _begin_after_fork(self) -> None:
        """Begin anew in a child: lock, waiters and slots are the parent's."""
        if os.getpid() != self._pid:
            self._shared.close()
            self._begin()

    def _later(self, change: Callable[[State], None]) -> None:
        """Have `change` applied as soon as the file is free."""
        self._shared.put_off(change)
        if self._pump is not None and not self._pump.done():
            self._changed.set()
        else:
            self._shared.flush()

    def _wake(self) -> None:
        if self._pump is None or self._pump.done():
            self._changed = asyncio.Event()
            self._pump = asyncio.get_running_loop().create_task(self._serve())
            self._pump.add_done_callback(self._pump_ended)
        self._changed.set()

    def _pump_ended(self, pump: asyncio.Task[None]) -> None:
        ended = EngineClosed("the event loop was shut down")
        error = ended if pump.cancelled() else pump.exception()
        if error is not None and pump is self._pump:
            self._waiting.refuse(error)
        if self._shared.is_behind:  # ended while the loop was shutting down
            self._shared.flush()

    async def _serve(self) -> None:
        """Give out slots until nobody waits and nothing is in flight."""
        while True:
            self._changed.clear()
            self._refuse_if_banned()
            try:
                step = self.update(self._step)
            except BlockingIOError:
                await asyncio.sleep(LOCK_RETRY)
                continue
            if step.slot is not None and step.head is not None:
                self._flying[step.slot.lane] = step.slot
                self._waiting.serve(step.head, step.slot)
            elif step.head is not None and step.held is not None:
                self._waiting.refuse(held(self._name, self._path, step.held))
            elif step.head is None and not self._flying:
                return
            else:
                await self._sleep(step.wake)

    async def _sleep(self, until: float) -> None:
        delay = max(0.0, until - self.clock())
        timer = asyncio.get_running_loop().call_later(delay, self._changed.set)
        try:
            await self._changed.wait()
        finally:
            timer.cancel()

    def _step(self, state: State, now: float) -> _Step:
        """Take a slot for the foremost call if that call's turn has come; under the lock."""
        self._renew(state, now)
        head = self._waiting.head(now)
        silence = lanes.held(state, now)
        if head is None or silence is not None:
            lanes.publish(state, self._owner, None, 0.0, now)
            return _Step(head, None, now + HEARTBEAT, silence)
        lanes.expire(state, now)
        foreign.relax(state, self.limit, now)
        turn = lanes.take_turn(state, self.limit, head, self._owner, now)
        if turn.lane is None:
            lanes.publish(state, self._owner, head, turn.wake, now)
            return _Step(head, None, turn.wake)
        lanes.publish(state, self._owner, None, 0.0, now)
        return _Step(head, Slot(self, turn.lane, now), now)

    def _renew(self, state: State, now: float) -> None:
        """Renew the leases of our requests in flight; forget the ones given up for dead."""
        for index, slot in list(self._flying.items()):
            lane = _lane_of(state, slot, self._owner)
            if lane is None or lane.until != INF:
                del self._flying[index]
            else:
                lane.lease = slot.lease = now + lanes.LEASE

    def update(self, change: Callable[[State, float], T]) -> T:
        """Change the state that all processes share; `BlockingIOError` while another does."""
        self._begin_after_fork()
        return self._shared.update(change)

    def _refuse_if_banned(self) -> None:
        try:
            self.ban.check()
        except Banned as reason:
            self._waiting.refuse(reason)


class Slot:
    """The right to send one request now, to be ended once, by `done`, `lost` or `unsent`.

    Ending it a second time does nothing, so a `finally` may always do it.
    """

    __slots__ = ("_budget", "_open", "lane", "lease", "sent")

    def __init__(self, budget: Budget, lane: int, sent: float) -> None:
        self._budget = budget
        self._open = True
        self.lane = lane
        self.sent = sent
        self.lease = sent + lanes.LEASE

    def fresh(self) -> bool:
        """Say whether the slot is young enough to be used: ask right before sending."""
        return self._budget.clock() - self.sent < USE_BY

    def held(self) -> bool:
        """Say whether the machine still counts on the slot: ask right before writing."""
        return self._budget.clock() + USE_BY < self.lease

    def done(
        self, status: int, remaining_seconds: int | None = None, retry_after: float | None = None
    ) -> None:
        """End the slot at the answer's headers: the status, and the requests left."""
        limit, now = self._budget.limit, self._budget.clock()
        rejected = status in {418, 429}
        if status == 418:
            self._budget.ban.impose(retry_after)

        def finish(state: State, lane: Lane | None) -> None:
            if lane is not None:
                lanes.answer(state, limit, lane, now, None if rejected else remaining_seconds)
            if rejected:
                lanes.reject(state, limit, now, retry_after)

        self._end(finish)

    def lost(self) -> None:
        """End the slot without an answer: the request may still be counted."""
        limit, now = self._budget.limit, self._budget.clock()
        self._end(lambda state, lane: lanes.lose(state, limit, lane, now))

    def unsent(self) -> None:
        """End the slot unused: nothing was written."""
        self._end(lambda _, lane: lanes.free(lane))

    def _end(self, finish: Callable[[State, Lane | None], None]) -> None:
        if self._open:
            self._open = False
            self._budget.end(self, finish)


class _Step(NamedTuple):
    """The foremost call, the slot given now, or when to look again, or how long none is given."""

    head: Head | None
    slot: Slot | None
    wake: float
    held: float | None = None


def _lane_of(state: State, slot: Slot, owner: float) -> Lane | None:
    """Give the lane of `slot`, unless the lease ended and another process took the lane."""
    lane = state.lanes[slot.lane]
    return lane if lane.sent == slot.sent and lane.owner == owner else None
