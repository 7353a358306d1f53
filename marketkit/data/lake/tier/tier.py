"""Chunks read as memory where there are images, and images made where chunks are read again.

An image is of one version of one file, and its name says of which: a chunk that was replaced has
none, and is read as ever. Everything below the folder of images may be deleted at any moment.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import polars as pl

from marketkit.coverage import Span
from marketkit.data.lake.format.chunk import Version as Proof
from marketkit.data.lake.tier.builder import Builder, Wanted, build, proved_seal, seal_of
from marketkit.data.lake.tier.folder import images, of_chunk, remove, shrink, touch
from marketkit.data.lake.tier.image import Broken, Image, Source, Version, open_image
from marketkit.data.lake.tier.maps import Maps, SymbolColumns
from marketkit.data.lake.tier.seen import again
from marketkit.disk import file_time, system
from marketkit.schema import ROW, empty
from marketkit.settings import largest_tier

_log = logging.getLogger("marketkit.lake")

_TIMES_LARGER = 3  # an image than the file: 56 bytes a row, and 20
_RESTS = 3600 * 10**9  # ns for which a chunk stays as it is, for an image to be worth writing

_maps, _symbols, _builder = Maps(), SymbolColumns(), Builder()

system.at_fork(after_in_child=_maps.forget_lock)
system.at_fork(after_in_child=_symbols.forget_lock)


class Found(NamedTuple):
    """The images of files, None for each without one, and the versions of these."""

    images: list[Image | None]
    missing: list[tuple[Path, Version]]

    @property
    def present(self) -> list[Image]:
        """The images that there are."""
        return [image for image in self.images if image is not None]

    @property
    def whole(self) -> bool:
        """Whether there is an image of each."""
        return bool(self.images) and None not in self.images


def find(paths: Sequence[Path]) -> Found:
    """Look for the images of chunks as these are now."""
    folder = images()
    if folder is None:
        return Found([None] * len(paths), [])
    found, missing = list[Image | None](), list[tuple[Path, Version]]()
    for path in paths:
        try:
            version = Version.of(path, path.stat())
        except OSError:  # said by whoever opens the file
            found.append(None)
            continue
        image = _maps.get(version) or _map(folder, path, version)
        found.append(image)
        if image is None:
            missing.append((path, version))
    return Found(found, missing)


def frame_of(found: Iterable[Image], window: Span | None) -> pl.DataFrame:
    """Give the candles of images, one below the other; with `window` of a range only."""
    parts = _parts(found, window)
    if not parts:
        return empty(ROW)
    rows = pl.concat([rows for _, rows in parts], rechunk=False)
    symbols = [_symbols.cut(image.source.symbol, rows.height) for image, rows in parts]
    # A frame of one part is a copy of it, or who gets it could rename the kept columns.
    return rows.clone().insert_column(0, pl.concat(symbols, rechunk=False))


def numbers_of(found: Iterable[Image], window: Span | None) -> pl.DataFrame:
    """Give the same without the symbols, of which a copy is made for each row."""
    parts = _parts(found, window)
    if not parts:
        return empty(ROW).drop("symbol")
    return pl.concat([rows for _, rows in parts], rechunk=False)


def _parts(found: Iterable[Image], window: Span | None) -> list[tuple[Image, pl.DataFrame]]:
    """Give the rows of each image that has any, of a range."""
    parts = ((image, image.frame if window is None else image.between(*window)) for image in found)
    return [(image, rows) for image, rows in parts if rows.height]


def note(found: Found, known: Mapping[Path, Proof]) -> None:
    """Note that chunks without an image were read; of chunks read before images are made."""
    folder = images()
    if folder is None or not found.missing:
        return
    size = sum(version.size for _, version in found.missing)
    if _TIMES_LARGER * size > largest_tier():  # it would only drive itself out
        return
    with suppress(OSError):  # a folder that cannot be written
        seen = again(folder, (version for _, version in found.missing))
        wanted = [each for each, before in zip(found.missing, seen, strict=True) if before]
        _builder.add(Wanted(path, version, known.get(path), folder) for path, version in wanted)


def later(paths: Iterable[Path], known: Mapping[Path, Proof]) -> None:
    """Have images made of chunks without one, in the order of `paths`, up to the bound of all.

    A chunk that had one of a version written less than an hour before is left to its readers:
    where a job brings some candles every minute, images would be written all day.
    """
    folder, room = images(), largest_tier()
    for path, version in find(list(paths)).missing:
        room -= _TIMES_LARGER * version.size
        if room < 0 or folder is None:
            break
        others = (Version.written(each.name) for each in of_chunk(folder / version.name))
        if not any(0 <= version.mtime_ns - other < _RESTS for other in others):
            _builder.add([Wanted(path, version, known.get(path), folder)])


def warm(paths: Iterable[Path], known: Mapping[Path, Proof]) -> tuple[int, list[Path]]:
    """Make images of chunks here and now; give how many there are, and the chunks that get none.

    They come in the order of `paths`, up to the bound of all images; the first stay longest.
    Those for which there is no room are not among the chunks that get none.
    """
    folder, room = images(), largest_tier()
    there, without = list[Image](), list[Path]()
    for path in paths:
        if folder is None or room <= 0:
            break
        try:
            image = _made(folder, path, known.get(path))
        except FileNotFoundError as error:  # a copy of a bucket's file that gave way to others
            _log.debug("no image of %s: %s", path, error)
            continue
        except OSError as error:
            _log.warning("%s takes no more images: %s", folder, error)
            break
        if image is not None:
            room -= image.size
            there.append(image)
        elif path.exists():
            without.append(path)
    if there and folder is not None:
        now = file_time(folder)
        for place, image in enumerate(there):
            touch(f"{folder}/{image.source.version.name}", now - place)
        shrink(folder, largest_tier())
    return len(there), without


def _made(folder: Path, path: Path, proof: Proof | None) -> Image | None:
    """Give the image of a chunk, made if there is none. Raises `OSError` for a full folder."""
    version = Version.of(path, path.stat())
    image = _map(folder, path, version)
    if image is None and build(Wanted(path, version, proof, folder)):
        image = _map(folder, path, version)
    return image


def drop_maps() -> None:
    """Let all maps go; the next reads map images anew, as a new process does."""
    _maps.clear()


def wait(seconds: float) -> bool:
    """Wait until all images that reads asked for are made, and say whether that came."""
    return _builder.wait(seconds)


def _map(folder: Path, path: Path, version: Version) -> Image | None:
    """Map the image of a version, if there is a sound one."""
    name = f"{folder}/{version.name}"
    try:
        image = open_image(name)
    except FileNotFoundError:
        return None
    except Broken as error:
        _log.info("%s; it is made anew", error)
        remove(name)
        return None
    except OSError as error:  # rights, or no room for another map
        _log.debug("image %s is not read: %s", name, error)
        _maps.clear()
        return None
    if not _is_of(image.source, path, version):
        return None
    if image.source.version != version:  # from now on, and in the file some time
        image = replace(image, source=image.source._replace(version=version))
        _builder.add([Wanted(path, version, None, folder)])
    touch(name)
    _maps.put(path, version, image)
    return image


def _is_of(source: Source, path: Path, version: Version) -> bool:
    """Say whether an image is of a version of a chunk.

    A second name, as frozen sets give, changes the time of the last change and nothing else. All
    bytes of such a file are compared with the proof, as when a process first opens one.
    """
    if source.version == version:
        return not source.young or source.seal == seal_of(path)
    if source.version._replace(ctime_ns=version.ctime_ns) != version:
        return False
    return source.seal is not None and source.seal == proved_seal(path, version)
