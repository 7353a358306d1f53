"""Frozen sets as tables that other engines read: the files of a set, and a log of Delta's beside.

On a disk each set has a table of its own, over its own files; nothing but the log is written.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from marketkit.data.lake.format.nonsense import NONSENSE
from marketkit.data.lake.snapshots import delta
from marketkit.data.lake.snapshots.days import FrozenDay
from marketkit.data.lake.snapshots.delta import Added, Table
from marketkit.data.lake.snapshots.manifest import FrozenFile, Manifest, read_manifest
from marketkit.data.lake.snapshots.snapshot import check_intact, folder_of, keeping
from marketkit.disk import make_folder, sync_file, sync_folder, sync_tree, write_atomic
from marketkit.errors import InputError
from marketkit.frames import one_of
from marketkit.notebook import words
from marketkit.notebook.card import Card, Shown


@dataclass(frozen=True, slots=True, repr=False)
class FrozenTable(Shown):
    """A frozen set as a Delta table: what an engine has to be told to read it.

    `url` is a folder or an address such as `s3://bucket/lake/tables/candles`, and `version` the
    version of the table that holds the set, and holds it forever.
    """

    name: str
    url: str
    version: int
    rows: int
    files: int
    bytes: int

    @property
    def polars(self) -> str:
        """The call that reads the table with Polars.

        Below a folder whose name has blanks or letters such as Korean ones, Polars of 2026 finds
        the files by way of pyarrow alone.
        """
        is_escaped = "://" not in self.url and "%" in Path(self.url).absolute().as_uri()
        by_pyarrow = ", use_pyarrow=True" if is_escaped else ""
        return f"pl.scan_delta({self.url!r}, version={self.version}{by_pyarrow})"

    @property
    def duckdb(self) -> str:
        """The query that reads the table with DuckDB."""
        return f"FROM delta_scan({_sql(self.url)}, version => {self.version})"

    @property
    def spark(self) -> str:
        """The call that reads the table with Spark, whose word for `s3` is `s3a`."""
        url = f"s3a{self.url[2:]}" if self.url.startswith("s3://") else self.url
        return f'spark.read.format("delta").option("versionAsOf", {self.version}).load({url!r})'

    @property
    def daft(self) -> str:
        """The call that reads the table with Daft."""
        return f"daft.read_deltalake({self.url!r}, version={self.version})"

    @property
    def dask(self) -> str:
        """The call that reads the table with Dask, by the package `dask-deltatable`."""
        return f"dask_deltatable.read_deltalake({self.url!r}, version={self.version})"

    @property
    def pyarrow(self) -> str:
        """The call that reads the table with pyarrow, by the package `deltalake`."""
        return f"deltalake.DeltaTable({self.url!r}, version={self.version}).to_pyarrow_dataset()"

    @property
    def calls(self) -> dict[str, str]:
        """The calls of all engines, by their names."""
        engines = ("polars", "duckdb", "spark", "daft", "dask", "pyarrow")
        return {engine: getattr(self, engine) for engine in engines}

    def _card(self) -> Card:
        held = f"{self.rows:,} rows in {self.files:,} files, {words.size(self.bytes)}"
        facts = {"url": self.url, "version": str(self.version), "holds": held, **self.calls}
        return Card(f"Table of the frozen set {self.name}", facts)


def publish(root: Path, name: str, of: Table = "candles") -> Path:
    """Write the Delta log of a frozen set, once, and give the folder of the table.

    The log is one file that appears when it is complete, so a table is there or is not, and it is
    down when the call returns. One that a power cut left without its content is written again.
    Raises `CorruptFile` for a set that is not as it was frozen: others would read it unasked. Files
    that other programs left beside the candles are no part of the table.
    """
    one_of("of", of, Table)
    table = folder_of(root, name) / of
    manifest = read_manifest(table.parent)
    if of == "trades" and not manifest.days:
        raise InputError(f"the frozen set {name!r} has no trades")
    if _is_table(table, manifest):
        with suppress(PermissionError):  # then nothing was written here since long ago
            _put_down(table / delta.LOG)
        return table
    check_intact(root, name)
    with keeping(root):
        if not _is_table(table, manifest):  # nobody else was faster
            shutil.rmtree(table / delta.LOG, ignore_errors=True)
            make_folder(table / delta.LOG)
            content = _spelled(manifest, of)
            write_atomic(table / delta.commit_path(0), lambda file: file.write(content))
        _put_down(table / delta.LOG)
    return table


def table_of(root: Path, name: str, of: Table = "candles") -> FrozenTable:
    """Publish a set of a lake on a disk, and say how to read the table."""
    folder = publish(root, name, of)
    return described(read_manifest(folder.parent), of, str(folder.resolve()), version=0)


def described(manifest: Manifest, of: Table, url: str, version: int) -> FrozenTable:
    """Say of a set how its table is read."""
    files = list(listed(manifest, of))
    rows, size = sum(file.rows for file in files), sum(file.size for file in files)
    return FrozenTable(manifest.name, url, version, rows, len(files), size)


def listed(manifest: Manifest, of: Table) -> Iterator[Added]:
    """Give the files of a set as a table has them, where they lie in the lake, without `of/`."""
    if of == "candles":
        yield from map(_candles, manifest.files)
    else:
        yield from map(_trades, manifest.days)


def _candles(kept: FrozenFile) -> Added:
    series, footer = kept.series, kept.entry.footer
    path = kept.path.removeprefix("candles/")
    parts = {"source": series.source, "timeframe": series.timeframe.token, "series": series.symbol}
    ends = (footer.first, footer.last)
    return Added(path, parts, kept.entry.stamp.size, footer.rows, *ends)


def _trades(day: FrozenDay) -> Added:
    path = day.path.removeprefix("trades/")
    parts = {"source": day.series.source, "series": day.series.symbol}
    return Added(path, parts, day.size, day.rows, day.first, day.last)


def _spelled(manifest: Manifest, of: Table) -> bytes:
    """Write the one commit of a set, from nothing but the manifest."""
    moment = manifest.created
    lines = delta.head(of, manifest.name, moment)
    lines += [delta.added(file, moment) for file in listed(manifest, of)]
    ours = {"frozen": manifest.name, "hash": manifest.hash}
    return delta.spell(lines, moment, "CREATE TABLE", writer_of(manifest), ours)


def writer_of(manifest: Manifest) -> str:
    """Name the program that writes a commit."""
    return f"marketkit {manifest.library}"


def _is_table(table: Path, manifest: Manifest) -> bool:
    """Say whether the log of a table is there, with all that it has to say."""
    try:
        commit = (table / delta.commit_path(0)).read_bytes()
        if (told := delta.told_by(commit)) is not None:
            return delta.is_whole(commit) and told["hash"] == manifest.hash
        said = {action for line in commit.splitlines() for action in json.loads(line)}
        files = manifest.files if table.name == "candles" else manifest.days
        # By Delta's own writer, as older releases had it.
        return {"protocol", "metaData"} <= said and len(delta.changes(commit)[0]) == len(files)
    except (OSError, *NONSENSE):
        return False


def _put_down(log: Path) -> None:
    """Have the log survive a power cut: files first, then their names, then the folder's own."""
    for path in sorted(each for each in log.rglob("*") if each.is_file()):
        sync_file(path)
    sync_tree(log)
    sync_folder(log.parent)


def _sql(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
