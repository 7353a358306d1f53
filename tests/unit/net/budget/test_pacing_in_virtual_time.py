"""Budgets of several processes against an exchange in virtual time: no window is ever exceeded.

11 arrivals that span more than a second are the proof for windows of every kind and phase; the
counted rejections are that of the window at hand.
"""

from __future__ import annotations

import itertools
import statistics

import pytest

WINDOWS = ["sliding", "first-call", "clock"]
# Mean jitter each way and the share of the limit that can be had with it, in percent.
UTILISATION = {0.0: 99.5, 0.001: 99.3, 0.005: 98.2, 0.02: 93.5}


def assert_never_exceeded(outcome) -> None:
    assert outcome.rejected == 0
    assert outcome.narrowest > 1.0


# Every window, and every jitter, is met by few and by many; the rest are proofs of length.
CASES = list(itertools.product(WINDOWS, (1, 4), UTILISATION))
QUICK = [
    case for case in CASES if case[:2] == ("sliding", 1) or case[1:] in {(4, 0.005), (4, 0.02)}
]


@pytest.mark.parametrize(
    ("window", "processes", "jitter"),
    [case if case in QUICK else pytest.param(*case, marks=pytest.mark.slow) for case in CASES],
)
def test_no_window_is_exceeded_and_nearly_all_of_the_limit_is_used(
    simulate, window, processes, jitter
):
    outcome = simulate(window=window, processes=processes, jitter=jitter, seconds=45.0)
    assert_never_exceeded(outcome)
    assert 10 * outcome.rate(10.0, 44.5) > UTILISATION[jitter]


@pytest.mark.parametrize("rtt", [0.002, 0.15])
def test_the_length_of_the_way_costs_nothing(simulate, rtt):
    outcome = simulate(rtt=rtt, processes=2, seconds=45.0)
    assert_never_exceeded(outcome)
    assert 10 * outcome.rate(10.0, 44.5) > 99.3


def test_processes_share_equally(simulate):
    shares = simulate(processes=4, jitter=0.005, seconds=45.0).shares(5.0).values()
    assert min(shares) > 0.9 * max(shares)


@pytest.mark.parametrize("seed", range(6))
def test_a_cold_start_with_much_jitter_exceeds_nothing(simulate, seed):
    assert_never_exceeded(simulate(jitter=0.02, seconds=8.0, seed=seed, processes=1 + seed % 3))


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("processes", [11, 20, 40])
def test_more_processes_than_lanes_all_get_their_turns(simulate, window, processes):
    outcome = simulate(window=window, processes=processes, seconds=12.0)
    assert_never_exceeded(outcome)
    assert len(outcome.shares(0.0)) == processes


@pytest.mark.parametrize("window", WINDOWS)
def test_a_heavy_tail_of_late_answers_exceeds_nothing(simulate, window):
    outcome = simulate(window=window, processes=2, jitter=0.02, heavy_tail=True, seconds=45.0)
    assert_never_exceeded(outcome)
    assert 10 * outcome.rate(10.0, 44.5) > 90


def test_a_critical_request_overtakes_saturating_low_ones(simulate):
    outcome = simulate(processes=3, critical=True, seconds=200.0)
    assert_never_exceeded(outcome)
    assert statistics.median(outcome.waits) < 0.06
    assert max(outcome.waits) < 0.15


def test_low_ones_go_on_beside_critical_ones(simulate):
    shares = simulate(processes=3, critical=True, seconds=60.0).shares(10.0)
    assert min(shares[i] for i in range(3)) > 100


def test_a_process_that_freezes_between_its_turn_and_the_write_exceeds_nothing(simulate):
    outcome = simulate(processes=3, jitter=0.005, frozen=0.05, seconds=60.0)
    assert_never_exceeded(outcome)
    assert 10 * outcome.rate(10.0, 59.5) > 90


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("rtt", [0.015, 0.15])
def test_somebody_who_does_not_share_the_budget_is_given_way(simulate, window, rtt):
    outcome = simulate(window=window, rtt=rtt, jitter=0.002, processes=2, others=3.0, seconds=120.0)
    # Their first request may meet a full window before any answer can show it.
    assert outcome.rejected <= 2
    assert outcome.rate(45.0, 119.0) > 4.5


@pytest.mark.slow
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("processes", [1, 4])
@pytest.mark.parametrize("heavy_tail", [False, True])
@pytest.mark.parametrize("jitter", [0.005, 0.02])
def test_a_hundred_and_fifty_thousand_requests_exceed_nothing(
    simulate, window, processes, heavy_tail, jitter
):
    outcome = simulate(
        window=window,
        processes=processes,
        jitter=jitter,
        heavy_tail=heavy_tail,
        frozen=0.002,
        critical=True,
        seconds=700.0,
        seed=processes,
    )
    assert_never_exceeded(outcome)
    assert len(outcome.arrivals) > 6_250  # times 24


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(120))
def test_a_hundred_cold_starts_exceed_nothing(simulate, seed):
    outcome = simulate(jitter=0.02, seconds=15.0, seed=1000 + seed, heavy_tail=seed % 2 == 1)
    assert_never_exceeded(outcome)
