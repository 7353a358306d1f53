"""An answer with the story: the source and age of each symbol, and the time taken."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from marketkit.api.query import Query, Result, Source, raise_or_skip
from marketkit.clock import age_clock
from marketkit.errors import MarketkitError
from marketkit.notebook.table import table

F_co = TypeVar("F_co", covariant=True)


@dataclass(frozen=True, slots=True, eq=False)
class DataResponse(Generic[F_co]):
    """A frame with the story, as given by `with_response`.

    `source` and `age_ms` are by symbol. An age counts from the moment the request for the data was
    written, so the data is never older than it says. `failures` are the errors by symbol; a symbol
    is in it or in `source`, never in both. `notes` are remarks by symbol: that a market has ended,
    and what of the range nobody knows.

    The source of candles that the lake has none of, but finer ones to make them of, is `derived`.
    From wherever they came, `derived` names for each symbol with made candles the timeframes that
    these are made of (`"1m"`; `"1h, 1m"` where some of the hours are made, too). The exchange's own
    may differ in the open: ask `get_candle(derive=False)` for those.
    """

    frame: F_co
    source: Mapping[str, Source]
    age_ms: Mapping[str, int]
    response_time_ms: float
    failures: Mapping[str, MarketkitError]
    derived: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def success(self) -> bool:
        """Whether every symbol was delivered."""
        return not self.failures

    @property
    def cache_hit(self) -> bool:
        """Whether everything was answered without asking the exchange."""
        return self.success and "rest" not in self.source.values()

    @property
    def symbols_per_second(self) -> float:
        """Symbols delivered, with a known age, by the time the call took."""
        return len(self.source) / self.response_time_ms * 1000

    def __repr__(self) -> str:
        lines = [f"DataResponse({self._summary()})"]
        lines += [f"  {symbol}: {failure}" for symbol, failure in self.failures.items()]
        lines += [f"  {note}" for note in self.notes.values()]
        return "\n".join([*lines, table(self.frame).text()])

    def _repr_html_(self) -> str:
        told = [f"{symbol}: {failure}" for symbol, failure in self.failures.items()]
        lines = "".join(f"<li>{html.escape(line)}</li>" for line in [*told, *self.notes.values()])
        return f"<p>{html.escape(self._summary())}</p><ul>{lines}</ul>{table(self.frame).html()}"

    def _summary(self) -> str:
        counts = Counter("lake" if each == "derived" else each for each in self.source.values())
        sources = ", ".join(f"{count} from {source}" for source, count in counts.most_common())
        ages = self.age_ms.values()
        oldest = f", at most {max(ages)} ms old" if ages else ""
        made = f", {len(self.derived)} made of finer candles" if self.derived else ""
        failed = f", {len(self.failures)} failed" if self.failures else ""
        return f"{sources or 'nothing'} in {self.response_time_ms:.1f} ms{oldest}{made}{failed}"


def respond(query: Query, result: Result, seconds: float) -> DataResponse[Any]:
    """Give the frame of a query with the story; without any rows, raise the failures."""
    if result.failures and not result.sources:
        raise_or_skip(result.frame, result.failures, "raise")
    now = age_clock()
    known = [(symbol, *key) for key, symbols in result.sources.items() for symbol in symbols]
    return DataResponse(
        query.shape(result.frame, result),
        {symbol: source for symbol, source, _ in known},
        {symbol: now - made for symbol, _, made in known},
        seconds * 1000,
        {**result.failures, **result.left},
        derived=result.derived,
        notes={symbol: note.text for symbol, note in result.notes.items()},
    )
