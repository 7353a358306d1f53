"""A book that is not there because of its level fails with the levels that there are."""

from __future__ import annotations

import asyncio

import polars as pl
import pytest

from marketkit.api.levels import ask_grouped
from marketkit.errors import InputError, Refused
from marketkit.schema import INSTRUMENT

LEVELS = {"KRW-A": ["0", "10"], "KRW-B": ["0", "0.1"], "KRW-C": None}


class Instruments:
    """Instruments that count how often they were asked for."""

    def __init__(self):
        self.asked = 0

    async def of(self, names, _):
        """Give the levels of some markets."""
        self.asked += 1
        rows = [(name, "KRW", "1", LEVELS[name]) for name in names]
        return pl.DataFrame(rows, schema=dict(INSTRUMENT), orient="row"), {}


class Books:
    """An exchange that says nothing of a book without that level, or refuses all."""

    def __init__(self, *, refuses=False):
        self.refuses = refuses
        self.sent = []
        self.instruments = Instruments()

    def ask(self, names, level):
        """Ask for grouped books."""

        async def send(some):
            self.sent.append(list(some))
            good = [name for name in some if LEVELS[name] and str(level) in LEVELS[name]]
            if self.refuses and len(good) < len(some):
                raise Refused("Invalid parameter", 400)
            return dict.fromkeys(good, "book")

        return asyncio.run(ask_grouped(self.instruments, names, level, send, "normal"))


def test_where_every_market_has_the_level_nothing_else_is_asked():
    books = Books()
    assert books.ask(["KRW-A"], 10) == {"KRW-A": "book"}
    assert books.instruments.asked == 0


@pytest.mark.parametrize(("refuses", "sent"), [(False, 1), (True, 2)])
def test_a_market_without_the_level_fails_with_those_it_has(refuses, sent):
    books = Books(refuses=refuses)
    parts = books.ask(["KRW-A", "KRW-B"], 10)
    assert parts["KRW-A"] == "book"
    assert isinstance(parts["KRW-B"], InputError)
    assert str(parts["KRW-B"]) == "level=10: the levels of KRW-B are 0, 0.1"
    assert (len(books.sent), books.instruments.asked) == (sent, 1)


def test_a_market_whose_levels_are_not_known_has_no_reason_of_this_kind():
    assert Books().ask(["KRW-C"], 10) == {}
    with pytest.raises(Refused):
        Books(refuses=True).ask(["KRW-C"], 10)


def test_a_level_is_a_number_however_it_is_written():
    assert Books().ask(["KRW-B"], 0.1) == {"KRW-B": "book"}
