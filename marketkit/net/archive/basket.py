"""The folder of zips on the way into the lake: whole and verified, or the part of one.

`<key>` is a zip that was verified. `<key>.<digest>.part` has the first bytes of the zip that the
checksum is of: whatever a process was killed in, the next one goes on there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from marketkit.disk import sha256
from marketkit.disk.system import replace
from marketkit.exchange.upbit.archive.keys import ZIP, checked_key, file_of

_PART = ".part"
_DIGITS = 16  # of a digest: no two versions of one file share them


class Basket:
    """Zips by their keys below a folder; `keeps` says whether used ones stay."""

    def __init__(self, folder: Path, *, keeps: bool = False) -> None:
        self.folder = folder
        self.keeps = keeps

    def whole(self, key: str) -> Path:
        """Give the path of a verified zip."""
        return self.folder / checked_key(key)

    def part(self, key: str, digest: str) -> Path:
        """Give the path of the first bytes of a zip, in a folder that is there."""
        path = self.whole(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.with_name(f"{path.name}.{digest[:_DIGITS]}{_PART}")

    def has(self, key: str, digest: str) -> bool:
        """Say whether the very zip that a digest is of is there; another one is removed."""
        path = self.whole(key)
        if not path.is_file():
            return False
        if sha256(path) == digest:
            return True
        path.unlink(missing_ok=True)
        return False

    def finish(self, key: str, part: Path) -> Path:
        """Give a verified part the name of the zip; parts of other versions are removed."""
        path = self.whole(key)
        replace(part, path)
        for other in path.parent.glob(f"{path.name}.*{_PART}"):
            other.unlink(missing_ok=True)
        return path

    def done(self, key: str) -> None:
        """Remove a used zip, unless this basket keeps all."""
        if not self.keeps:
            self.whole(key).unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove empty folders, once nothing is fetched any more."""
        for folder, _, _ in os.walk(self.folder, topdown=False):
            with contextlib.suppress(OSError):  # something is in it
                Path(folder).rmdir()

    def lying(self) -> Iterator[str]:
        """Give the keys of verified zips, such as a killed process left behind."""
        if not self.folder.is_dir():
            return
        for path in sorted(self.folder.rglob(f"*{ZIP}")):
            key = path.relative_to(self.folder).as_posix()
            with contextlib.suppress(OSError):
                if file_of(key) is not None and path.is_file():
                    yield key
