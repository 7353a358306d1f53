"""The lake for pages to enter: a folder of this machine, or one that mirrors a bucket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from marketkit.data.lake.format import marker
from marketkit.data.lake.format.chunk import Entry, Footer, Version, spell_chunk, write_chunk
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store import away_log
from marketkit.data.lake.store.index import Index
from marketkit.data.lake.store.journals import Journals
from marketkit.data.lake.store.merge import Revision
from marketkit.data.lake.store.mirror import Away, Mirror, stamp_of, writable
from marketkit.data.lake.store.revisions import record
from marketkit.errors import LakeError, NotWritable


@dataclass(frozen=True, slots=True)
class Place:
    """Folder, index and journals of a lake, and the mirror where the lake is in a bucket."""

    root: Path
    index: Index
    journals: Journals
    mirror: Mirror | None = None

    @property
    def where(self) -> str:
        """The place in words."""
        return str(self.root) if self.mirror is None else self.mirror.url

    @contextmanager
    def writable(self) -> Iterator[None]:
        """Make the lake if there is none, and say in `NotWritable` why it takes no writes."""
        try:
            if self.mirror is None:
                marker.prepare(self.root)
                yield
            else:
                self.mirror.prepare()
                with writable(self.mirror.url):
                    yield
        except LakeError:
            raise
        except OSError as error:
            raise NotWritable(f"the lake {self.where} cannot be written: {error}") from error

    def record(self, series: Series, revisions: Iterable[Revision], seen_at: int) -> None:
        """Log revisions of a chunk before it changes."""
        if self.mirror is None:
            record(self.root, series, revisions, seen_at)
        else:
            away_log.record(self.mirror, series, list(revisions), seen_at)

    def put(
        self, series: Series, chunk: str, rows: pl.DataFrame, footer: Footer, here: Entry | None
    ) -> Version:
        """Put rows and footer in the place of a chunk as it is `here`.

        Raises `Conflict` where another writer of a bucket came first.
        """
        key = series.path(chunk)
        if self.mirror is None:
            return write_chunk(self.root / key, rows, footer, series)
        content, sha256 = spell_chunk(rows, footer, series)
        expected = here.version if isinstance(here, Away) else None
        return Version(stamp_of(self.mirror.put(key, content, expected)), sha256)
