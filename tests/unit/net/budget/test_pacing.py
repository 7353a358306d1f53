"""The pacing rule, step by step; that no window is ever exceeded is shown in virtual time."""

from __future__ import annotations

import pytest

from marketkit.exchange.dialect import RateLimit
from marketkit.net.budget import pacing as lanes
from marketkit.net.budget import state as states
from marketkit.net.budget.pacing import Head
from marketkit.net.budget.state import INF, State

LIMIT = RateLimit(10, 1.0)
HEAD = Head(3, 0.0, 3)
ME, OTHER = 1.0, 2.0


@pytest.fixture
def quiet() -> State:
    """Nothing was sent for long."""
    return states.fresh(10, 0.0, silent_until=0.0)


def take(state: State, now: float, head: Head = HEAD, owner: float = ME) -> lanes.Turn:
    return lanes.take_turn(state, LIMIT, head, owner, now)


def fill(state: State, now: float, answered: float) -> None:
    """Occupy all lanes with requests that are answered at once."""
    for i in range(10):
        turn = take(state, now + i * 0.1)
        assert turn.lane is not None
        lanes.answer(state, LIMIT, state.lanes[turn.lane], answered + i * 0.1, None)


def known_path(state: State, shortest: float, mean: float, samples: float) -> None:
    state.rtt_low, state.rtt_mean, state.samples = shortest, mean, samples


def test_nothing_leaves_before_the_silent_period_is_over():
    state = states.fresh(10, 100.0, silent_until=101.002)
    assert take(state, 100.5).lane is None
    assert take(state, 101.002).lane is not None


def test_a_turn_occupies_a_lane_without_end_until_it_is_answered(quiet):
    turn = take(quiet, 100.0)
    lane = quiet.lanes[turn.lane]
    assert (lane.sent, lane.until, lane.owner, lane.lease) == (100.0, INF, ME, 105.0)


def test_departures_are_spread(quiet):
    take(quiet, 100.0)
    turn = take(quiet, 100.0)
    assert turn.lane is None
    assert turn.wake == pytest.approx(100.095)


def test_a_few_urgent_requests_may_leave_at_once(quiet):
    urgent = Head(0, 100.0, 0)
    assert [take(quiet, 100.0, urgent).lane is not None for _ in range(6)] == [True] * 5 + [False]


def test_the_eleventh_request_waits_for_the_first_answer_and_a_period(quiet):
    fill(quiet, 100.0, answered=100.5)
    # The round trip is not known well yet: all of it counts.
    assert take(quiet, 101.502 - 0.001).lane is None
    assert take(quiet, 101.502).lane is not None


def test_with_everything_in_flight_it_looks_again_soon(quiet):
    for i in range(10):
        take(quiet, 100.0 + i)
    assert take(quiet, 200.0) == lanes.Turn(None, 200.0 + lanes.POLL_IN_FLIGHT)


def test_a_known_path_shortens_the_wait_by_its_shortest_round_trip(quiet):
    known_path(quiet, 0.05, 0.05, samples=10_000)
    turn = take(quiet, 100.0)
    lane = quiet.lanes[turn.lane]
    lanes.answer(quiet, LIMIT, lane, 100.06, None)
    assert lane.until == pytest.approx(100.06 - 0.05 + 1.0 + lanes.GUARD, abs=1e-4)


def test_the_guard_is_wide_while_the_path_is_known_from_few_samples(quiet):
    known_path(quiet, 0.05, 0.07, samples=25)
    assert lanes.guard(quiet) == pytest.approx(0.002 + 3 * 0.02 / 5)
    known_path(quiet, 0.05, 0.07, samples=19)
    assert (lanes.shortest(quiet), lanes.guard(quiet)) == (0.0, 0.002)


def test_the_guard_of_a_busy_machine_stays_wide_however_many_samples_there_are(quiet):
    known_path(quiet, shortest=0.15, mean=0.17, samples=1_000_000.0)
    assert lanes.guard(quiet) == pytest.approx(0.002 + 0.02 / 4)
    known_path(quiet, shortest=0.007, mean=0.06, samples=1_000_000.0)
    assert lanes.guard(quiet) == pytest.approx(0.002 + 0.007)  # whole round trips count again


def test_the_shortest_round_trip_is_forgotten_after_two_buckets_of_time(quiet):
    known_path(quiet, 0.01, 0.01, samples=100)
    for start, expected in ((301.0, 0.01), (602.0, 0.03)):
        for i in range(30):
            turn = take(quiet, start + 2 * i)
            lanes.answer(quiet, LIMIT, quiet.lanes[turn.lane], start + 2 * i + 0.03, None)
        assert lanes.shortest(quiet) == pytest.approx(expected)


def test_a_lost_request_is_feared_for_longer_and_voids_the_path(quiet):
    known_path(quiet, 0.05, 0.05, samples=100)
    lane = quiet.lanes[take(quiet, 100.0).lane]
    lanes.lose(quiet, LIMIT, lane, 102.0)
    assert lane.until >= 102.0 + 1.0 + lanes.LOST_MARGIN
    assert lanes.shortest(quiet) == 0.0


def test_a_changed_path_counts_whole_round_trips_also_for_what_was_answered(quiet):
    known_path(quiet, 0.05, 0.05, samples=100)
    lane = quiet.lanes[take(quiet, 100.0).lane]
    lanes.answer(quiet, LIMIT, lane, 100.05, None)
    before = lane.until
    lanes.distrust(quiet)
    assert lane.until == pytest.approx(before + 0.05)


def test_an_unsent_request_frees_its_lane_at_once(quiet):
    lane = quiet.lanes[take(quiet, 100.0).lane]
    lanes.free(lane)
    assert lane == states.Lane()


def test_the_lane_of_a_dead_process_is_free_when_its_lease_ends(quiet):
    lane = quiet.lanes[take(quiet, 100.0).lane]
    lanes.expire(quiet, 104.9)
    assert lane.until == INF
    lanes.expire(quiet, 105.1)
    assert lane.until == 105.1


def test_the_hold_after_a_rejection_doubles_while_rejections_repeat(quiet):
    for now, hold in ((100.0, 1.0), (102.0, 2.0), (105.0, 4.0), (120.0, 1.0)):
        lanes.reject(quiet, LIMIT, now, None)
        assert quiet.hold_until == pytest.approx(now + hold + lanes.GUARD)
    lanes.reject(quiet, LIMIT, 200.0, 30.0)
    assert quiet.hold_until == pytest.approx(230.002)
    for _ in range(10):
        lanes.reject(quiet, LIMIT, 230.0, None)
    assert quiet.hold_until == pytest.approx(290.002)


@pytest.mark.parametrize("asked", [60.5, 86_400.0, 1e308, INF])
def test_a_hold_of_more_than_a_minute_is_told_and_none_is_believed_for_more_than_a_day(
    quiet, asked
):
    lanes.reject(quiet, LIMIT, 100.0, asked)
    assert lanes.held(quiet, 100.0) == pytest.approx(min(asked, 86_400.0) + lanes.GUARD)
    assert lanes.held(quiet, 100.0 + min(asked, 86_400.0)) is None


@pytest.mark.parametrize("asked", [None, 0.0, 3.0, 60.0])
def test_a_hold_of_a_minute_or_less_is_waited_for(quiet, asked):
    lanes.reject(quiet, LIMIT, 100.0, asked)
    assert lanes.held(quiet, 100.0) is None


def test_a_more_urgent_process_goes_first_and_the_other_waits_its_turn(quiet):
    urgent = Head(0, 50.0, 0)
    lanes.publish(quiet, OTHER, urgent, 100.0, 99.0)
    assert take(quiet, 100.0).lane is None
    assert take(quiet, 100.0, urgent, OTHER).lane is not None


def test_among_equals_the_one_waiting_longest_goes_first(quiet):
    lanes.publish(quiet, OTHER, Head(3, 50.0, 3), 100.0, 99.0)
    assert take(quiet, 100.0, Head(3, 60.0, 3)).lane is None
    assert take(quiet, 100.0, Head(3, 40.0, 3)).lane is not None


def test_a_waiter_that_does_not_take_its_turn_is_passed_over(quiet):
    lanes.publish(quiet, OTHER, Head(0, 50.0, 0), 100.0, 99.0)
    now = 100.0
    while (turn := take(quiet, now)).lane is None:
        now = turn.wake
    assert 100.0 + lanes.STALL < now <= 100.0 + lanes.STALL + 0.002


@pytest.mark.parametrize("busy", [0, 1, 10])
@pytest.mark.parametrize("others", [9, 10, 11, 15, 30])
def test_more_waiting_processes_than_lanes_wait_for_each_other(quiet, others, busy):
    for i in range(busy):
        quiet.lanes[i] = states.Lane(99.0, 99.1, 100.5 + i / 100, OTHER, 104.0)
    for owner in range(10, 10 + others):
        lanes.publish(quiet, float(owner), Head(3, 50.0, 3), 100.0, 99.0)
    turn = take(quiet, 100.0, Head(3, 60.0, 3))
    assert turn.lane is None
    assert 100.0 < turn.wake <= 100.0 + lanes.POLL


def test_a_process_tells_and_withdraws_its_wait(quiet):
    lanes.publish(quiet, ME, HEAD, 100.0, 99.0)
    assert sum(w.owner == ME for w in quiet.waiters) == 1
    lanes.publish(quiet, ME, None, 0.0, 100.0)
    assert all(w == states.Waiter() for w in quiet.waiters)


def test_more_waiting_processes_than_rows_cost_order_but_no_lane(quiet):
    for owner in range(10, 40):
        lanes.publish(quiet, float(owner), HEAD, 100.0, 99.0)
    assert len(quiet.waiters) == states.WAITERS
    assert take(quiet, 200.0).lane is not None


@pytest.mark.parametrize("limit", [RateLimit(1, 10.0), RateLimit(100, 1.0), RateLimit(10, 0.02)])
def test_other_limits_keep_the_rule(limit):
    state = states.fresh(limit.requests, 0.0, silent_until=0.0)
    now, sent = 100.0, []
    while len(sent) < 3 * limit.requests:
        turn = lanes.take_turn(state, limit, HEAD, ME, now)
        if turn.lane is None:
            now = turn.wake
            continue
        sent.append(now)
        lanes.answer(state, limit, state.lanes[turn.lane], now, None)
    spans = [b - a for a, b in zip(sent, sent[limit.requests :], strict=False)]
    assert min(spans) > limit.seconds
    assert max(spans) < limit.seconds * 1.02 + 2 * lanes.GUARD + lanes.SOONEST
