"""Notice foreign requests in the `Remaining-Req` header, and leave room for more. Pure.

Every reply says how many requests of the current window the exchange has counted. What exceeds our
own is somebody else's: such a request occupies a lane like ours (a phantom), and while others were
seen a few lanes stay in reserve. Only certain lower bounds are used, so a machine that is alone is
never slowed down. Times are seconds of the machine's clock; spans are in periods of the limit.
"""

from __future__ import annotations

from typing import NamedTuple

from marketkit.exchange.dialect import RateLimit
from marketkit.net.budget.state import FOREIGN, INF, Lane, State

RESERVE = 2.0  # lanes left to others while they are seen
SEEN_FOR = 10.0  # how long a foreign request is a sign of more to come
CALM, LONGEST_CALM = 30.0, 600.0  # how long a lane in reserve is kept, and after failed probes
CALM_ALONE = 3.0  # the same once nothing was seen for SEEN_FOR and nothing rejected for QUIET
QUIET = 60.0  # how long nothing must have been rejected to count as alone
PROBE = 1200.0  # a rejection this soon after the last one is a failed probe for more room
HISTORY = 5.0  # how long an ended lane is still looked at: late replies speak of it


class ServerReply(NamedTuple):
    """An answer whose request was counted between `start` and `end`, as the `used`-th."""

    start: float
    end: float
    used: int


def unknown(state: State, limit: RateLimit, own: Lane, reply: ServerReply, low: float) -> int:
    """Give a certain lower bound of requests that the exchange counted and nobody here sent.

    `own` is the lane of the answered request, `low` a round trip that surely is not too long.
    """
    period = limit.seconds
    recent = [
        (lane, lane.answered - low if lane.answered else INF)
        for lane in state.lanes
        if lane.sent and lane.until + HISTORY * period >= reply.end
    ]
    ours = [(lane, end) for lane, end in recent if lane.owner != FOREIGN]
    phantoms = [(lane, end) for lane, end in recent if lane.owner == FOREIGN]
    # What may be in the period that ends with this reply: exact where the window slides.
    may_count = sum(e > reply.start - period and lane.sent <= reply.end for lane, e in ours)
    more = reply.used - may_count - sum(lane.until > reply.start for lane, _ in phantoms)
    if 0.0 < state.reply_to < reply.start:
        # How far the count rose since the previous reply: exact inside a fixed window.
        between = sum(
            lane is not own
            and lane.sent != state.reply_from
            and e > state.reply_from
            and lane.sent < reply.end
            for lane, e in ours
        ) + sum(e > state.reply_from for _, e in phantoms)
        more = max(more, reply.used - int(state.reply_used) - 1 - between)
    if reply.end >= state.reply_to:
        state.reply_used, state.reply_from, state.reply_to = reply.used, reply.start, reply.end
    return max(0, min(more, limit.requests))


def phantom(reply: ServerReply, now: float, busy_for: float) -> Lane:
    """Give the lane of a request that somebody else sent before `reply`."""
    return Lane(reply.start, now, reply.end + busy_for, FOREIGN, 0.0)


def capacity(state: State, limit: RateLimit) -> int:
    """Say how many lanes may be busy before a request has to wait."""
    return max(1, limit.requests - int(state.reserve))


def yield_more(state: State, limit: RateLimit, now: float) -> None:
    """Leave one more lane to others after a 429; a failed probe makes the return later."""
    probe = state.calm and now - state.last_strike < PROBE * limit.seconds
    state.calm = min(state.calm * 2, LONGEST_CALM) if probe else CALM
    state.reserve = min(max(state.reserve, 1.0) + 1.0, float(limit.requests // 2))
    state.reserve_changed = state.foreign_seen = now


def relax(state: State, limit: RateLimit, now: float) -> None:
    """Take lanes back one by one, slowly while foreign requests are seen, and keep a few then."""
    unseen = (now - state.foreign_seen) / limit.seconds
    alone = unseen > SEEN_FOR and now - state.last_strike > QUIET * limit.seconds
    keep = CALM_ALONE if alone else state.calm or CALM
    if state.reserve and now - state.reserve_changed > keep * limit.seconds:
        state.reserve, state.reserve_changed = max(0.0, state.reserve - 1.0), now
    if unseen < SEEN_FOR and state.reserve < min(RESERVE, limit.requests // 2):
        state.reserve, state.reserve_changed = min(RESERVE, limit.requests // 2), now
