"""Journals under the magnifying glass: every record compared with the checksums."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from marketkit.data.lake.audit.findings import Finding
from marketkit.data.lake.audit.folders import children, held, is_folder, unreadable
from marketkit.data.lake.format.journal import FOLDER, NAME, Journal, parse
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.strangers import told
from marketkit.data.lake.store.journals import series_of


def look(root: Path) -> Iterator[Finding]:
    """Look at every byte of the journals of a lake."""
    found: list[Finding] = []
    for path in _files(root, found):
        below, series = path.relative_to(root).as_posix(), series_of(root, path)
        if series is None:
            yield Finding(below, "stray", told(path.name), "left")
            continue
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # its records went into chunks since it was listed
            continue
        except OSError as error:
            yield unreadable(root, below, error, series)
            continue
        yield from _judged(root, below, series, content)
    yield from found


def _files(root: Path, found: list[Finding]) -> Iterator[Path]:
    for source in children(root, FOLDER, found):
        if not is_folder(source):
            yield source
        for width in children(root, f"{FOLDER}/{source.name}", found):
            if not is_folder(width):
                yield width
            yield from children(root, f"{FOLDER}/{source.name}/{width.name}", found)


def _judged(root: Path, below: str, series: Series, content: bytes) -> Iterator[Finding]:
    journal = parse(content, series)
    for each in damage(journal):
        yield Finding(below, "corrupt", each, "mended", series)
    half = (journal.torn and journal.tail) or len(content) < NAME
    if half and not held(root / series.lock) and (root / below).exists():
        action = "mended" if len(content) >= NAME else "removed"
        yield Finding(below, "litter", "half a record of a writer that died", action, series)


def damage(journal: Journal) -> list[str]:
    """Name the damaged places of a journal."""
    torn = journal.torn or not journal.tail
    return [*journal.rotten, *([] if torn else [f"bytes from {journal.end} on are no record"])]
