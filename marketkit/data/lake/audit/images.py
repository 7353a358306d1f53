"""Faults of the images below the cache folder, which all lakes of this user share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from marketkit.data.lake.format.layout import symbol_of_folder
from marketkit.data.lake.format.nonsense import shown
from marketkit.data.lake.tier.folder import every, images
from marketkit.data.lake.tier.image import Version, open_image, problem_of

_ADVICE = "delete the file: the next reads make a new one"


def look() -> Iterator[tuple[str, str | None, str | None, str, str]]:
    """Compare every byte of each image with the hash, and give one row for each fault."""
    folder = images()
    for name in every(folder) if folder is not None else ():
        problem = problem_of(Path(name)) or _misplaced(folder, name)
        if problem is not None:
            symbol = symbol_of_folder(Path(name).parent.name)
            yield shown(name), symbol, None, "image", shown(f"{problem}; {_ADVICE}")


def _misplaced(folder: Path | None, name: str) -> str | None:
    """Say of which chunk an image is, if the name says another."""
    version: Version = open_image(name).source.version
    return None if name == f"{folder}/{version.name}" else f"is that of {version.name}"
