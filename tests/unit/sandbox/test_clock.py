"""The sandbox's clock."""

from __future__ import annotations

from marketkit.sandbox.clock import Clock


def test_the_clock_runs_at_its_speed_from_where_it_was_put():
    real = [100.0]
    clock = Clock(1_000, 60.0, lambda: real[0])
    real[0] += 2.0
    assert clock.now() == 1_000 + 120_000


def test_a_new_speed_goes_on_from_the_present():
    real = [100.0]
    clock = Clock(0, 1.0, lambda: real[0])
    real[0] += 1.0
    clock.set(speed=0.0)
    real[0] += 50.0
    assert clock.now() == 1_000
    clock.set(now=7)
    assert (clock.now(), clock.speed) == (7, 0.0)
