"""What the `Remaining-Req` header tells about requests that are not ours."""

from __future__ import annotations

import pytest

from marketkit.exchange.dialect import RateLimit
from marketkit.net.budget import foreign_traffic as foreign
from marketkit.net.budget import pacing as lanes
from marketkit.net.budget import state as states
from marketkit.net.budget.pacing import Head
from marketkit.net.budget.state import FOREIGN, State

LIMIT = RateLimit(10, 1.0)
HEAD = Head(3, 0.0, 3)


@pytest.fixture
def state() -> State:
    """Nothing was sent for long."""
    return states.fresh(10, 0.0, silent_until=0.0)


def send(state: State, now: float, remaining: int | None) -> None:
    turn = lanes.take_turn(state, LIMIT, HEAD, 1.0, now)
    assert turn.lane is not None
    lanes.answer(state, LIMIT, state.lanes[turn.lane], now + 0.01, remaining)


def phantoms(state: State, now: float) -> int:
    return sum(lane.owner == FOREIGN and lane.until > now for lane in state.lanes)


def test_our_own_requests_are_never_taken_for_foreign_ones(state):
    for i in range(10):
        send(state, 100.0 + i * 0.1, remaining=9 - i)
    assert phantoms(state, 101.0) == 0
    assert foreign.capacity(state, LIMIT) == 10


def test_a_count_above_our_own_occupies_lanes_for_the_others(state):
    send(state, 100.0, remaining=5)
    assert phantoms(state, 100.5) == 4
    assert phantoms(state, 101.1) == 0


def test_others_are_not_counted_twice(state):
    send(state, 100.0, remaining=5)
    send(state, 100.2, remaining=4)
    assert phantoms(state, 100.5) == 4


def test_a_rise_inside_a_fixed_window_shows_others_that_the_total_hides(state):
    for i in range(5):
        send(state, 100.0 + i * 0.1, remaining=None)
    # A new window: its count is small, but it rose by two although we sent only one.
    send(state, 100.6, remaining=9)
    send(state, 100.8, remaining=7)
    assert phantoms(state, 100.9) == 1


def test_room_is_left_while_others_are_seen_and_given_back_when_they_are_gone(state):
    send(state, 100.0, remaining=5)
    foreign.relax(state, LIMIT, 100.1)
    assert foreign.capacity(state, LIMIT) == 8
    for now in (165.0, 170.0, 175.0):
        foreign.relax(state, LIMIT, now)
    assert foreign.capacity(state, LIMIT) == 10


def test_every_rejection_leaves_more_room_up_to_half(state):
    room = []
    for i in range(8):
        lanes.reject(state, LIMIT, 100.0 + i, None)
        room.append(foreign.capacity(state, LIMIT))
    assert room == [8, 7, 6, 5, 5, 5, 5, 5]


def test_room_is_given_back_more_slowly_after_every_failed_probe(state):
    lanes.reject(state, LIMIT, 100.0, None)
    assert state.calm == foreign.CALM
    for _ in range(8):
        lanes.reject(state, LIMIT, 101.0, None)
    assert state.calm == foreign.LONGEST_CALM


@pytest.mark.parametrize("requests", [1, 2, 3])
def test_a_small_limit_keeps_at_least_one_lane(requests):
    limit = RateLimit(requests, 1.0)
    state = states.fresh(requests, 0.0, silent_until=0.0)
    for now in (100.0, 101.0, 102.0):
        lanes.reject(state, limit, now, None)
        foreign.relax(state, limit, now)
    assert foreign.capacity(state, limit) >= 1
    for now in range(200, 4000, 40):
        foreign.relax(state, limit, float(now))
    assert foreign.capacity(state, limit) == requests


def test_a_header_of_a_larger_limit_than_ours_frightens_nobody(state):
    send(state, 100.0, remaining=99)
    assert phantoms(state, 100.1) == 0
