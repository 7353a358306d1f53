"""The state that the processes of a machine share about one rate group, as bytes. Pure."""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass, fields
from operator import attrgetter

INF = math.inf
WAITERS = 16  # processes whose foremost call is known; more cost order, no lane
_MAGIC = b"MKB2"
_CHECK = struct.Struct("<4sI")


@dataclass(slots=True)
class Lane:
    """One request that a window may still count; times in seconds of the machine's clock.

    `until` is when it stops counting: `INF` while in flight. `owner` is the process' number, 0 for
    a free lane, `FOREIGN` for a request somebody else must have sent. A request in flight whose
    `lease` has ended belongs to a dead process.
    """

    sent: float = 0.0
    answered: float = 0.0
    until: float = 0.0
    owner: float = 0.0
    lease: float = 0.0


@dataclass(slots=True)
class Waiter:
    """The foremost waiting call of one process: how urgent, since when, and the next look."""

    owner: float = 0.0
    urgency: float = 0.0
    since: float = 0.0
    wake: float = 0.0


@dataclass(slots=True)
class State:
    """All that is shared; every field but the two lists is one double in the file."""

    lanes: list[Lane]
    waiters: list[Waiter]
    last_sent: float = 0.0
    hold_until: float = 0.0  # nobody leaves before
    strikes: float = 0.0  # rejections in a row
    last_strike: float = -INF
    rtt_low: float = INF  # shortest round trip of this bucket of time, and of the one before
    rtt_low_before: float = INF
    bucket_start: float = 0.0
    samples: float = 0.0
    samples_before: float = 0.0
    rtt_mean: float = 0.0
    foreign_seen: float = -INF
    reply_used: float = 0.0  # the last reply: requests counted, and when it was counted at all
    reply_from: float = 0.0
    reply_to: float = 0.0
    reserve: float = 0.0  # lanes left to others, when that last changed, and how long it is kept
    reserve_changed: float = 0.0
    calm: float = 0.0


FOREIGN = -1.0  # the owner of a phantom; processes have positive numbers
_HEADER = [f.name for f in fields(State) if f.type == "float"]
_header = attrgetter(*_HEADER)
_lane = attrgetter(*(f.name for f in fields(Lane)))
_waiter = attrgetter(*(f.name for f in fields(Waiter)))


def fresh(requests: int, now: float, silent_until: float) -> State:
    """Give the state of an unknown past: nobody leaves before `silent_until`."""
    return State(
        [Lane() for _ in range(lane_count(requests))],
        [Waiter() for _ in range(WAITERS)],
        bucket_start=now,
        hold_until=silent_until,
    )


def lane_count(requests: int) -> int:
    """Count the lanes that are kept: a window's, as many foreign ones, and some history."""
    return 3 * requests + 2


def size(requests: int) -> int:
    """Give the length of the bytes, which depends on the limit alone."""
    return _CHECK.size + _numbers(requests).size


def to_bytes(state: State) -> bytes:
    """Write the state down, with a checksum."""
    body = struct.pack(f"<{_length(len(state.lanes))}d", *_flat(state))
    return _CHECK.pack(_MAGIC, zlib.crc32(body)) + body


def from_bytes(raw: bytes, requests: int) -> State | None:
    """Read a state back; None for bytes that are not one."""
    if len(raw) != size(requests):
        return None
    magic, crc = _CHECK.unpack_from(raw)
    body = raw[_CHECK.size :]
    if magic != _MAGIC or crc != zlib.crc32(body):
        return None
    return _unflat(_numbers(requests).unpack(body), lane_count(requests))


def is_state(raw: bytes) -> bool:
    """Say whether bytes are a state of ours, of any limit, by their checksum."""
    if len(raw) < _CHECK.size:
        return False
    magic, crc = _CHECK.unpack_from(raw)
    return bool(magic[:3] == _MAGIC[:3] and crc == zlib.crc32(raw[_CHECK.size :]))


def _length(lanes: int) -> int:
    return len(_HEADER) + 5 * lanes + 4 * WAITERS


def _numbers(requests: int) -> struct.Struct:
    return struct.Struct(f"<{_length(lane_count(requests))}d")


def _flat(state: State) -> list[float]:
    numbers = list(_header(state))
    for lane in state.lanes:
        numbers += _lane(lane)
    for waiter in state.waiters:
        numbers += _waiter(waiter)
    return numbers


def _unflat(numbers: tuple[float, ...], lanes: int) -> State:
    start = len(_HEADER)
    stop = start + 5 * lanes
    return State(
        [Lane(*numbers[i : i + 5]) for i in range(start, stop, 5)],
        [Waiter(*numbers[i : i + 4]) for i in range(stop, len(numbers), 4)],
        *numbers[:start],
    )
