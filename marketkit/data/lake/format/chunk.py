"""One chunk on disk: candles and coverage, in one Parquet file only ever replaced whole.

Coverage lies in the footer, so that one `os.replace` commits it together with the rows: neither
can outlive the other.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO, FileIO
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from marketkit.coverage import ONE_ANSWER, Span, Spans
from marketkit.data.lake.format import seal
from marketkit.data.lake.format.encoding import encode
from marketkit.data.lake.format.footer import Tail, read_end, read_tail
from marketkit.data.lake.format.journal import Mark, mark_of
from marketkit.data.lake.format.layout import SUFFIX, Series, chunk_span, is_chunk
from marketkit.data.lake.format.nonsense import NONSENSE, UNREADABLE, evidence_of, is_moment
from marketkit.data.lake.format.provenance import NO_ARCHIVE, Provenance, provenance_of
from marketkit.data.lake.format.verify import verify
from marketkit.disk import write_atomic
from marketkit.errors import CorruptFile, NewerFormat
from marketkit.schema import ROW
from marketkit.settings import library_version
from marketkit.timeframe import Timeframe, iso
from marketkit.window import EVER

FORMAT = 1  # of the files; a lake of a later one is refused

KEY = b"marketkit"
# Spans, and texts of them, that are remembered: full chunks of the same days say the same, and
# years have few such. Those of a backfill are new with each page, and nobody asks for them again.
_TEXTS = 256
# What the footers of all chunks begin with, as pyarrow writes it: who only reads loads no pyarrow.
SCHEMA = (
    b"\x15\x04\x19\x9c5\x00\x18\x06schema\x15\x10\x00\x15\x0c%\x02\x18\x06symbol%\x00L\x1c\x00"
    b"\x00\x00\x15\x04%\x02\x18\x04time%\x12L\x8c\x11\x1c\x1c\x00\x00\x00\x00\x00\x15\n%\x02"
    b"\x18\x04open\x00\x15\n%\x02\x18\x04high\x00\x15\n%\x02\x18\x03low\x00\x15\n%\x02\x18\x05"
    b"close\x00\x15\n%\x02\x18\x06volume\x00\x15\n%\x02\x18\x05value\x00\x16"
)


class Stamp(NamedTuple):
    """The mark that tells one version of a file from the next without opening either."""

    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, stat: os.stat_result) -> Stamp:
        """Give the stamp of a file from the file's status."""
        return cls(stat.st_size, stat.st_mtime_ns, stat.st_ino)


@dataclass(frozen=True, slots=True)
class Footer:
    """The footer of a chunk; times in ms UTC.

    `covered` are the slots that were asked and answered, traded or not; `nothing_before` is the
    moment before which the exchange had nothing; `first` and `last` are the times of its rows, None
    where it has none. `rests_on` says what proved that moment, in a word of `coverage.Evidence` or
    of a later marketkit. `archive` is where rows came from, `taken` the journal that is merged in:
    only the file itself has these, not what the index or a manifest remembers of a footer.
    """

    covered: Spans
    nothing_before: int | None
    rows: int
    first: int | None
    last: int | None
    rests_on: str = field(default=ONE_ANSWER, kw_only=True)
    archive: Provenance = field(default=NO_ARCHIVE, kw_only=True, compare=False)
    taken: Mark | None = field(default=None, kw_only=True, compare=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """One chunk on disk: the file's stamp and footer.

    `sha256` is the hash of the whole file in hex if this lake wrote it, None where only the footer
    was read: it is then unknown, not wrong.
    """

    chunk: str
    stamp: Stamp
    footer: Footer
    sha256: str | None = None


def describe(
    frame: pl.DataFrame, covered: Spans, nothing_before: int | None, rests_on: str = ONE_ANSWER
) -> Footer:
    """Give the footer of a chunk with these rows, sorted by time."""
    times = frame["time"].cast(pl.Int64)
    ends = (times[0], times[-1]) if frame.height else (None, None)
    return Footer(covered, nothing_before, frame.height, *ends, rests_on=rests_on)


def read_footer(path: Path, series: Series) -> tuple[Footer, Stamp]:
    """Read the footer of the chunk at `path`.

    Raises `CorruptFile` if it is not a candle file of this series, `NewerFormat` if a later
    marketkit wrote it, and `FileNotFoundError` if there is none.
    """
    with path.open("rb", buffering=0) as file:
        return footer_of(file, path, series), Stamp.of(os.fstat(file.fileno()))


class Version(NamedTuple):
    """One version of a file: the stamp, and the SHA-256 of all bytes in hex."""

    stamp: Stamp
    sha256: str


def read_chunk(
    path: Path, series: Series, known: Version | None = None
) -> tuple[pl.DataFrame, Footer]:
    """Read rows and footer of one version of a chunk, after the bytes were compared with the proof.

    `known` is the hash of a version, if anybody knows one. Raises as `read_footer`.
    """
    with path.open("rb", buffering=0) as file:
        stamp, footer = Stamp.of(os.fstat(file.fileno())), footer_of(file, path, series)
        file.seek(0)
        content = file.readall()
    told = known.sha256 if known is not None and known.stamp == stamp else None
    try:
        verify(content, told)
        return pl.read_parquet(content, hive_partitioning=False), footer
    except (ValueError, *UNREADABLE) as error:
        raise CorruptFile(f"{path} cannot be read: {error}") from error


def write_chunk(path: Path, frame: pl.DataFrame, footer: Footer, series: Series) -> Version:
    """Put rows and footer in the place of any file at `path`, as one step for every reader.

    A kill or a full disk at any point leaves the old file as it was, and at worst a temporary one.
    """
    content, sha256 = spell_chunk(frame, footer, series)
    status = write_atomic(path, lambda file: file.write(content))
    return Version(Stamp.of(status), sha256)


def spell_chunk(frame: pl.DataFrame, footer: Footer, series: Series) -> seal.Sealed:
    """Give the bytes of a chunk with rows and footer, and their hash."""
    return seal.seal(encode(frame, {KEY: _said(footer, series)}))


@lru_cache(maxsize=_TEXTS)
def spans_to_text(spans: Spans) -> str:
    """Spell spans as JSON."""
    return json.dumps([list(span) for span in spans], separators=(",", ":"))


@lru_cache(maxsize=_TEXTS)
def spans_of_text(text: str) -> Spans:
    """Read spans spelled by `spans_to_text`."""
    return Spans((int(start), int(end)) for start, end in json.loads(text))


@lru_cache(maxsize=_TEXTS)
def _spans_of(pairs: tuple[tuple[int, int], ...]) -> Spans:
    return Spans((int(start), int(end)) for start, end in pairs)


def _said(footer: Footer, series: Series) -> bytes:
    said = {
        "format": FORMAT,
        "symbol": series.symbol,
        "timeframe": series.timeframe.name,
        "covered": [list(span) for span in footer.covered],
        "nothing_before": footer.nothing_before,
        "rests_on": None if footer.nothing_before is None else footer.rests_on,
        "rows": footer.rows,
        "first": footer.first,
        "last": footer.last,
        "library": library_version(),
        **footer.archive.said(),
        **({} if footer.taken is None else {"journal": footer.taken}),
        **seal.UNSEALED,
    }
    return json.dumps(said).encode()


def footer_of(file: FileIO | BytesIO, path: Path, series: Series) -> Footer:
    """Read the footer of an open chunk, or of the bytes of one; raises as `read_footer`."""
    chunk = path.name.removesuffix(SUFFIX)
    span = _span_of(series.timeframe, chunk)
    if span is None:
        raise CorruptFile(f"{path} is not named like a chunk of {series.timeframe} candles")
    try:
        end = read_end(file)
        seal.check_footer(end or b"")
        tail = read_tail(end, SCHEMA, KEY) or _read_slowly(file)
        said = json.loads(tail.value)
        newer = said["format"] > FORMAT
    except (OSError, *NONSENSE) as error:
        raise CorruptFile(f"{path} is not a candle file of marketkit: {error!r}") from error
    if newer:
        raise NewerFormat(
            f"{path} has format {said['format']}; this marketkit reads up to {FORMAT}: update it"
        )
    try:
        return _agreeing(said, tail.rows, series, span)
    except NONSENSE as error:
        raise CorruptFile(f"{path} contradicts itself: {error!r}") from error


def _read_slowly(file: FileIO | BytesIO) -> Tail:
    """Read a tail that `read_tail` leaves to a library. Raises `ValueError` for other columns."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import, and hardly ever needed
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    file.seek(0)
    try:
        metadata = pq.read_metadata(file)
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error
    if metadata.schema.names != list(ROW):
        raise ValueError(f"columns: {metadata.schema.names} are not {list(ROW)}")
    return Tail(metadata.num_rows, (metadata.metadata or {})[KEY])


def _agreeing(said: dict[str, Any], rows: int, series: Series, span: Span) -> Footer:
    """Give the footer if all agrees with the file's folder, name and number of rows."""
    expected = {"symbol": series.symbol, "timeframe": series.timeframe.name, "rows": rows}
    for name, value in expected.items():
        if said[name] != value:
            raise ValueError(f"{name}: {said[name]!r} is not {value!r}")
    covered = _spans_of(tuple([tuple(each) for each in said["covered"]]))
    moments = (said["nothing_before"], said["first"], said["last"])
    if not all(moment is None or is_moment(moment) for moment in moments):
        raise ValueError(f"{moments} are no times")
    nothing_before, first, last = moments
    hull = covered.hull or span
    if hull.start < span.start or span.end < hull.end:
        raise ValueError(f"what is covered reaches beyond {iso(span.start)} to {iso(span.end)}")
    if any(time is not None and time not in covered for time in (first, last)):
        said_ends = [each if each is None else iso(each) for each in (first, last)]
        raise ValueError(f"its rows from {said_ends[0]} to {said_ends[1]} are not covered")
    rests_on = evidence_of(said.get("rests_on"))
    ends, archive, taken = (rows, first, last), provenance_of(said), mark_of(said.get("journal"))
    return Footer(covered, nothing_before, *ends, rests_on=rests_on, archive=archive, taken=taken)


def refuse_nonsense(footer: Footer) -> Footer:
    """Check a remembered footer and give that back. Raises `ValueError` for an impossible one."""
    moments = (footer.nothing_before, footer.first, footer.last)
    hull = footer.covered.hull or EVER
    evidence_of(footer.rests_on)
    if (
        not all(moment is None or is_moment(moment) for moment in moments)
        or not (EVER.start <= hull.start and hull.end <= EVER.end)
        or not is_moment(footer.rows)
    ):
        raise ValueError(f"{footer} is no footer")
    return footer


@lru_cache(maxsize=4096)  # thousands of series have chunks of the same names
def _span_of(timeframe: Timeframe, chunk: str) -> Span | None:
    return chunk_span(timeframe, chunk) if is_chunk(timeframe, chunk) else None
