"""The archive: listings, zips and checksums of the exchange's own history, made when asked for."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Final

from marketkit.sandbox.archive.publication import Publication, published
from marketkit.sandbox.archive.rows import candle_rows, trade_rows
from marketkit.sandbox.archive.tree import File, Tree
from marketkit.sandbox.faulty.strikes import Fault
from marketkit.sandbox.markets import Markets
from marketkit.sandbox.moment import finest
from marketkit.sandbox.source import Source
from marketkit.sandbox.spelling import iso
from marketkit.sandbox.widths import MINUTE

_KEPT: Final = 64 << 20  # bytes of zips: a market-year of minutes is a third of that
_ROW, _TRADE_ROW, _HEAD = 40, 20, 400  # bytes, packed: the size that a period has in any case
_MOST_TRADES: Final = 8  # of a candle that trades are drawn for
CHECKSUM: Final = ".checksum"


class Archive:
    """Files by key at a moment, always the same bytes, and the faults that some were given."""

    def __init__(self, markets: Markets) -> None:
        self._tree = Tree(markets)
        self._altered: dict[str, list[Fault]] = {}
        self._made: OrderedDict[str, bytes] = OrderedDict()
        self._making = threading.Lock()

    def file(self, key: str, now: int) -> File | None:
        """Return the published file of a key of a zip or of a checksum."""
        return self._tree.file(key.removesuffix(CHECKSUM), now)

    def files(self, folder: str, now: int) -> list[File]:
        """Return the files of a year's folder."""
        found = self._tree.children(folder, now) or ()
        return [each for each in found if isinstance(each, File)]

    def alter(self, file: File, faults: Iterable[Fault]) -> None:
        """Give faults to a file, each once."""
        had = self._altered.get(file.stem, [])
        if news := [each for each in faults if each not in had]:
            with self._making:
                self._altered[file.stem] = had + news
                self._made.pop(file.key, None)

    def suffers(self, file: File, kind: str) -> bool:
        """Whether a file has a fault already."""
        return any(each.kind == kind for each in self._altered.get(file.stem, ()))

    def restore(self) -> None:
        """Take all faults from all files."""
        with self._making:
            self._altered.clear()
            self._made.clear()

    def listing(self, folder: str, now: int) -> bytes:
        """Return the JSON of a folder; an empty list for one that is not there."""
        rows: list[dict[str, Any]] = []
        for each in self._tree.children(folder, now) or ():
            rows += self._rows(each) if isinstance(each, File) else [_folder(f"{folder}/{each}")]
        return json.dumps(rows, separators=(",", ":")).encode()

    def _rows(self, file: File) -> list[dict[str, Any]]:
        """Return the rows of a zip and of the checksum beside."""
        if file.stem not in self._altered:
            size, modified = self._size(file), file.published
        else:
            of = self._publication(file)
            if not of.is_listed:
                return []
            size, modified = len(self.zip(file) or b""), of.modified
        digest = hashlib.sha256().digest_size * 2
        return [
            _row(file.key, size, modified),
            _row(file.key + CHECKSUM, digest, modified),
        ]

    def zip(self, file: File) -> bytes | None:
        """Return the bytes of a zip; None for one that is not there after all."""
        with self._making:
            kept = self._made.get(file.key)
            if kept is None:
                of = self._publication(file)
                if not of.is_listed:
                    return None
                kept = self._made[file.key] = of.packed()
                while sum(map(len, self._made.values())) > _KEPT and len(self._made) > 1:
                    self._made.popitem(last=False)
            self._made.move_to_end(file.key)
            return kept

    def checksum(self, file: File) -> bytes | None:
        """Return the body of the checksum of a zip."""
        packed = self.zip(file)
        if packed is None:
            return None
        if self.suffers(file, "wrong-checksum"):
            packed += b"something else"
        return hashlib.sha256(packed).hexdigest().encode()

    def _publication(self, file: File) -> Publication:
        of = Publication(
            f"{file.stem}.csv", self._content(file), self._size(file), file.published, file.end
        )
        return published(of, self._altered.get(file.stem, ()))

    def _content(self, file: File) -> bytes:
        source = self._source(file)
        width = file.shelf.width
        if width is None:
            return trade_rows(source, file.first, file.end)
        return candle_rows(source, width, file.first, file.end)

    def _size(self, file: File) -> int:
        """Return the size of a file by the period: as if full of rows."""
        source, length = self._source(file), file.end - file.start
        base, width = finest(source), file.shelf.width
        if width is None:
            return _HEAD + _TRADE_ROW * _MOST_TRADES * -(-length // base.ms)
        seconds = _MOST_TRADES * -(-length // MINUTE) if source.base(width) is None else length
        return _HEAD + _ROW * min(seconds, -(-length // width.ms))

    def _source(self, file: File) -> Source:
        market = self._tree.market_of(file)
        if market is None:
            raise LookupError(file.key)
        return market.source


def _folder(key: str) -> dict[str, Any]:
    return {"key": key, "size": 0, "lastModified": None, "type": "DIRECTORY"}


def _row(key: str, size: int, modified: int) -> dict[str, Any]:
    return {"key": key, "size": size, "lastModified": f"{iso(modified)}Z", "type": "FILE"}
