"""The manifest of a frozen set: files with hashes and footers, and one hash over all.

The hash of the set is the SHA-256 of what `sha256sum` prints for its files in the order of their
paths, so that anybody can work it out without marketkit (of a set with trades `trades/source=*` as
well):
`find candles/source=* -name '*.parquet' | LC_ALL=C sort | xargs sha256sum | sha256sum`.
What a file covers stands in the file as well, so the hash speaks for that, too.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from marketkit.coverage import Span, Spans
from marketkit.data.lake.format.chunk import FORMAT, Entry, Footer, Stamp
from marketkit.data.lake.format.layout import SUFFIX, Series, is_chunk
from marketkit.data.lake.format.marker import FROZEN
from marketkit.data.lake.format.nonsense import NONSENSE, evidence_of, is_moment
from marketkit.data.lake.format.refusal import unreadable
from marketkit.data.lake.snapshots.days import FrozenDay, day_of_line
from marketkit.errors import CorruptFile, NewerFormat
from marketkit.frames import DEFAULTS
from marketkit.notebook import words
from marketkit.notebook.card import Card, Shown
from marketkit.symbols import symbol_of
from marketkit.timeframe import iso, timeframe_of_token

_PATH = re.compile(
    r"candles/source=(?P<source>[^/]+)/timeframe=(?P<token>[^/]+)/series=(?P<symbol>[^/]+)"
    rf"/(?P<chunk>[^/]+){re.escape(SUFFIX)}"
)
WITH_TRADES = 2  # format of a set with trades, which earlier releases would lose
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?")
_MOST = 1 << 40  # rows or bytes of a file: all that a chunk can have, a thousand times over
_FEW = 5  # symbols that a citation names one by one


@dataclass(frozen=True, slots=True, repr=False)
class Frozen(Shown):
    """A set of candles that no later write changes.

    `created` is in ms UTC; `hash` is the SHA-256 over the hashes of all files: two sets with the
    same hash hold the same bytes.
    """

    name: str
    created: int
    files: int
    rows: int
    bytes: int
    hash: str
    trades: int = 0

    def _card(self) -> Card:
        created = datetime.fromtimestamp(self.created // 1000, ZoneInfo(DEFAULTS.tz))
        facts = {
            "frozen": words.moment(created),
            "candles": f"{self.rows:,} in {self.files:,} files, {words.size(self.bytes)}",
            "hash": self.hash,
        }
        if self.trades:
            facts["trades"] = f"{self.trades:,}, in these files, too"
        return Card(f"Frozen set {self.name}", facts)


class FrozenFile(NamedTuple):
    """One file of a frozen set; of the stamp only the size means anything."""

    series: Series
    entry: Entry

    @property
    def path(self) -> str:
        """Where the file lies, below the folder of the set."""
        return self.series.path(self.entry.chunk)


@dataclass(frozen=True)
class Manifest:
    """The files of a frozen set in the order of paths, and how the set came together.

    `eras` are, of a set in a bucket, those of copies that are of no first era, by path.
    """

    name: str
    created: int
    library: str
    files: tuple[FrozenFile, ...]
    days: tuple[FrozenDay, ...] = ()
    eras: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        name: str,
        created: int,
        library: str,
        files: Iterable[FrozenFile],
        days: Iterable[FrozenDay] = (),
        *,
        eras: Mapping[str, int] | None = None,
    ) -> Manifest:
        """Put the files in order."""
        in_order = tuple(sorted(files, key=lambda kept: kept.path))
        in_days = tuple(sorted(days, key=lambda day: day.path))
        return cls(name, created, library, in_order, in_days, eras or {})

    @property
    def paths(self) -> list[str]:
        """The paths of all files, below the folder of the set."""
        return [*self._paths, *(day.path for day in self.days)]

    @cached_property
    def _paths(self) -> list[str]:
        """The paths of the files of candles, each put together once."""
        return [kept.path for kept in self.files]

    @cached_property
    def hash(self) -> str:
        """The SHA-256 over the hashes and paths of all files."""
        both = zip(self.files, self._paths, strict=True)
        lines = [f"{kept.entry.sha256}  {path}\n" for kept, path in both]
        lines += [f"{kept.sha256}  {kept.path}\n" for kept in self.days]
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def summary(self) -> Frozen:
        """The summary of the set."""
        rows = sum(kept.entry.footer.rows for kept in self.files)
        size = sum(kept.entry.stamp.size for kept in self.files)
        size += sum(kept.size for kept in self.days)
        count, trades = len(self.files) + len(self.days), sum(kept.rows for kept in self.days)
        return Frozen(self.name, self.created, count, rows, size, self.hash, trades)

    def spell(self) -> str:
        """Write the manifest as JSON, with a line for each file."""
        head = {
            "format": WITH_TRADES if self.days else FORMAT,
            "name": self.name,
            "created": self.created,
            "library": self.library,
            "hash": self.hash,
            **({"eras": dict(self.eras)} if self.eras else {}),
        }
        files = _lines(list(map(_said, self.files, self._paths)))
        trades = ""
        if self.days:
            trades = f',\n"trades": {_lines([kept.said() for kept in self.days])}'
        return f'{json.dumps(head, indent=0)[:-2]},\n"files": {files}{trades}\n}}\n'


def _lines(said: list[dict[str, Any]]) -> str:
    """Write JSON of a list, with a line for each entry."""
    # The standard library takes two to four times as long, of thousands ten milliseconds.
    import msgspec  # noqa: PLC0415 - only for who freezes

    return msgspec.json.encode(said).decode().replace("},{", "},\n{")


def is_name(name: object) -> bool:
    """Say whether a frozen set, and so a folder, can have this name."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the set in a folder.

    Raises `CorruptFile` if there is none, if it cannot be understood or if its hash is not that of
    its files, and `NewerFormat` if a later marketkit froze the set.
    """
    path = folder / FROZEN
    try:
        return _read(path, Stamp.of(path.stat()))
    except PermissionError as error:
        raise unreadable(path, error) from error
    except (OSError, *NONSENSE) as error:
        raise CorruptFile(f"{path} is not the manifest of a frozen set: {error!r}") from error


@lru_cache(maxsize=8)  # a backtest asks for the same set many times
def _read(path: Path, _version: Stamp) -> Manifest:
    return manifest_of(json.loads(path.read_bytes()), path)


def manifest_of(said: dict[str, Any], path: object) -> Manifest:
    """Understand a manifest that `path` names. Raises the errors of `NONSENSE`, `NewerFormat`."""
    known = WITH_TRADES if "trades" in said else FORMAT
    if said["format"] > known:
        raise NewerFormat(
            f"{path} has format {said['format']}; this marketkit reads up to {known}: update it"
        )
    files = [_kept(each) for each in said["files"]]
    name, created, library = said["name"], said["created"], said["library"]
    if not (is_name(name) and is_moment(created)):
        raise ValueError(f"no set is called {name!r} or was frozen at {created!r}")
    days = [day_of_line(each) for each in said.get("trades", ())]
    eras = dict(said.get("eras", {}))
    if not all(type(era) is int and era > 0 for era in eras.values()):
        raise ValueError(f"{eras} are no eras")
    manifest = Manifest.of(name, created, str(library), files, days, eras=eras)
    if manifest.hash != said["hash"]:
        raise ValueError(f"its files have the hash {manifest.hash}, not {said['hash']}")
    return manifest


def cite(manifest: Manifest) -> str:
    """Write a BibTeX entry that tells the set from every other."""
    day, told = iso(manifest.created)[:10], manifest.summary
    trades = f", {told.trades} trades" if told.trades else ""
    fields = {
        "title": f"{_escaped(manifest.name)}: {_contents(manifest)}",
        "year": day[:4],
        "month": day[5:7].lstrip("0"),
        "note": f"Frozen on {day} with marketkit {_escaped(manifest.library)}; "
        f"{told.files} files, {told.rows} candles{trades}; SHA-256 {manifest.hash}",
    }
    lines = "".join(f",\n  {name} = {{{value}}}" for name, value in fields.items())
    return f"@misc{{{manifest.name}{lines}\n}}\n"


def _said(kept: FrozenFile, path: str) -> dict[str, Any]:
    footer = kept.entry.footer
    return {
        "path": path,
        "size": kept.entry.stamp.size,
        "sha256": kept.entry.sha256,
        "rows": footer.rows,
        "first": footer.first,
        "last": footer.last,
        "covered": list(footer.covered),
        "nothing_before": footer.nothing_before,
        "rests_on": None if footer.nothing_before is None else footer.rests_on,
    }


def _kept(said: dict[str, Any]) -> FrozenFile:
    """Understand a line; a path that is not that of a chunk never becomes one on disk."""
    found = _PATH.fullmatch(said["path"])
    if found is None or not _SHA256.fullmatch(said["sha256"]):
        raise ValueError(f"{said} is not a candle file")
    series = _series(found["source"], found["token"], found["symbol"])
    if not is_chunk(series.timeframe, found["chunk"]):
        raise ValueError(f"{said['path']!r} is not named like a chunk")
    covered = _spans(tuple(map(tuple, said["covered"])))
    moments = said["nothing_before"], said["first"], said["last"]
    if not all(moment is None or is_moment(moment) for moment in moments):
        raise ValueError(f"{moments} are no times")
    rows, size = said["rows"], said["size"]
    if not all(type(number) is int and 0 <= number < _MOST for number in (rows, size)):
        raise ValueError(f"{rows} rows in {size} bytes are no candle file")
    rests_on = evidence_of(said.get("rests_on"))
    footer = Footer(covered, moments[0], rows, *moments[1:], rests_on=rests_on)
    return FrozenFile(series, Entry(found["chunk"], Stamp(size, 0, 0), footer, said["sha256"]))


# Thousands of files have few names between them, and full ones of the same days say the same.
@lru_cache(maxsize=4096)
def _series(source: str, token: str, name: str) -> Series:
    timeframe, symbol = timeframe_of_token(token), symbol_of(name)
    if timeframe is None or symbol is None:
        raise ValueError(f"{token!r} is no timeframe, or {name!r} no series")
    return Series(source, symbol, timeframe)


@lru_cache(maxsize=4096)
def _spans(pairs: tuple[tuple[int, int], ...]) -> Spans:
    if not all(type(edge) is int for pair in pairs for edge in pair):
        raise ValueError(f"{pairs[:3]} are no spans")
    return Spans((start, end) for start, end in pairs)


def _contents(manifest: Manifest) -> str:
    """Count for each source and timeframe the symbols, and give first and last times."""
    groups: dict[tuple[str, str], list[FrozenFile]] = {}
    for kept in manifest.files:
        groups.setdefault((kept.series.source, kept.series.timeframe.name), []).append(kept)
    return "; ".join(_group(*key, files) for key, files in groups.items())


def _group(source: str, timeframe: str, files: list[FrozenFile]) -> str:
    symbols = sorted({kept.series.symbol for kept in files})
    named = ", ".join(symbols) if len(symbols) <= _FEW else f"{len(symbols)} symbols"
    hull = Spans(span for kept in files for span in kept.entry.footer.covered).hull
    return f"{named} {timeframe} of {_escaped(source)}{_span(hull)}"


def _span(hull: Span | None) -> str:
    return "" if hull is None else f" from {iso(hull.start)} to {iso(hull.end)}"


def _escaped(text: str) -> str:
    return text.replace("_", r"\_")
