"""One request for all callers that want the same at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from marketkit.errors import MarketkitError

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Flight(Generic[T]):
    task: asyncio.Task[T]
    urgency: int
    waiters: int = 0


class SingleFlight(Generic[T]):
    """Requests on the way, by cache key and symbol. Use an object on one event loop only.

    Who asks for something that is already on its way waits for that; a more urgent caller sends
    its own question. Cancelling one caller leaves the question to the others, and ends it when it
    was the last. An error reaches everybody who waits, and nobody who comes later.
    """

    def __init__(self) -> None:
        self._flying: dict[Hashable, _Flight[T]] = {}

    async def join(
        self,
        cache_key: Hashable,
        symbols: Sequence[str],
        urgency: int,
        send: Callable[[list[str]], Coroutine[Any, Any, T]],
    ) -> list[tuple[list[str], T | MarketkitError]]:
        """Give the answers, or errors, for `symbols`, each with the names that the answer is for.

        `send` asks for what is not on its way yet; 0 is the most urgent.
        """
        shared, rest = self._shared(cache_key, symbols, urgency)
        if rest:
            shared[self._start(cache_key, rest, urgency, send)] = rest
        for flight in shared:
            flight.waiters += 1
        try:
            answers = await asyncio.gather(
                *(asyncio.shield(flight.task) for flight in shared), return_exceptions=True
            )
        finally:
            for flight in shared:
                self._leave(flight)
        return [(names, _checked(a)) for names, a in zip(shared.values(), answers, strict=True)]

    def _shared(
        self, cache_key: Hashable, symbols: Sequence[str], urgency: int
    ) -> tuple[dict[_Flight[T], list[str]], list[str]]:
        shared: dict[_Flight[T], list[str]] = {}
        rest = []
        for symbol in symbols:
            flight = self._flying.get((cache_key, symbol))
            # A flight of the process that forked this one never lands here.
            ours = flight is not None and flight.task.get_loop() is asyncio.get_running_loop()
            if flight is not None and ours and flight.urgency <= urgency:
                shared.setdefault(flight, []).append(symbol)
            else:
                rest.append(symbol)
        return shared, rest

    def _start(
        self,
        cache_key: Hashable,
        symbols: list[str],
        urgency: int,
        send: Callable[[list[str]], Coroutine[Any, Any, T]],
    ) -> _Flight[T]:
        flight = _Flight(asyncio.ensure_future(send(symbols)), urgency)
        keys = [(cache_key, symbol) for symbol in symbols]
        self._flying.update(dict.fromkeys(keys, flight))
        flight.task.add_done_callback(lambda _: self._land(flight, keys))
        flight.task.add_done_callback(_heard)
        return flight

    def _leave(self, flight: _Flight[T]) -> None:
        flight.waiters -= 1
        if not flight.waiters and not flight.task.done():
            self._land(flight, [key for key, each in self._flying.items() if each is flight])
            flight.task.cancel()

    def _land(self, flight: _Flight[T], keys: Sequence[Hashable]) -> None:
        for key in keys:
            if self._flying.get(key) is flight:
                del self._flying[key]


def _heard(task: asyncio.Task[T]) -> None:
    """Take note of an error also where all callers have left, or asyncio would print one."""
    if not task.cancelled():
        task.exception()


def _checked(answer: T | BaseException) -> T | MarketkitError:
    """Give an answer or an error of ours; anything else is raised."""
    if isinstance(answer, BaseException) and not isinstance(answer, MarketkitError):
        raise answer
    return answer
