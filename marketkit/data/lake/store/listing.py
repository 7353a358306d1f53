"""The folder of a series: the names of chunks, and the version of each.

What has another name is no chunk, whatever it holds: copies of syncing programs, placeholders,
files half done. Nothing is opened here.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from marketkit.data.lake.format.chunk import Stamp
from marketkit.data.lake.format.layout import SUFFIX, is_chunk
from marketkit.data.lake.format.refusal import unreadable
from marketkit.timeframe import Timeframe

_READABLE = (stat.S_IFREG, stat.S_IFDIR)  # to open a pipe would be to wait; a folder is a failure
_NOWHERE = Stamp(-1, -1, -1)


def stamps_in(folder: Path, timeframe: Timeframe) -> dict[str, Stamp]:
    """Give the versions of the files in a folder with names of chunks.

    A link to nowhere has a version of no file. Raises `CorruptFile` for a refused look.
    """
    found: dict[str, Stamp] = {}
    try:
        with os.scandir(folder) as files:
            for file in files:
                chunk = file.name.removesuffix(SUFFIX)
                if not (file.name.endswith(SUFFIX) and is_chunk(timeframe, chunk)):
                    continue
                try:
                    status = file.stat()
                except FileNotFoundError:  # a link that leads nowhere, as git-annex leaves
                    found[chunk] = _NOWHERE
                    continue
                if stat.S_IFMT(status.st_mode) in _READABLE:
                    found[chunk] = Stamp.of(status)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise unreadable(folder, error) from error
    return found
