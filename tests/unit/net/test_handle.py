"""The contract of handles without any work behind it, and interruptions as a frame."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from marketkit import schema
from marketkit.errors import EngineClosed
from marketkit.net.engine import engine
from marketkit.net.handle import Handle, Interruption, interruption_frame


class Bare(Handle):
    """A handle that only remembers how often it was ended."""

    def __init__(self) -> None:
        self.ended = 0

    @property
    def closed(self) -> bool:
        """Whether it was ended."""
        return self.ended > 0

    @property
    def failure(self) -> None:
        """Nothing fails here."""

    async def end(self) -> None:
        """Count."""
        assert engine().here
        self.ended += 1

    def _interruptions(self) -> Iterable[Interruption]:
        return [Interruption(1, None, "reset")]


def test_interruptions_are_a_frame_of_the_same_columns_also_where_there_are_none():
    rows = [
        Interruption(1_000, 2_000, "reset", 3_000, "rest"),
        Interruption(4_000, None, "silent", failure="gone"),
    ]
    frame = interruption_frame(rows)
    assert dict(frame.schema) == dict(interruption_frame([]).schema) == dict(schema.INTERRUPTION)
    assert frame["start"].dt.epoch("ms").to_list() == [1_000, 4_000]
    assert frame["end"].dt.epoch("ms").to_list() == [2_000, None]
    assert frame["closed"].dt.epoch("ms").to_list() == [3_000, None]
    assert frame.select("reason", "how", "failure").rows() == [
        ("reset", "rest", None),
        ("silent", None, "gone"),
    ]


def test_the_end_of_either_block_ends_it_on_the_engines_loop():
    with Bare() as one:
        assert not one.closed
    assert one.ended == 1

    async def main() -> Bare:
        async with Bare() as other:
            assert not other.closed
        return other

    assert asyncio.run(main()).ended == 1
    assert one.interruptions["reason"].to_list() == ["reset"]


def test_a_block_that_raises_ends_it_and_raises_on():
    handle = Bare()
    with pytest.raises(ZeroDivisionError), handle:
        raise ZeroDivisionError
    assert handle.closed


def test_on_the_engines_own_loop_close_would_wait_for_itself():
    handle = Bare()

    async def there() -> None:
        with pytest.raises(EngineClosed, match="async twin"):
            handle.close()
        await handle.aclose()

    engine().run(there())
    assert handle.ended == 1
