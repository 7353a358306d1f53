"""Work goes on beside a block, within a bound of rows, and one failure ends all of it."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.data.fetch.archive.beside import beside


def test_as_many_go_on_together_as_there_is_room_for():
    under_way, most = [], []

    async def work():
        under_way.append(1)
        most.append(len(under_way))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        under_way.pop()

    async def main():
        async with beside(100) as others:
            for _ in range(9):
                await others.begin(40, work)

    asyncio.run(main())
    assert max(most) == 2
    assert len(most) == 9


def test_too_many_rows_are_worked_on_alone():
    seen = []

    async def main():
        began, may_end = asyncio.Event(), asyncio.Event()

        async def small():
            began.set()
            await may_end.wait()
            seen.append("small")

        async def large():
            seen.append("large")

        async with beside(100) as others:
            await others.begin(1, small)
            await began.wait()
            waiting = asyncio.create_task(others.begin(1000, large))
            await asyncio.sleep(0)
            assert not waiting.done()
            may_end.set()
            await waiting

    asyncio.run(main())
    assert seen == ["small", "large"]


def test_a_failure_of_work_ends_the_block_and_is_raised_as_it_is():
    ended = []

    async def fails():
        raise OSError("no space")

    async def endless():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("endless")

    async def main():
        async with beside(100) as others:
            await others.begin(1, endless)
            await others.begin(1, fails)
            await asyncio.Event().wait()

    with pytest.raises(OSError, match="no space"):
        asyncio.run(main())
    assert ended == ["endless"]


def test_a_failure_of_the_block_ends_the_work():
    ended = []

    async def main():
        began = asyncio.Event()

        async def endless():
            began.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("endless")

        async with beside(100) as others:
            await others.begin(1, endless)
            await began.wait()
            raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        asyncio.run(main())
    assert ended == ["endless"]
