"""Requests for many symbols at once, of which a bad one is the failure of nobody else.

A batch that the exchange refuses is looked into: the market list is fetched anew, what is gone from
it leaves, and the others are asked again. Where that does not help the batch is halved until the
culprit stands alone. All requests wait for their turn like any other.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from marketkit.clock import age_clock
from marketkit.errors import LeftOut, MarketkitError, Refused, UnknownSymbol
from marketkit.exchange.dialect import Priority

T = TypeVar("T")
Parts = dict[str, T | MarketkitError]

# What one member of a list can do: not found, no sense, and a list that is too long.
_OF_A_MEMBER = frozenset({400, 404, 413, 414, 422, 431})
_TOO_LONG = frozenset({413, 414, 431})
_REMEMBERED = 60_000  # ms; as long as an unknown symbol is not looked for again in a new list


class Listing(Protocol):
    """A market list that can be asked anew."""

    async def gone(
        self, symbols: Iterable[str], priority: Priority, since: int
    ) -> Mapping[str, MarketkitError]:
        """Give the errors of symbols that a list made after a moment does not have any more."""


class Batches(Generic[T]):
    """Batches of one kind of request; `subject` is the word for a market's part in an answer.

    A member that was found to be a culprit is asked for alone for a while, and one that has nothing
    is not looked for in the market list again.
    """

    def __init__(self, listing: Listing, subject: str) -> None:
        self._listing = listing
        self._subject = subject
        self._culprits: dict[str, int] = {}
        self._silent: dict[str, int] = {}

    async def ask(
        self,
        batches: Iterable[Sequence[str]],
        send: Callable[[Sequence[str]], Awaitable[Mapping[str, T | MarketkitError]]],
        priority: Priority,
    ) -> Parts[T]:
        """Ask for batches side by side, and give each symbol's part or failure.

        `send` asks for some symbols in one request; what it leaves out had no row in the answer.
        """
        now = age_clock()
        wanted = [list(batch) for batch in batches]
        alone = [[name] for names in wanted for name in names if self._culprits.get(name, 0) > now]
        apart = {name for (name,) in alone}
        together = [[name for name in names if name not in apart] for names in wanted]
        parts: Parts[T] = {}
        async with asyncio.TaskGroup() as group:
            for names in filter(None, [*together, *alone]):
                group.create_task(self._into(parts, _Search(names, send, priority, now)))
        return parts

    async def met(self, strangers: Iterable[str], priority: Priority, since: int) -> None:
        """Ask for the market list anew where an answer has markets beyond the list."""
        news = [name for name in strangers if self._silent.get(name, 0) <= since]
        if news:
            await self._listing.gone((), priority, since)
            self._remember(self._silent, news)

    async def _into(self, parts: Parts[T], search: _Search[T]) -> None:
        found = await self._found(search)
        absent = [name for name in search.names if name not in found]
        parts.update(found)
        if absent:
            parts.update(await self._absent(absent, search.priority, search.began))

    async def _found(self, search: _Search[T]) -> Parts[T]:
        """Give the parts of a batch's symbols, and the failures with a reason."""
        names = search.names
        try:
            return dict(await search.send(names))
        except MarketkitError as refusal:
            failure = refusal
        if not is_of_a_member(failure):
            return dict.fromkeys(names, failure)
        gone: Parts[T] = {}
        again = len(names) == 1 and self._culprits.get(names[0], 0) > search.began
        if not (again or _is_too_long(failure)):
            gone = dict(await self._listing.gone(names, search.priority, search.began))
        rest = [name for name in names if name not in gone]
        if len(rest) == len(names) > 1:
            found = await search.halves(names, failure)
        elif gone and rest:
            found = await search.again(rest)
        else:
            found = dict.fromkeys(rest, failure)
        self._remember(self._culprits, search.culprits)
        return gone | {name: self._listed(name, part) for name, part in found.items()}

    async def _absent(self, names: Sequence[str], priority: Priority, began: int) -> Parts[T]:
        """Give the failures of symbols without a row: the exchange does not say why."""
        now = age_clock()
        news = [name for name in names if self._silent.get(name, 0) <= now]
        gone = dict(await self._listing.gone(news, priority, began)) if news else {}
        self._remember(self._silent, [name for name in news if name not in gone])
        return {name: gone.get(name) or self._left_out(name) for name in names}

    def _listed(self, name: str, part: T | MarketkitError) -> T | MarketkitError:
        """Give a part, where a listed market is unknown to the exchange with better words."""
        if not isinstance(part, UnknownSymbol):
            return part
        said = f"the exchange lists {name} and answers 404 when asked for its {self._subject}"
        return Refused(said, 404)

    def _left_out(self, name: str) -> LeftOut:
        return LeftOut(
            f"the exchange left {name} out of its answer: it is listed and has no {self._subject};"
            " so it is while a market is in PREVIEW, before its first trade"
        )

    def _remember(self, where: dict[str, int], names: Iterable[str]) -> None:
        now = age_clock()
        for name in [name for name, until in where.items() if until <= now]:
            del where[name]
        where.update(dict.fromkeys(names, now + _REMEMBERED))


class _Search(Generic[T]):
    """One refused batch, and the search for the culprits with a bound on requests."""

    def __init__(
        self,
        names: list[str],
        send: Callable[[Sequence[str]], Awaitable[Mapping[str, T | MarketkitError]]],
        priority: Priority,
        began: int,
    ) -> None:
        self.names = names
        self.send = send
        self.priority = priority
        self.began = began
        self.culprits: list[str] = []
        # One culprit takes at most two requests a halving: this is enough for some of them.
        self._left = 8 * math.ceil(math.log2(len(names) + 1))

    async def again(self, names: Sequence[str]) -> Parts[T]:
        """Ask for symbols together, and search on where the request fails as well."""
        if not self._left:
            raise _Enough
        self._left -= 1
        try:
            return dict(await self.send(names))
        except MarketkitError as refusal:
            failure = refusal
        if len(names) > 1 and is_of_a_member(failure):
            return await self.halves(names, failure)
        if len(names) == 1:
            self.culprits += names
        return dict.fromkeys(names, failure)

    async def halves(self, names: Sequence[str], failure: MarketkitError) -> Parts[T]:
        """Ask for the halves of a refused batch; beyond the bound all share one error."""
        middle = len(names) // 2
        first, second = names[:middle], names[middle:]
        parts: Parts[T] = {}
        try:
            parts |= await self.again(first)
            sound = not any(name in self.culprits for name in first)
            if sound and len(second) > 1 and not _is_too_long(failure):
                return parts | await self.halves(second, failure)  # the culprit can only be here
            return parts | await self.again(second)
        except _Enough:
            return dict.fromkeys(names, failure) | parts


class _Enough(Exception):
    """No more requests may be spent."""


def is_of_a_member(failure: MarketkitError) -> bool:
    """Say whether one symbol of a batch may be the reason of a refusal."""
    return isinstance(failure, UnknownSymbol) or (
        isinstance(failure, Refused) and failure.status in _OF_A_MEMBER
    )


def _is_too_long(failure: MarketkitError) -> bool:
    return isinstance(failure, Refused) and failure.status in _TOO_LONG
