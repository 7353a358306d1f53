"""The check of a chunk's bytes against the proof, before a reader decodes any.

A sealed file proves itself. One of an earlier release is compared with the hash that the index or
a manifest has of it; where there is none, a library that no bytes can crash decodes every page and
compares the pages' checksums. The faster reader may end the process over damaged bytes.
"""

from __future__ import annotations

from hashlib import sha256 as hashed
from io import BytesIO
from typing import TYPE_CHECKING

from marketkit.data.lake.format.seal import check

if TYPE_CHECKING:
    import pyarrow.parquet as pq

_WORDS = 64  # bytes of a value, a symbol or a number, and of what a page tells of it: ample
_HEADERS = 1 << 20  # bytes of dictionaries and headers of a column: far more than any has


def verify(content: bytes, sha256: str | None = None) -> None:
    """Raise `ValueError` for bytes other than the written ones.

    `sha256` is what they had in hex, if anybody knows.
    """
    if check(content):
        return
    if sha256 is None:
        _refuse_impossible(decode(BytesIO(content)))
    elif hashed(content).hexdigest() != sha256:
        raise ValueError("its bytes are not those that were written")


def decode(source: str | BytesIO) -> pq.FileMetaData:
    """Decode a Parquet file in full, checksums and words too, and give the metadata.

    Raises `ValueError` for a file that the faster reader had better not see.
    """
    import pyarrow as pa  # noqa: PLC0415 - slow to import, and only for files without a hash
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    try:
        with pq.ParquetFile(source, page_checksum_verification=True) as file:
            file.read().validate(full=True)
            return file.metadata
    except (pa.ArrowException, OSError, MemoryError) as error:
        raise ValueError(str(error)) from error


def _refuse_impossible(said: pq.FileMetaData) -> None:
    """Raise `ValueError` for sizes that no file of ours has."""
    for group in map(said.row_group, range(said.num_row_groups)):
        most = group.num_rows * _WORDS + _HEADERS
        for column in map(group.column, range(group.num_columns)):
            sizes = column.total_compressed_size, column.total_uncompressed_size
            if column.num_values != group.num_rows or not all(0 <= size <= most for size in sizes):
                raise ValueError(f"its column {column.path_in_schema!r} has impossible sizes")
