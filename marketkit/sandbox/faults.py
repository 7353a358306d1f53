"""Faults on demand, drawn from a seed so that a run can be repeated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Final

from marketkit.errors import InputError
from marketkit.sandbox.stream.faults import STREAM_KINDS

KINDS: Final = ("429", "418", "500", "reset", "truncate", "badjson", "html", "duplicate")


class Faults:
    """A table of kinds and probabilities; at most one fault strikes a request.

    An injected 429 or 418 takes no place in the rate window and is not among a group's `rejected`;
    the others are answers gone wrong and do take one. A request that the limits refuse suffers no
    fault, and `duplicate` strikes candle pages only.
    """

    def __init__(self, table: Mapping[str, float], seed: int = 1) -> None:
        self._draw = Random(seed)
        self.counts: Counter[str] = Counter()
        self.table = checked(table)

    def replace(self, table: Mapping[str, float]) -> None:
        """Put another table in place of the old one."""
        self.table = checked(table)

    def draw(self) -> str | None:
        """Return the kind of fault drawn for a request, if any; `strike` counts the fault."""
        if not self.table:
            return None
        chance = self._draw.random()
        for kind, probability in self.table.items():
            chance -= probability
            if chance < 0:
                return kind
        return None

    def strike(self, kind: str) -> None:
        """Count a fault that took effect."""
        self.counts[kind] += 1

    def stats(self) -> dict[str, int]:
        """Return how often each kind struck."""
        return {kind: self.counts[kind] for kind in KINDS}


def checked(table: Mapping[str, float]) -> dict[str, float]:
    """Return the table; raise InputError for an unknown kind or a value that is no probability."""
    for kind, probability in table.items():
        if kind not in KINDS:
            known = ", ".join((*KINDS, *STREAM_KINDS))
            raise InputError(f"unknown fault {kind!r}; there are {known}")
        if not 0 <= probability <= 1:
            raise InputError(f"fault {kind}={probability} is not a probability")
    if sum(table.values()) > 1:
        raise InputError("the probabilities of all faults sum to more than 1")
    return dict(table)


def of_requests(table: Mapping[str, float]) -> dict[str, float]:
    """Return the faults of requests in a table, with unknown kinds, which `checked` refuses."""
    return {kind: chance for kind, chance in table.items() if kind not in STREAM_KINDS}


def of_streams(table: Mapping[str, float]) -> dict[str, float]:
    """Return the faults of websockets in a table."""
    return {kind: chance for kind, chance in table.items() if kind in STREAM_KINDS}


def repeated(rows: list[str], most: int) -> list[str]:
    """Return a page in which one row comes twice, not longer than the page may be."""
    middle = len(rows) // 2
    return [*rows[: middle + 1], *rows[middle:]][:most]
