"""Faults on demand."""

from __future__ import annotations

import pytest

from marketkit.errors import InputError
from marketkit.sandbox.faults import Faults, repeated


def test_the_same_seed_draws_the_same_faults():
    table = {"429": 0.2, "reset": 0.1}
    one, two = Faults(table, seed=5), Faults(table, seed=5)
    drawn = [one.draw() for _ in range(500)]
    assert drawn == [two.draw() for _ in range(500)]
    assert 70 < drawn.count("429") < 130
    assert 25 < drawn.count("reset") < 75


def test_an_empty_table_draws_nothing():
    assert Faults({}).draw() is None


@pytest.mark.parametrize(
    "table", [{"503": 0.1}, {"500": 1.5}, {"500": -0.1}, {"500": 0.6, "429": 0.6}]
)
def test_a_table_that_makes_no_sense_is_refused(table):
    with pytest.raises(InputError):
        Faults(table)


def test_a_repeated_row_keeps_the_page_contiguous_and_within_its_size():
    assert repeated(["a", "b", "c"], most=200) == ["a", "b", "b", "c"]
    assert repeated(["a", "b", "c"], most=3) == ["a", "b", "b"]
    assert repeated([], most=3) == []
