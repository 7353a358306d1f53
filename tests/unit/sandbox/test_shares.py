"""Splitting a volume over prices."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkit.sandbox.shares import balanced, shared


@given(st.lists(st.tuples(st.floats(0.01, 10), st.integers(1, 100)), min_size=2, max_size=20))
def test_balanced_weights_have_the_mean_asked_for(pairs):
    weights, prices = [w for w, _ in pairs], [p for _, p in pairs]
    mean = (min(prices) + max(prices)) / 2
    scaled = balanced(weights, prices, mean)
    assert all(0 < new <= old for new, old in zip(scaled, weights, strict=True))
    total = sum(w * p for w, p in zip(scaled, prices, strict=True))
    assert total / sum(scaled) == pytest.approx(mean)


@given(st.integers(0, 10**15), st.lists(st.floats(0.01, 10), min_size=1, max_size=20))
def test_shares_sum_to_the_whole(units, weights):
    shares = shared(units, weights)
    assert sum(shares) == units
    assert min(shares) >= (1 if units >= 100 * len(weights) ** 2 else 0)
