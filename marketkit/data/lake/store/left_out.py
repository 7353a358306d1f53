"""Series that cannot be looked at: each fails alone, and whoever asked for all is told which."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar

from marketkit.data.lake.format.chunk import Entry
from marketkit.data.lake.format.layout import Series, check_source
from marketkit.data.lake.format.refusal import unreadable
from marketkit.errors import CorruptFile, Incomplete, InputError, LakeError, NewerFormat, warn
from marketkit.timeframe import TIMEFRAMES, Timeframe

Failures = Mapping[str, LakeError]  # by the name of a series, as people say it

SPOILT = (CorruptFile, NewerFormat)  # what one file can do to its series
_NAMED = 12  # series that a warning names
_K = TypeVar("_K")
_T = TypeVar("_T")


class _Looking(Protocol):
    """An index, or the chunks together with waiting pages."""

    def stored(self, source: str, timeframe: Timeframe) -> list[Series]:
        """List every series of a timeframe."""

    def survey(
        self, wanted: Sequence[Series]
    ) -> tuple[dict[Series, list[Entry]], dict[Series, LakeError]]:
        """List the chunks of each series that can be looked at, and say why others cannot."""


def name_of(series: Series) -> str:
    """Name a series for people.

    >>> from marketkit.timeframe import TIMEFRAMES
    >>> name_of(Series("upbit", "KRW-BTC", TIMEFRAMES["1m"]))
    'KRW-BTC 1m'
    """
    return f"{series.symbol} {series.timeframe}"


def sources(root: Path, kept: str = "candles") -> list[str]:
    """List the sources with candles, or another folder. Raises `CorruptFile` if nobody may look."""
    folder, found = root / kept, list[str]()
    try:
        names = sorted(each.name for each in folder.iterdir() if each.name.startswith("source="))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise unreadable(folder, error) from error
    for name in names:
        with suppress(InputError):  # somebody else's folder
            found.append(check_source(name.removeprefix("source=")))
    return found


def survey(
    index: _Looking, of: Iterable[str]
) -> tuple[dict[Series, list[Entry]], dict[str, LakeError]]:
    """Look all series of all timeframes up; failures come second, by the names of the series."""
    stored: list[Series] = []
    failures: dict[str, LakeError] = {}
    for source in of:
        for timeframe in TIMEFRAMES.values():
            try:
                stored += index.stored(source, timeframe)
            except CorruptFile as failure:
                failures[f"all {timeframe}"] = failure
    found, broken = index.survey(stored)
    return found, failures | {name_of(series): failure for series, failure in broken.items()}


def say(failures: Failures, *, anything: bool) -> None:
    """Warn of the series that an answer lacks; raise where there is not `anything` else."""
    if not failures:
        return
    first = next(iter(failures.values()))
    if not anything:
        raise first
    names = sorted(failures)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    reason, hint = brief(failures[names[0]])
    warn(f"left out: {', '.join(names[:_NAMED])}{more}: {reason};\n{hint}", Incomplete)


def brief(failure: LakeError) -> tuple[str, str]:
    """Give the reason of a failure in a line, and the remedy in another."""
    reason, _, hint = str(failure).partition("\n")
    return reason.removesuffix(";"), hint if "repair" in hint else "`marketkit lake repair` helps"


def of_the_sound(
    wanted: Sequence[_K], answer: Callable[[Sequence[_K]], _T], name: Callable[[_K], str]
) -> tuple[_T, dict[str, LakeError]]:
    """Answer for everything wanted, or for everything but the parts with failures.

    Raises the first failure where all fail.
    """
    try:
        return answer(wanted), {}
    except SPOILT:
        if len(wanted) < 2:
            raise
        failures, sound = dict[str, LakeError](), list[_K]()
        for each in wanted:
            try:
                answer([each])
            except SPOILT as failure:
                failures[name(each)] = failure
            else:
                sound.append(each)
        if not sound:
            raise
        return answer(sound), failures


def from_series(
    wanted: Sequence[_K],
    answer: Callable[[Sequence[_K]], _T],
    name: Callable[[_K], str],
    *,
    named: bool,
) -> _T:
    """Answer for series that somebody named; else for all that can be read, with a warning.

    Raises the failure of one that is named, and where all fail.
    """
    if named:
        return answer(wanted)
    found, failures = of_the_sound(wanted, answer, name)
    say(failures, anything=True)
    return found
