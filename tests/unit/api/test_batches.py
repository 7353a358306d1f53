"""Of a batch that is refused, the culprits alone fail, and few requests find them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

import pytest

from marketkit.api import batches as module
from marketkit.api.batches import Batches
from marketkit.clock import age_clock
from marketkit.errors import BadResponse, Refused, ServerFailed, UnknownSymbol

ALL = [f"KRW-{at:03d}" for at in range(289)]
LOG = math.ceil(math.log2(len(ALL)))


class Market:
    """An exchange that refuses every list with a culprit in it, and a list of what is listed."""

    def __init__(self, culprits: Sequence[str] = (), silent: Sequence[str] = (), status=404):
        self.culprits, self.silent, self.status = set(culprits), set(silent), status
        self.listed = set(ALL)
        self.longest = len(ALL)
        self.sent: list[list[str]] = []
        self.lists = 0
        self.batches: Batches[int] = Batches(self, "price")

    async def gone(self, symbols, *_):
        """Look the symbols up in the list."""
        self.lists += 1
        return {name: UnknownSymbol(name) for name in symbols if name not in self.listed}

    async def send(self, names):
        """Give each symbol a number, or refuse all."""
        self.sent.append(list(names))
        if len(names) > self.longest:
            raise Refused("too long", 414)
        if self.culprits.intersection(names):
            raise UnknownSymbol(names[0]) if len(names) == 1 else Refused("no", self.status)
        return {name: 1 for name in names if name not in self.silent}

    def ask(self, *batches):
        """Ask for symbols, all by default."""
        self.sent.clear()
        return asyncio.run(self.batches.ask(batches or [ALL], self.send, "normal"))


def failed(parts):
    return {name for name, part in parts.items() if part != 1}


def test_a_batch_without_a_culprit_is_one_request():
    market = Market()
    assert failed(market.ask()) == set()
    assert (len(market.sent), market.lists) == (1, 0)


def test_what_the_list_does_not_have_any_more_leaves_and_the_rest_is_asked_again():
    market = Market(culprits=["KRW-007", "KRW-100"])
    market.listed -= market.culprits
    parts = market.ask()
    assert failed(parts) == market.culprits
    assert all(isinstance(parts[name], UnknownSymbol) for name in market.culprits)
    assert (len(market.sent), market.lists) == (2, 1)


@pytest.mark.parametrize("culprit", [ALL[0], ALL[144], ALL[145], ALL[288]])
def test_a_culprit_that_is_listed_is_found_by_halves_and_named(culprit):
    market = Market(culprits=[culprit])
    parts = market.ask()
    assert failed(parts) == {culprit}
    assert "lists" in str(parts[culprit])
    assert len(market.sent) <= 2 * LOG + 2


def test_a_culprit_is_asked_for_alone_from_then_on_and_forgiven_once_it_answers():
    market = Market(culprits=["KRW-007"])
    market.ask()
    assert failed(market.ask()) == {"KRW-007"}
    assert sorted(map(len, market.sent)) == [1, 288]
    assert market.lists == 1
    market.culprits.clear()
    assert failed(market.ask()) == set()


def test_several_culprits_are_all_found():
    market = Market(culprits=["KRW-001", "KRW-002", "KRW-288"])
    assert failed(market.ask()) == market.culprits


def test_requests_are_bounded_where_everything_is_refused():
    market = Market(culprits=ALL, status=400)
    assert failed(market.ask()) == set(ALL)
    assert len(market.sent) <= 8 * (LOG + 1) + 1


def test_a_list_that_is_too_long_is_halved_and_no_market_list_is_asked():
    market = Market()
    market.longest = 100
    assert failed(market.ask()) == set()
    assert market.lists == 0
    assert len(market.sent) == 7  # the whole, two halves, four quarters


@pytest.mark.parametrize("failure", [ServerFailed("down"), Refused("forbidden", 403)])
def test_what_is_no_members_fault_is_not_looked_into(failure):
    market = Market()

    async def send(names):
        market.sent.append(names)
        raise failure

    parts = asyncio.run(market.batches.ask([ALL[:5], ALL[5:9]], send, "normal"))
    assert set(map(id, parts.values())) == {id(failure)}
    assert (len(market.sent), market.lists) == (2, 0)


def test_a_market_without_a_row_is_named_and_looked_for_in_the_list_once(monkeypatch):
    market = Market(silent=["KRW-007", "KRW-008"])
    market.listed.discard("KRW-008")
    parts = market.ask()
    assert isinstance(parts["KRW-008"], UnknownSymbol)
    assert isinstance(parts["KRW-007"], BadResponse)
    assert "PREVIEW" in str(parts["KRW-007"])
    market.ask([name for name in ALL if name != "KRW-008"])
    assert market.lists == 1
    monkeypatch.setattr(module, "age_clock", lambda: 10**15)
    market.ask(ALL[:9])
    assert market.lists == 2


def test_a_refused_batch_leaves_the_other_batches_whole():
    market = Market(culprits=["KRW-000"])
    assert failed(market.ask(ALL[:3], ALL[3:])) == {"KRW-000"}


def test_markets_that_no_list_has_are_looked_for_in_a_new_list_once():
    market = Market()
    for names in (["KRW-NEW"], ["KRW-NEW"], ["KRW-NEW", "KRW-NEWER"], []):
        asyncio.run(market.batches.met(names, "normal", age_clock()))
    assert market.lists == 2
