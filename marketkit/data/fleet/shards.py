"""Shards of a list of markets, for machines that know nothing of each other. Pure.

A market is in the same shard in each run, whatever else is listed: a machine that carries its lake
on has the same markets tomorrow.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from marketkit.errors import InputError

_FORM = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


@dataclass(frozen=True, slots=True)
class Shard:
    """The `number`th of so many like parts, counted from 1."""

    number: int
    parts: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `3/10`. Raises `InputError` for any other spelling and for a part there is not.

        >>> Shard.read("3/10")
        Shard(number=3, parts=10)
        """
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise InputError(f"shard {text!r} is no part of a whole: write 3/10, the third of ten")
        number, count = int(found[1]), int(found[2])
        if not 1 <= number <= count:
            raise InputError(
                f"there is no shard {text!r}: of ten the first is 1/10, the last 10/10"
            )
        return cls(number, count)

    def of(self, symbols: Iterable[str]) -> list[str]:
        """Give the symbols of this part, in their order."""
        return [symbol for symbol in symbols if self._has(symbol)]

    def __str__(self) -> str:
        return f"{self.number}/{self.parts}"

    def _has(self, symbol: str) -> bool:
        # Not Python's own hash, which is another one in every process.
        spread = int.from_bytes(hashlib.sha256(symbol.encode()).digest()[:8])
        return spread % self.parts == self.number - 1
