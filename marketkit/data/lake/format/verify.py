"""Whether the bytes of a chunk are those that were written, said before a reader decodes any.

A sealed file proves itself. One of an earlier release is compared with the hash that the index or
a manifest has of it; where there is none, a library that no bytes can crash decodes every page and
compares the pages' checksums. The faster reader may end the process over damaged bytes.
"""

from __future__ import annotations

from hashlib import sha256 as hashed
from io import BytesIO

from marketkit.data.lake.format.seal import check

_NUMBER = 8  # bytes of a value, in each column but the first
_WORDS = 64  # bytes of a symbol and of all that a page tells about it: more than any has
_HEADERS = 1 << 20  # bytes of dictionaries and headers of a column: far more than any has


def verify(content: bytes, sha256: str | None = None) -> None:
    """Raise `ValueError` unless the bytes are those that were written.

    `sha256` is what they had in hex, if anybody knows.
    """
    if check(content):
        return
    if sha256 is None:
        _decode(content)
    elif hashed(content).hexdigest() != sha256:
        raise ValueError("its bytes are not those that were written")


def _decode(content: bytes) -> None:
    """Decode a file without a hash in full, and refuse sizes that nothing of ours has."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import, and only for old files
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    try:
        file = pq.ParquetFile(BytesIO(content), page_checksum_verification=True)
        file.read().validate(full=True)  # words, too
        groups = [file.metadata.row_group(at) for at in range(file.metadata.num_row_groups)]
    except (pa.ArrowException, OSError, MemoryError) as error:
        raise ValueError(str(error)) from error
    for group in groups:
        columns = [group.column(at) for at in range(group.num_columns)]
        most = group.num_rows * max(_NUMBER, _WORDS) + _HEADERS
        for column in columns:
            sizes = column.total_compressed_size, column.total_uncompressed_size
            if column.num_values != group.num_rows or not all(0 <= size <= most for size in sizes):
                raise ValueError(f"its column {column.path_in_schema!r} has impossible sizes")
