"""Answers about all series of a timeframe, without unreadable ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from marketkit.data.lake.store.left_out import name_of, of_the_sound, say
from marketkit.data.lake.store.store import Selection

_T = TypeVar("_T")


def from_all(found: Selection, answer: Callable[[Selection], _T]) -> _T:
    """Answer with every series of a look at all that can be read, and warn of the others.

    Raises the failure where none can be read.
    """
    answered, failures = of_the_sound(
        found.symbols,
        lambda symbols: answer(found.of(symbols)),
        lambda symbol: name_of(found.found[symbol][0]),
    )
    say({**found.failures, **failures}, anything=bool(found.found))
    return answered
