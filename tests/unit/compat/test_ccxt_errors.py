"""Our errors in ccxt's words."""

from __future__ import annotations

import importlib.util

import pytest

from marketkit import errors
from marketkit.compat.ccxt_errors import BASES, error_class, in_its_words, translated

MEANINGS = {
    "BadSymbol": errors.UnknownSymbol("KRW-NO"),
    "BadRequest": errors.InvalidRange("no range"),
    "RequestTimeout": errors.TimedOut("too late"),
    "NetworkError": errors.Offline("nothing is sent"),
    "RateLimitExceeded": errors.RateLimited("429"),
    "DDoSProtection": errors.Banned("418"),
    "ExchangeNotAvailable": errors.ServerFailed("503"),
    "BadResponse": errors.BadResponse("no JSON"),
    "ExchangeError": errors.Refused("404", 404),
}


@pytest.fixture(params=["look-alikes", "as installed"])
def _classes(request, monkeypatch):
    """The classes where ccxt is not installed, and those of this environment."""
    error_class.cache_clear()
    if request.param == "look-alikes":
        monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    yield
    error_class.cache_clear()


@pytest.mark.usefixtures("_classes")
@pytest.mark.parametrize("name", MEANINGS)
def test_an_error_becomes_the_one_that_ccxt_raises(name):
    ours = MEANINGS[name]
    theirs = translated(ours)
    assert type(theirs) is error_class(name)
    assert str(theirs) == f"upbit {ours}"


@pytest.mark.usefixtures("_classes")
def test_the_tree_is_that_of_ccxt():
    for name, base in BASES.items():
        assert issubclass(
            error_class(name), Exception if base == "Exception" else error_class(base)
        )


def test_ours_is_the_cause():
    with pytest.raises(error_class("BaseError")) as raised, in_its_words():
        raise errors.UnknownSymbol("KRW-NO")
    assert isinstance(raised.value.__cause__, errors.UnknownSymbol)


def test_a_class_that_is_none_of_them_is_no_error():
    with pytest.raises(KeyError):
        error_class("TooBusy")
