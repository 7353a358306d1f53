"""Pages of right rows that are not the right page: empty, short, with a hole, stale, twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from marketkit.sandbox.desk import MOST_CANDLES, Answer
from marketkit.sandbox.faulty.strikes import Fault
from marketkit.sandbox.faulty.text import named

Rows = list[str]


def paged(answer: Answer, faults: Iterable[Fault]) -> Answer:
    """Return an answerer whose pages have the faults, one after the other."""
    for fault in faults:
        if fault.kind == "stale-page":
            answer = _stale(answer, fault)
        elif fault.kind in _PAGES:
            answer = _altered(answer, fault)
    return answer


def _stale(answer: Answer, fault: Fault) -> Answer:
    return lambda query, now: answer(query, now - round(fault.number * 1000))


def _altered(answer: Answer, fault: Fault) -> Answer:
    alter = _PAGES[fault.kind]
    return lambda query, now: alter(answer(query, now), fault)


def repeated(rows: Rows, most: int) -> Rows:
    """Return a page in which one row comes twice, not longer than the page may be."""
    middle = len(rows) // 2
    return [*rows[: middle + 1], *rows[middle:]][:most]


def _short(rows: Rows, fault: Fault) -> Rows:
    return rows[: int(fault.number) if fault.value else len(rows) // 2]


def _holed(rows: Rows, fault: Fault) -> Rows:
    lost = int(fault.number) if fault.value else len(rows) // 3
    start = max(0, (len(rows) - lost) // 2)
    return rows[:start] + rows[start + lost :]


_PAGES: Final[dict[str, Callable[[Rows, Fault], Rows]]] = {
    "duplicate": lambda rows, _: repeated(rows, most=MOST_CANDLES),
    "empty-page": lambda _rows, _fault: [],
    "short-page": _short,
    "holed-page": _holed,
    "hostile-names": lambda rows, fault: [named(row, fault.value) for row in rows],
}
