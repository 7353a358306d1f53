"""The chunks of a lake with waiting pages, for everybody to look at.

A page counts from the moment it is in the journal. Whoever looks takes the journal first and the
files after it, and looks again where another journal lies there by then: pages are put over the
version of a chunk that lacks them, never over a later one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from marketkit.data.lake.format.chunk import Entry
from marketkit.data.lake.format.journal import Journal
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store.index import Index
from marketkit.data.lake.store.journals import Journals
from marketkit.errors import LakeError
from marketkit.timeframe import Timeframe


class Seen:
    """The chunks of a lake as listed by the index, with waiting pages."""

    def __init__(self, index: Index, journals: Journals) -> None:
        self._index = index
        self._journals = journals

    def entries(self, series: Series) -> list[Entry]:
        """List the chunks of a series, as `Index.entries`."""
        return self.look([series])[0]

    def look(self, wanted: Sequence[Series]) -> list[list[Entry]]:
        """List the chunks of each series, as `Index.look`."""
        found, failures = self.survey(wanted)
        for failure in failures.values():
            raise failure
        return [found[series] for series in wanted]

    def survey(
        self, wanted: Sequence[Series]
    ) -> tuple[dict[Series, list[Entry]], dict[Series, LakeError]]:
        """List the chunks of each series that can be looked at, as `Index.survey`."""
        closed: dict[Series, LakeError] = {}
        while True:
            waiting = self._journals.of(wanted, closed)
            found, failures = self._index.survey(wanted)
            if not waiting and not closed:
                return found, failures
            if _names(self._journals.of(list(waiting), closed)) == _names(waiting):
                break
        for series, journal in waiting.items():
            if series in found:
                found[series] = self._journals.over(series, found[series], journal)
        sound = {series: entries for series, entries in found.items() if series not in closed}
        return sound, closed | failures

    def stored(self, source: str, timeframe: Timeframe) -> list[Series]:
        """List every series of a timeframe, as `Index.stored`."""
        return self._index.stored(source, timeframe)


def _names(waiting: Mapping[Series, Journal]) -> dict[Series, bytes]:
    return {series: journal.name for series, journal in waiting.items()}
