"""Parameters with which a rule makes no sense are refused."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from marketkit.errors import InputError
from marketkit.examples import parameters
from marketkit.examples.parameters import Parameters


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"crash": 0}, "crash=0: give a number above 0"),
        ({"trail": -0.1}, "trail=-0.1"),
        ({"surge": float("nan")}, "surge=nan"),
        ({"add_times": -1}, "add_times=-1: give a number, or 0"),
        ({"rsi_period": 1}, "rsi_period=1: give 2 or more"),
        ({"warm_up": 14}, "less than the warm_up=14"),
        ({"profits": ((0.02, 0.5), (0.01, 1.0))}, "the lowest gain first"),
        ({"profits": ((0.02, 1.5),)}, "up to 1"),
        ({"profits": ((0.02, 0),)}, "up to 1"),
    ],
)
def test_a_number_with_which_a_rule_makes_no_sense_is_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        Parameters(**wrong)


def test_a_rule_can_be_switched_off():
    assert Parameters(add_times=0, down_times=0, profits=()).profits == ()


def test_parameters_never_change():
    with pytest.raises(FrozenInstanceError):
        Parameters().crash = 0.5


def test_every_default_has_its_reason_beside_it():
    source = Path(parameters.__file__).read_text("utf-8")
    for each in fields(Parameters):
        line = next(line for line in source.splitlines() if line.startswith(f"    {each.name}: "))
        assert "  # " in line or each.name == "profits", line
