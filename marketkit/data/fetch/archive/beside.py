"""Work that goes on beside the reading of files, on no more rows at a time than memory is for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


class Beside:
    """Pieces of work under way in a group of tasks, with `most` rows in hand together."""

    def __init__(self, tasks: asyncio.TaskGroup, most: int) -> None:
        self._tasks = tasks
        self._most = most
        self._rows = 0
        self._ended = asyncio.Condition()

    async def begin(self, rows: int, work: Callable[[], Awaitable[None]]) -> None:
        """Begin work on so many rows as soon as there is room; too many are worked on alone."""
        async with self._ended:
            await self._ended.wait_for(lambda: not self._rows or self._fits(rows))
            self._rows += rows
        self._tasks.create_task(self._do(rows, work))

    def _fits(self, rows: int) -> bool:
        return self._rows + rows <= self._most

    async def _do(self, rows: int, work: Callable[[], Awaitable[None]]) -> None:
        await work()
        async with self._ended:
            self._rows -= rows
            self._ended.notify_all()


@asynccontextmanager
async def beside(most: int) -> AsyncIterator[Beside]:
    """Have work go on beside a block, which ends with all of that work.

    The first failure, of the block or of the work, ends the others and is raised as it is.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            yield Beside(tasks, most)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
