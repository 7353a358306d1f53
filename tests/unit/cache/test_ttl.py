"""How long answers live, by the law and within the bounds."""

from __future__ import annotations

import math
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkit.cache.ttl import FACTORS, RULES, SHORTEST_GAP, Kind, State, best_life, state_of, ttl

gaps = st.floats(1, 1e9)
states = st.sampled_from(get_args(State))
kinds = st.sampled_from(get_args(Kind))


def stale_share(gap: float, life: float) -> float:
    return life / (2 * gap + life)


def cost(gap: float, price: float, life: float) -> float:
    return 1000 / life + price * stale_share(gap, life)


@given(gap=gaps, price=st.floats(1e-3, 1e3))
def test_no_other_life_costs_less_than_the_best_one(gap, price):
    best = best_life(gap, price)
    if best == math.inf:
        assert 1000 / gap >= 2 * price * 0.999
        return
    for other in (best * 0.5, best * 0.9, best * 1.1, best * 2):
        assert cost(gap, price, best) <= cost(gap, price, other) * (1 + 1e-6)


@pytest.mark.parametrize("gap", [1_000, 60_000, 3_600_000])
def test_a_market_four_times_as_lively_lives_half_as_long(gap):
    assert best_life(gap / 4, 500) == pytest.approx(best_life(gap, 500) / 2, rel=0.05)


def test_a_market_too_lively_to_be_caught_is_not_worth_a_request():
    assert best_life(100, 5) == math.inf
    assert best_life(100, 0) == math.inf


def test_the_factors_are_what_the_law_says_of_a_changed_rate():
    for state, times in (("active", 4), ("quiet", 1 / 4), ("closed", 1 / 25)):
        life = best_life(1e6 / times, 50)
        assert life / best_life(1e6, 50) == pytest.approx(FACTORS[state], rel=0.03)


@given(kind=kinds, gap=st.floats(0, 1e12), state=states)
def test_every_life_is_within_the_bounds_of_its_kind(kind, gap, state):
    assert RULES[kind].least <= ttl(RULES[kind], gap, state) <= RULES[kind].most


def test_no_ticker_lives_less_than_200_ms():
    assert RULES["ticker"].least == 200
    assert ttl(RULES["ticker"], 0, "active") == 200


@given(kind=kinds, gap=gaps, other=gaps, state=states)
def test_at_the_shipped_prices_a_livelier_market_never_lives_longer(kind, gap, other, state):
    lively, slow = sorted((gap, other))
    assert ttl(RULES[kind], lively, state) <= ttl(RULES[kind], slow, state) * (1 + 1e-9)


@given(kind=kinds, gap=gaps)
def test_the_quieter_the_state_the_longer_the_life(kind, gap):
    lives = [ttl(RULES[kind], gap, state) for state in ("active", "normal", "quiet", "closed")]
    assert lives == sorted(lives)


@pytest.mark.parametrize(
    ("usual", "recent", "silence", "state"),
    [
        (1000, 1000, 500, "normal"),
        (1000, 334, 500, "normal"),
        (1000, 333, 500, "active"),
        (1000, 2999, 500, "normal"),
        (1000, 3000, 500, "quiet"),
        (1000, 1000, 20_000, "normal"),
        (1000, 1000, 20_001, "closed"),
        (1000, 3000, 20_001, "closed"),
        (1000, 100, 20_001, "closed"),
    ],
)
def test_the_state_follows_from_rhythm_and_silence(usual, recent, silence, state):
    assert state_of(usual, recent, silence) == state


def test_the_prices_keep_measurable_rates_where_more_trades_mean_shorter_lives():
    for rule in RULES.values():
        if rule.least < rule.most:
            assert 1000 * rule.pulse / SHORTEST_GAP <= 0.5 * rule.price
