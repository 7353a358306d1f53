"""Damaged files taken out of the lake: never thrown away, kept byte by byte.

`corrupt/<time>-<word>/` below the root has each under the path that it had. What is taken out is no
longer covered, so that the next backfill asks for it again.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path

from marketkit.disk import link, make_folder, sync_folder
from marketkit.disk.system import rename


class Aside:
    """The folder of one repair, or of one damaged file; made when needed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        # machine's clock: a name for people; whoever takes bytes out asks no exchange
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
        self._folder = root / "corrupt" / name

    def link(self, path: Path) -> None:
        """Give a file that is about to be replaced a second name: replacing changes no inode."""
        target = self._target(path)
        link(str(path), str(target))
        sync_folder(target.parent)

    def move(self, path: Path) -> Path:
        """Move a path out of the lake; at any moment the bytes are in one of both places."""
        target = self._target(path)
        rename(path, target)
        sync_folder(target.parent)
        sync_folder(path.parent)
        return target

    def _target(self, path: Path) -> Path:
        target = self._folder / path.relative_to(self._root)
        make_folder(target.parent)
        return target
