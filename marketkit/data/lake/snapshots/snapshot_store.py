"""The store whose moments can be kept under names: freezing, looking back, citing, publishing."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import polars as pl

from marketkit.data.lake.format import marker
from marketkit.data.lake.snapshots import snapshot
from marketkit.data.lake.snapshots.delta import publish
from marketkit.data.lake.snapshots.manifest import Frozen, cite, read_manifest
from marketkit.data.lake.store.store import Store
from marketkit.notebook.arguments import explained


@explained
class SnapshotStore(Store):
    """A store with frozen sets: all candles of a moment, under a name, changed by nothing."""

    def freeze(self, name: str) -> Frozen:
        """Keep all candles of this moment under a name; no later write changes the copy.

        Takes no room until the lake changes (hard links; where the system has none, copies). Each
        series is kept as some moment of the call left it. Raises `InputError` for a name that is
        taken or is none, or if there are no candles, and `NotWritable`; then nothing was kept.
        """
        return snapshot.freeze(self.root, self.index, name)

    def frozen(self) -> pl.DataFrame:
        """List the frozen sets, oldest first: `name created files rows bytes hash`.

        Of a set whose manifest cannot be read there is only the name: ask `verify`.
        """
        marker.check(self.root)
        return snapshot.frozen(self.root)

    def verify(self, name: str) -> pl.DataFrame:
        """Compare every byte of a frozen set with the manifest, and list the differences.

        One row (`path problem`) for each file that is broken, missing or too many; none if the set
        is as it was frozen. Raises `InputError` if there is no such set.
        """
        return snapshot.verify(self.root, name)

    def as_of(self, name: str) -> Self:
        """Give a frozen set as a lake that takes no writes.

        What it knows is what the manifest says; `verify` compares that with the files. Raises
        `InputError` if there is no such set and `CorruptFile` if its manifest is broken.
        """
        lake = type(self)(snapshot.folder_of(self.root, name), source=self.source)
        lake.index, lake.clock = snapshot.FrozenIndex(lake.root), self.clock
        return lake

    def thaw(self, name: str, into: str | Path) -> Self:
        """Make a new lake in the folder `into` with the candles of a frozen set.

        It can be written, and neither changes with the other. Raises `CorruptFile` if the set is
        not as it was frozen, `InputError` if `into` has anything in it, and `NotWritable`.
        """
        snapshot.thaw(self.root, name, Path(into))
        return type(self)(into, source=self.source)

    def delete(self, name: str) -> None:
        """Take a frozen set away. Raises `InputError` if there is none, and `NotWritable`."""
        snapshot.delete(self.root, name)

    def cite(self, name: str) -> str:
        """Write the BibTeX entry of a frozen set, with hash, date and contents."""
        return cite(read_manifest(snapshot.folder_of(self.root, name)))

    def publish(self, name: str) -> Path:
        """Make a frozen set a Delta table for other engines, and give the folder of the table.

        Only a log is written (`pip install 'marketkit-upbit[delta]'`), no candle again; for a set
        that is published already nothing is done. Delta knows times in microseconds. Raises
        `InputError` if there is no such set, `MissingExtra` and `NotWritable`.
        """
        return publish(self.root, name)
