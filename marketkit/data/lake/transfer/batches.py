"""Files in batches that memory can hold: all at once, or else market by market, read again.

Rows of one market are judged together, so that files which share a market are in one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from marketkit.data.lake.transfer.source_table import SourceTable
from marketkit.errors import InputError

Read = Callable[[Sequence[Path]], Iterable[SourceTable | InputError]]

_HELD = 10_000_000  # rows held at once: some 2 GB, with all that is made of a row


@dataclass(slots=True)
class Batches:
    """Files that were read once, and the markets that each speaks of.

    With `one` all rows are of one market, which no batch could part.
    """

    files: Sequence[Path]
    read: Read
    one: bool
    _tables: dict[int, SourceTable] = field(default_factory=dict)
    _markets: dict[int, set[str | None]] = field(default_factory=dict)
    _rows: int = 0

    def survey(self) -> Iterator[SourceTable | InputError]:
        """Read every file once, and give each or the error; rows are kept while there is room."""
        for number, table in enumerate(self.read(self.files)):
            if isinstance(table, SourceTable):
                self._take(number, table)
            yield table

    def numbers(self) -> list[list[int]]:
        """Give the numbers of the files of each batch, in order."""
        if self._is_held:
            return [list(self._tables)]
        batches: list[tuple[set[str | None], list[int]]] = []
        for number, markets in self._markets.items():
            joined = [each for each in batches if each[0] & markets]
            batches = [each for each in batches if each not in joined]
            names = set(markets).union(*(each[0] for each in joined))
            batches.append((names, [*(n for each in joined for n in each[1]), number]))
        return [sorted(each) for _, each in batches]

    def load(self, numbers: Sequence[int]) -> Iterator[tuple[int, SourceTable | InputError]]:
        """Give the files of a batch, read again where the rows were not kept."""
        if self._is_held:
            yield from ((number, self._tables[number]) for number in numbers)
        else:
            yield from zip(numbers, self.read([self.files[n] for n in numbers]), strict=True)

    @property
    def _is_held(self) -> bool:
        return self.one or self._rows <= _HELD

    def _take(self, number: int, table: SourceTable) -> None:
        said = table.rows["symbol"]
        is_named = said.null_count() < said.len()
        self._markets[number] = set(said.unique()) if is_named else {table.market}
        self._rows += table.rows.height
        self._tables[number] = table
        if not self._is_held:
            self._tables = {
                each: replace(kept, rows=kept.rows.clear()) for each, kept in self._tables.items()
            }
