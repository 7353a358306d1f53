"""The contract of handles of work on the engine's loop: feeds, series, recordings, jobs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import NoReturn, Self

import polars as pl

from marketkit.errors import NotPicklable
from marketkit.net import fork
from marketkit.net.engine import engine
from marketkit.schema import INTERRUPTION, TIME


@dataclass(frozen=True, slots=True)
class Interruption:
    """A time of which something was missing or wrong; ms UTC of the exchange's clock.

    `end` is when messages or answers came again, None while none has. `closed` is when nothing of
    that time was missing any more, and `how` says by what: `rest` told of what was missed, or the
    `stream` said it again. `failure` says what is missing for ever, and why.
    """

    start: int
    end: int | None
    reason: str
    closed: int | None = None
    how: str | None = None
    failure: str | None = None


def interruption_frame(interruptions: Iterable[Interruption]) -> pl.DataFrame:
    """Lay interruptions out as `schema.INTERRUPTION`, a row each, in order."""
    raw = {name: pl.Int64() if kind == TIME else kind for name, kind in INTERRUPTION.items()}
    rows = [astuple(each) for each in interruptions]
    return pl.DataFrame(rows, raw, orient="row").cast(pl.Schema(INTERRUPTION))


class Handle(ABC):
    """Work on the engine's loop, until the end or `close`.

    `close` and `aclose` return when everything is released: streams, files, tasks, and consumers
    are told. They may be called again, from anywhere; on the engine's own loop only `aclose` can.
    Pickling one raises `NotPicklable`; in a child made by `fork` there is nothing to be closed.
    """

    @property
    @abstractmethod
    def closed(self) -> bool:
        """Whether `close` was called, or all has come to an end."""

    @property
    @abstractmethod
    def failure(self) -> BaseException | None:
        """The exception that ended the work; None while running and after an end as wished."""

    @property
    def interruptions(self) -> pl.DataFrame:
        """The times of which something was missing or wrong, as `schema.INTERRUPTION`.

        `start` and `end` (null while messages have not come again), the `reason`, when nothing of
        it was missing any more (`closed`) and `how`: `rest` or `stream`; `failure` says what is
        missing for ever, and why.
        """
        fork.check()
        return interruption_frame(self._interruptions())

    @abstractmethod
    async def end(self) -> None:
        """Release everything, for callers on the engine's loop; also where that has been done."""

    def close(self) -> None:
        """Release everything, and return when that is done."""
        if not fork.stranded():
            engine().run(self.end())

    async def aclose(self) -> None:
        """Release everything, and return when that is done; the async twin of `close`."""
        await engine().arun(self.end())

    def __reduce__(self) -> NoReturn:
        raise NotPicklable(type(self).__name__)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @abstractmethod
    def _interruptions(self) -> Iterable[Interruption]:
        """Give the interruptions so far."""
