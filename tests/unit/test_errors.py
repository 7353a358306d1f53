"""The error tree is the one its module draws, and every leaf can be raised and caught."""

from __future__ import annotations

import re

import polars as pl
import pytest

from marketkit import errors
from marketkit.errors import (
    MarketkitError,
    MissingExtra,
    PartialResult,
    RateLimited,
    Refused,
    TimedOut,
    UnknownSymbol,
    nearest,
)
from marketkit.timeframe import parse_timeframe

CLASSES = {
    name: each
    for name, each in vars(errors).items()
    if isinstance(each, type) and issubclass(each, BaseException)
}
OF_TWO_PARTS = {
    "UnknownSymbol": ("KRW-BCT",),
    "Refused": ("no", 400),
    "PartialResult": (pl.DataFrame(), {"KRW-BTC": RateLimited("slow")}),
    "MissingExtra": ("pandas", "pandas"),
}


def drawn():
    """Read the drawing: each name with its parent and the builtin beside it."""
    stack, found = [], {}
    for line in errors.__doc__.splitlines():
        match = re.match(
            r"^(?P<rails>[│├└─ ]*)(?P<name>[A-Z]\w+)(?: \((?P<builtin>\w+)\))?(?:  |$)", line
        )
        if match is None:
            continue
        depth = len(match["rails"]) // 4
        del stack[depth:]
        found[match["name"]] = (stack[-1] if stack else "Exception", match["builtin"])
        stack.append(match["name"])
    return found


def real():
    """Say the same of the classes."""
    return {
        name: (
            each.__bases__[0].__name__,
            each.__bases__[1].__name__ if each.__bases__[1:] else None,
        )
        for name, each in CLASSES.items()
    }


def test_the_drawn_tree_is_the_real_tree():
    assert drawn() == real()
    assert len(drawn()) > 20


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_error_is_caught_by_the_root_by_its_base_and_by_its_builtin(name):
    made = CLASSES[name](*OF_TWO_PARTS.get(name, ("what happened",)))
    for base in (MarketkitError, *CLASSES[name].__bases__):
        with pytest.raises(base) as caught:
            raise made
        assert caught.value is made
    assert str(made)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_error_says_in_a_sentence_what_it_means(name):
    assert CLASSES[name].__doc__.strip().endswith(".")


def test_no_error_of_marketkit_is_taken_for_the_end_of_the_program():
    assert not any(issubclass(each, KeyboardInterrupt | SystemExit) for each in CLASSES.values())


def test_an_unknown_symbol_names_the_nearest_ones_and_keeps_the_symbol():
    failure = UnknownSymbol("KRW-BCT", ["KRW-BTC", "USDT-DOGE"])
    assert str(failure) == "unknown symbol 'KRW-BCT'; did you mean 'KRW-BTC'?"
    assert failure.symbol == "KRW-BCT"


def test_a_refusal_keeps_its_status():
    assert Refused("bad unit", 400).status == 400


def test_a_partial_result_carries_the_frame_and_the_failures():
    frame = pl.DataFrame({"symbol": ["KRW-BTC"]})
    failures = {"KRW-ETH": TimedOut("too slow"), "KRW-XRP": RateLimited("429")}
    failure = PartialResult(frame, failures)
    assert failure.frame is frame
    assert failure.failures == failures
    assert failure.failures is not failures
    assert str(failure) == "KRW-ETH: too slow and 1 more; .frame has the symbols that were got"


def test_a_partial_result_of_one_failure_counts_no_more():
    assert " more" not in str(PartialResult(pl.DataFrame(), {"KRW-ETH": TimedOut("too slow")}))


def test_a_missing_extra_says_what_to_install():
    assert str(MissingExtra("pandas", "pandas")) == (
        "pandas is not installed: pip install 'marketkit-upbit[pandas]'"
    )


def test_nearest_gives_at_most_three_and_nothing_for_strangers():
    known = ["KRW-BTC", "KRW-BTT", "KRW-BTG", "KRW-BTM", "USDT-DOGE"]
    assert nearest("KRW-BTX", known).count("KRW-") == 3
    assert nearest("frame", known) == ""
    assert nearest("KRW-BTX", []) == ""


def test_a_notebook_is_shown_the_message_and_the_callers_line_and_nothing_of_ours():
    with pytest.raises(errors.MarketkitError) as caught:
        parse_timeframe("1x")
    message, place = caught.value._render_traceback_()
    assert message.startswith("UnknownTimeframe: unknown timeframe '1x'")
    assert place.startswith(f"{__file__}, line ")
    two = errors.NotPicklable("Job")._render_traceback_()
    assert len(two) == 2
    assert not any("\n" in line for line in two)


def test_a_wrong_argument_and_an_unknown_name_are_the_builtin_errors_too():
    assert issubclass(errors.WrongArgument, TypeError)
    assert issubclass(errors.UnknownName, AttributeError)
    assert str(errors.UnknownSymbol("x", ["KRW-BTC"], hint=": say more")).endswith("'x': say more")
