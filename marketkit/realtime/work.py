"""The contract of the work behind a handle of streams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from marketkit.errors import MarketkitError
from marketkit.net.handle import Interruption


class Work(Protocol):
    """The work behind a handle, on the engine's loop; the handle is no part of the work."""

    @property
    def failure(self) -> Exception | None:
        """The exception that ended the work."""

    @property
    def interruptions(self) -> Iterable[Interruption]:
        """The interruptions so far."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """The markets that belong to the work now, sorted."""

    def join(self, symbols: Sequence[str]) -> None:
        """Take more markets in, on the engine's loop."""

    def leave(self, symbol: str, why: str) -> None:
        """Let a market go that has ended, on the engine's loop."""

    async def end(self, failure: MarketkitError) -> None:
        """End because no market is left."""

    async def close(self) -> None:
        """Release everything."""
