"""The shared state and its bytes."""

from __future__ import annotations

import random

import pytest

from marketkit.net.budget import state as states
from marketkit.net.budget.state import INF, Lane, Waiter


def test_a_state_survives_its_bytes():
    state = states.fresh(10, 5.0, silent_until=6.0)
    state.last_sent, state.strikes = 7.25, 3.0
    state.lanes[31] = Lane(1.0, 2.0, INF, 4.0, 5.0)
    state.waiters[15] = Waiter(1.0, 2.0, 3.0, 4.0)
    assert states.from_bytes(states.to_bytes(state), 10) == state


def test_the_length_depends_on_the_limit_alone():
    assert len(states.to_bytes(states.fresh(10, 0.0, 1.0))) == states.size(10)
    assert states.size(100) > states.size(10)


@pytest.mark.parametrize("requests", [1, 9, 11])
def test_the_bytes_of_another_limit_are_not_a_state(requests):
    assert states.from_bytes(states.to_bytes(states.fresh(10, 0.0, 1.0)), requests) is None


def test_any_changed_byte_is_noticed():
    raw = states.to_bytes(states.fresh(10, 0.0, 1.0))
    draw = random.Random(1)
    for position in [*range(8), *draw.sample(range(8, len(raw)), 50)]:
        damaged = bytearray(raw)
        damaged[position] ^= 1 << draw.randrange(8)
        assert states.from_bytes(bytes(damaged), 10) is None


@pytest.mark.parametrize("raw", [b"", b"MKB2", bytes(states.size(10)), b"x" * states.size(10)])
def test_foreign_bytes_are_not_a_state(raw):
    assert states.from_bytes(raw, 10) is None
