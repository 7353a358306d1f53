"""The files that a caller means: one, a list, a folder or a glob, and the words in their names."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from marketkit.coverage import Span
from marketkit.errors import InputError, nearest
from marketkit.settings import given_path
from marketkit.symbols import is_glob

Paths = str | Path | Iterable[str | Path]

TABLES = (
    *(".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".pq"),
    *(".arrow", ".feather", ".ipc", ".xlsx"),
)
PACKED = (".gz", ".zip")
_JUNK = (".tmp", ".part", ".crdownload", ".icloud", "~")
# The names of Upbit's archive, and what a browser adds to a second download.
_ARCHIVE = re.compile(r"[A-Z0-9]+-[^_]+_candle-([A-Za-z0-9]+)_(\d{4})(\d{2})(\d{2})?(?: ?\(\d+\))?")


def files_of(given: Paths) -> list[Path]:
    """Give the files that are meant, each once: lists in order, folders and globs sorted.

    Of a folder, with all below it, the files that can be read by their suffix; hidden and half
    written ones are left out. Raises `InputError` for what means no file.
    """
    found: dict[Path, None] = {}
    for each in [given] if isinstance(given, str | Path) else list(given):
        found |= dict.fromkeys(_meant(each))
    if not found:
        raise InputError("no files: the list is empty")
    return list(found)


def kind_of(name: str) -> tuple[str, str]:
    """Give the suffixes of table and packing in a file's name, in small letters.

    >>> kind_of("KRW-BTC.CSV.gz"), kind_of("a.zip"), kind_of("notes.md")
    (('.csv', '.gz'), ('', '.zip'), ('', ''))
    """
    *_, last, end = ["", "", *(f".{part}" for part in name.lower().split(".")[1:])]
    packed = end if end in PACKED else ""
    table = last if packed else end
    return (table if table in TABLES else ""), packed


def stem_of(name: str) -> str:
    """Give a file's name without the suffixes that say the kind.

    >>> stem_of("KRW-BTC_candle-1m_202501.csv.gz"), stem_of("CRIX.UPBIT.KRW-BTC.csv")
    ('KRW-BTC_candle-1m_202501', 'CRIX.UPBIT.KRW-BTC')
    """
    for suffixes in (PACKED, TABLES):
        end = next((each for each in suffixes if name.lower().endswith(each)), "")
        name = name[: len(name) - len(end)]
    return name


def period_in(name: str) -> Span | None:
    """Give the UTC day, week or month that a name of Upbit's archive says, ms; else None.

    Other names are not believed: a day in them may be that of the download.
    """
    found = _ARCHIVE.fullmatch(name)
    if found is None:
        return None
    width, year, month, day = found.groups()
    try:
        first = date(int(year), int(month), int(day or 1))
    except ValueError:
        return None
    if day is None:
        end = (first + timedelta(days=31)).replace(day=1)  # no month is longer
    else:
        end = first + timedelta(days=7 if width == "week" else 1)
    return Span(_midnight(first), _midnight(end))


def _meant(given: str | Path) -> Iterator[Path]:
    path = given_path(given, "path")
    if path.is_dir():
        found = [each for each in sorted(path.rglob("*")) if _is_candidate(each, path)]
    elif is_glob(str(given)) and not path.exists():
        matches = (Path(each) for each in sorted(glob.glob(str(path), recursive=True)))  # noqa: PTH207 - a pattern may be absolute
        found = [each for each in matches if each.is_file()]
    else:
        if not any(kind_of(path.name)):
            if not (path.suffix or path.exists()):
                raise InputError(f"{path}: no such file or folder")
            raise InputError(
                f"{path}: not a kind of file that can be read{nearest(path.suffix, TABLES)}"
                f" (one of {' '.join(TABLES + PACKED)})"
            )
        found = [path]
    if not found:
        raise InputError(f"{path}: no file of candles there (one of {' '.join(TABLES + PACKED)})")
    yield from found


def _is_candidate(path: Path, folder: Path) -> bool:
    parts = path.relative_to(folder).parts
    hidden = any(part.startswith((".", "_")) for part in parts)
    return path.is_file() and any(kind_of(path.name)) and not (hidden or path.name.endswith(_JUNK))


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
