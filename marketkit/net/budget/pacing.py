"""The pacing rule LANES: when may a request leave so that no window ever holds too many. Pure.

A request that was sent at `s` and answered at `d` reached the exchange's counter at some moment in
`[s + f, d - r]`, where `f + r` is the shortest round trip. Its lane therefore stays busy until
`d - shortest + period + guard`, and without end while in flight; a request leaves only while fewer
than n lanes are busy. So the requests of one lane arrive more than a period apart, and a window of
any kind, at any phase, holds at most n. Whatever makes an answer late (a slow loop, a slow connect)
costs utilisation, never safety. Times are seconds of the machine's clock, which callers pass in.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from marketkit.exchange.dialect import RateLimit
from marketkit.net.budget import foreign_traffic as foreign
from marketkit.net.budget.ban import LONGEST
from marketkit.net.budget.state import INF, Lane, State, Waiter

GUARD = 0.002  # seconds; room for timers and scheduling on both sides
CONFIDENCE = 3.0  # standard errors that the true shortest round trip may lie below the measured
APART = 0.25  # of the mean delay: without it a full core gave a 429, once in thousands of requests
MIN_SAMPLES = 20  # round trips before the shortest is believed: two windows of requests
MEAN_OVER = 300  # round trips; thirty seconds at the limit, so that a new path shows soon
BUCKET = 300.0  # the shortest round trip is that of the last one to two buckets
LEASE = (
    5.0  # seconds; five heartbeats, so that a process that stalls for some is not taken for dead
)
LOST_MARGIN = 1.0  # how long after we gave up a request may still reach the counter
STALL = 0.015  # a waiter this late for its own turn is passed over
POLL = 0.25  # seconds; the longest wait without a look at what other processes changed
POLL_IN_FLIGHT = 0.02  # seconds; an answer to another process may free a lane any moment
SOONEST = 0.0005  # seconds; a timer is no finer, and a loop must not spin
ROUNDING = 0.0001  # seconds; a timer may fire this much early
CRITICAL, LOW = 0, 3  # the classes of `dialect.CLASSES`
AGEING = (0.0, 1.5, 3.0, 5.0)  # periods after which a class goes to the front once
LONGEST_HOLD = 6  # doublings of the hold after a 429: a minute, as long as a ban begins
LONGEST_WAIT = 60.0  # seconds that a call waits in silence; a longer hold is told like a ban


class Head(NamedTuple):
    """The foremost waiting call of a process: the urgency after ageing, since when, which class."""

    urgency: int
    since: float
    priority: int


class Turn(NamedTuple):
    """A lane that was taken, or None; and when to look again."""

    lane: int | None
    wake: float


def shortest(state: State) -> float:
    """Give the shortest round trip, or 0 while too few are known."""
    if state.samples + state.samples_before < MIN_SAMPLES:
        return 0.0
    return min(state.rtt_low, state.rtt_low_before)


def guard(state: State) -> float:
    """Give the margin: two milliseconds, and the excess that `shortest` may still have.

    The shortest ways there and back need not have met in any round trip, however many there were:
    on a busy machine few are short. A share of the usual delay stands for that, and never more
    than the whole round trip, of which nothing more is to be feared.
    """
    samples = state.samples + state.samples_before
    if samples < MIN_SAMPLES:
        return GUARD
    low = shortest(state)
    delay = max(0.0, state.rtt_mean - low)
    return GUARD + max(CONFIDENCE * delay / math.sqrt(samples), min(low, APART * delay))


def spacing(state: State, limit: RateLimit) -> float:
    """Give the pause between two departures, which spreads the lanes; safety needs none."""
    interval = limit.seconds / limit.requests
    low = shortest(state)
    jitter = max(0.0, state.rtt_mean - low) / interval if low else 0.0
    return interval * max(0.75, 0.95 - 2 * jitter)


def take_turn(state: State, limit: RateLimit, head: Head, owner: float, now: float) -> Turn:
    """Take a lane for `head` if one is free and nobody is ahead; else say when to look again."""
    ahead = _ahead(state, head, owner, now)
    leaves = _departure(state, limit, head, ahead, now)
    if ahead == 0 and leaves <= now + ROUNDING:
        state.last_sent = now
        return Turn(occupy(state, Lane(now, 0.0, INF, owner, now + LEASE)), now)
    if ahead:  # look whether those ahead take their turn
        leaves = min(leaves, _departure(state, limit, head, 0, now) + STALL + 0.001)
    if leaves == INF:  # everything is in flight, here or in other processes
        return Turn(None, now + POLL_IN_FLIGHT)
    return Turn(None, min(max(leaves, now + SOONEST), now + POLL))


def publish(state: State, owner: float, head: Head | None, wake: float, now: float) -> None:
    """Tell the other processes our foremost call; `head` is None if nobody waits."""
    row = _waiter_of(state, owner, now)
    if head is not None:
        row.owner, row.urgency, row.since, row.wake = owner, head.urgency, head.since, wake
    elif row.owner == owner:
        row.owner = row.urgency = row.since = row.wake = 0.0


def occupy(state: State, lane: Lane) -> int:
    """Put `lane` in the place of the one that stopped counting first, and give the index."""
    index = min(range(len(state.lanes)), key=lambda i: state.lanes[i].until)
    state.lanes[index] = lane
    return index


def expire(state: State, now: float) -> None:
    """End the requests of dead processes: their leases were not renewed."""
    for lane in state.lanes:
        if lane.until == INF and lane.lease < now:
            lane.until = lane.answered = now


def answer(state: State, limit: RateLimit, lane: Lane, now: float, remaining: int | None) -> None:
    """Free `lane` at the right time for an answer that came `now`, and learn the round trip."""
    lane.answered = now
    _learn(state, now - lane.sent, now)
    lane.until = now - shortest(state) + limit.seconds + guard(state)
    if remaining is not None:
        low = max(0.0, shortest(state) - (guard(state) - GUARD))
        reply = foreign.ServerReply(lane.sent, now - low, max(0, limit.requests - remaining))
        for _ in range(foreign.unknown(state, limit, lane, reply, low)):
            occupy(state, foreign.phantom(reply, now, limit.seconds + GUARD))
            state.foreign_seen = now


def reject(state: State, limit: RateLimit, now: float, retry_after: float | None) -> None:
    """Hold the whole group after a 429, longer every time, and leave more room to others."""
    repeated = now - state.last_strike < 10 * limit.seconds
    state.strikes = state.strikes + 1 if repeated else 1
    hold = min(limit.seconds * 2 ** min(state.strikes - 1, LONGEST_HOLD), LONGEST_WAIT)
    asked = min(max(retry_after or 0.0, hold), LONGEST)
    state.hold_until = max(state.hold_until, now + asked + GUARD)
    foreign.yield_more(state, limit, now)
    state.last_strike = now


def held(state: State, now: float) -> float | None:
    """Give the seconds of a hold that is too long to be waited for in silence, else None."""
    left = state.hold_until - now
    return left if left > LONGEST_WAIT + 2 * GUARD else None


def lose(state: State, limit: RateLimit, lane: Lane | None, now: float) -> None:
    """Keep `lane` busy for a request that may still arrive, and trust no round trip any more."""
    if lane is not None:
        lane.answered = now
        lane.until = now + limit.seconds + LOST_MARGIN
    distrust(state)


def free(lane: Lane | None) -> None:
    """Give back a lane whose request was never written."""
    if lane is not None:
        lane.sent = lane.answered = lane.until = lane.owner = lane.lease = 0.0


def distrust(state: State) -> None:
    """Count whole round trips again: the path may have become shorter than any measured one."""
    low = shortest(state)
    for lane in state.lanes:
        lane.until += low  # INF stays INF, what ended long ago stays ended
    state.rtt_low = state.rtt_low_before = INF
    state.samples = state.samples_before = 0.0


def _learn(state: State, rtt: float, now: float) -> None:
    if now - state.bucket_start > BUCKET:
        state.rtt_low_before, state.samples_before = state.rtt_low, state.samples
        state.rtt_low, state.samples, state.bucket_start = INF, 0.0, now
    state.rtt_low = min(state.rtt_low, rtt)
    state.samples += 1
    weight = min(state.samples + state.samples_before, MEAN_OVER)
    state.rtt_mean += (rtt - state.rtt_mean) / weight


def _departure(state: State, limit: RateLimit, head: Head, ahead: int, now: float) -> float:
    """Say when the call with `ahead` others before could leave; INF if nobody knows."""
    busy = sorted(lane.until for lane in state.lanes if lane.until > now)
    missing = len(busy) + ahead - foreign.capacity(state, limit)
    free_at = now if missing < 0 else _freed(busy, missing, limit, now)
    # A few urgent requests after a pause need not be spread.
    burst = head.priority < LOW and len(busy) < limit.requests // 2
    pause = 0.0 if burst else spacing(state, limit)
    return max(state.last_sent + pause * (ahead + 1), state.hold_until, free_at)


def _freed(busy: list[float], missing: int, limit: RateLimit, now: float) -> float:
    """Say when the lanes that are `missing` are free: of the busy ones first, then a period on."""
    if missing < len(busy):
        return busy[missing]
    # Who goes before will have taken the lanes that are free now, and keeps them for a period.
    return max(busy[-1] if busy else now, now + limit.seconds)


def _ahead(state: State, head: Head, owner: float, now: float) -> int:
    """Count the live processes whose foremost call goes before ours."""
    mine = (head.urgency, head.since, owner)
    return sum(
        (w.urgency, w.since, w.owner) < mine
        for w in state.waiters
        if w.owner not in (0.0, owner) and w.wake + STALL >= now
    )


def _waiter_of(state: State, owner: float, now: float) -> Waiter:
    """Give the row of `owner`, a free or forgotten one, or at worst somebody else's."""
    rows = state.waiters
    return (
        next((w for w in rows if w.owner == owner), None)
        or next((w for w in rows if w.owner == 0.0 or w.wake + LEASE < now), None)
        or rows[int(owner) % len(rows)]
    )
