"""Days of trades in a frozen set: second names, hashes, and lines of the manifest."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from marketkit.coverage import Spans
from marketkit.data.lake.format import seal
from marketkit.data.lake.format.layout import SUFFIX
from marketkit.data.lake.format.nonsense import is_moment
from marketkit.data.lake.format.refusal import REPAIR, not_allowed, unreadable
from marketkit.data.lake.store.left_out import sources
from marketkit.data.lake.trades.day import KIND, read_footer
from marketkit.data.lake.trades.days import entries_of, stored
from marketkit.data.lake.trades.layout import TradeSeries, is_day
from marketkit.disk import link, sha256
from marketkit.errors import CorruptFile, LakeError, NewerFormat
from marketkit.symbols import symbol_of

_PATH = re.compile(
    rf"trades/source=(?P<source>[^/]+)/series=(?P<symbol>[^/]+)/(?P<day>[^/]+){re.escape(SUFFIX)}"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_AT_ONCE = 4  # files compared side by side: hashing leaves the other threads alone


class FrozenDay(NamedTuple):
    """One day of trades of a frozen set: size in bytes, SHA-256 in hex, and the covered times.

    `first` and `last` are the times of its trades in ms UTC; older manifests do not tell them.
    """

    series: TradeSeries
    day: str
    size: int
    sha256: str
    rows: int
    covered: Spans
    first: int | None = None
    last: int | None = None

    @property
    def path(self) -> str:
        """Where the file lies, below the folder of the set."""
        return self.series.path(self.day)

    def said(self) -> dict[str, Any]:
        """Give the line of the manifest."""
        covered = [list(span) for span in self.covered]
        told = {"path": self.path, "size": self.size, "sha256": self.sha256}
        ends = {"first": self.first, "last": self.last}
        return {**told, "rows": self.rows, **ends, "covered": covered}


def day_of_line(said: dict[str, Any]) -> FrozenDay:
    """Understand a line; a path that is not that of a day never becomes one on disk."""
    found = _PATH.fullmatch(said["path"])
    symbol = None if found is None else symbol_of(found["symbol"])
    if found is None or symbol is None or not is_day(found["day"]):
        raise ValueError(f"{said['path']!r} is not named like a day of trades")
    if not (_SHA256.fullmatch(said["sha256"]) and is_moment(said["size"])):
        raise ValueError(f"{said} is not a file of trades")
    if not is_moment(said["rows"]):
        raise ValueError(f"{said['rows']!r} is no number of rows")
    ends = said.get("first"), said.get("last")
    if not all(end is None or is_moment(end) for end in ends):
        raise ValueError(f"{ends} are no times")
    covered = Spans((int(start), int(end)) for start, end in said["covered"])
    series = TradeSeries(found["source"], symbol)
    sizes = (said["size"], said["sha256"], said["rows"])
    return FrozenDay(series, found["day"], *sizes, covered, *ends)


def link_days(root: Path, folder: Path) -> tuple[list[FrozenDay], dict[str, LakeError]]:
    """Give all days of trades second names below `folder`.

    A market with bytes that are not those that were written, or that may not be read, gets none:
    such come second, by their names, with the reason.
    """
    kept: list[FrozenDay] = []
    failures: dict[str, LakeError] = {}
    for source in sources(root, "trades"):
        for series in stored(root, source):
            try:
                kept += _of_market(root, folder, series)
            except LakeError as failure:
                failures[f"{series.symbol} {KIND}"] = failure
            except PermissionError as error:
                failures[f"{series.symbol} {KIND}"] = unreadable(root / series.folder, error)
            if f"{series.symbol} {KIND}" in failures:
                shutil.rmtree(folder / series.folder, ignore_errors=True)
    return kept, failures


def problem_of(path: Path, kept: FrozenDay) -> str | None:
    """Say in a few words how a file differs from the frozen one; None for no difference."""
    try:
        if sha256(path) != kept.sha256:
            return f"its bytes are not those that were frozen ({path.stat().st_size} of them)"
        footer, stamp = read_footer(path, kept.series)
    except FileNotFoundError:
        return "is missing"
    except PermissionError:
        return not_allowed(path)
    except (OSError, CorruptFile, NewerFormat) as error:
        return str(error)
    if (footer.rows, footer.covered, stamp.size) != (kept.rows, kept.covered, kept.size):
        return "the manifest says of it what the file does not"
    return None


def _of_market(root: Path, folder: Path, series: TradeSeries) -> Iterable[FrozenDay]:
    entries = entries_of(root, series)
    if entries:
        (folder / series.folder).mkdir(parents=True)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        days = list(_linked(root, folder, series, [entry.day for entry in entries]))
        return list(pool.map(lambda day: _hashed(root, folder, series, day), days))


def _linked(root: Path, folder: Path, series: TradeSeries, days: Iterable[str]) -> Iterator[str]:
    for day in days:
        with suppress(FileNotFoundError):  # taken out of the lake since it was listed
            link(f"{root}/{series.path(day)}", f"{folder}/{series.path(day)}")
            yield day


def _hashed(root: Path, folder: Path, series: TradeSeries, day: str) -> FrozenDay:
    """Compare the bytes behind a second name with the seal: perhaps of a version not listed."""
    path = folder / series.path(day)
    try:
        footer, stamp = read_footer(path, series)
        content = path.read_bytes()
        seal.check(content)  # there is one: the footer was read
    except (ValueError, CorruptFile) as error:
        said = f"{root / series.path(day)} cannot be kept: {error};\n{REPAIR}"
        raise CorruptFile(said) from error
    digest = hashlib.sha256(content).hexdigest()
    known = (footer.rows, footer.covered, footer.first, footer.last)
    return FrozenDay(series, day, stamp.size, digest, *known)
