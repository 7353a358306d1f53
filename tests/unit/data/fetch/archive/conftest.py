"""Zips as the archive has them, and wrong ones."""

from __future__ import annotations

import io
import zipfile

import pytest

from marketkit.exchange.upbit.archive.keys import ArchiveFile, Shelf
from marketkit.timeframe import TIMEFRAMES, parse_time


def packed(*members: tuple[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, text in members:
            zipped.writestr(name, text)
    return content.getvalue()


@pytest.fixture
def day():
    """The file of one day of minutes."""
    return ArchiveFile(Shelf("KRW-BTC", TIMEFRAMES["1m"]), "daily", parse_time("2025-01-01"))


@pytest.fixture
def trades():
    """The file of one day of trades."""
    return ArchiveFile(Shelf("KRW-BTC"), "daily", parse_time("2025-01-01"))


@pytest.fixture
def zipped(tmp_path):
    """Write the zip of a file: the rows below the header, or other members."""

    def write(file, *rows, header=None, members=None, end="\n"):
        lines = [file.header if header is None else header, *rows]
        content = end.join(lines) + end
        path = tmp_path / "file.zip"
        path.write_bytes(packed(*(members or [(file.member, content.encode())])))
        return path

    return write
