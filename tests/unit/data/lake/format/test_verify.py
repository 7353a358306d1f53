"""Whether bytes are those that were written."""

from __future__ import annotations

import hashlib
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from marketkit.data.lake.format.verify import decode, verify


@pytest.fixture
def old():
    """A file without a seal, as earlier releases wrote them."""
    output = BytesIO()
    table = pa.table({"a": [float(number) for number in range(500)]})
    pq.write_table(table, output, write_page_checksum=True)
    return output.getvalue()


def flipped(content, at):
    return content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]


def test_a_file_without_a_seal_or_a_hash_is_decoded_in_full(old):
    verify(old)
    with pytest.raises(ValueError, match="CRC"):
        verify(flipped(old, len(old) // 2))


def test_a_file_without_a_seal_is_what_somebody_knows_of_it(old):
    verify(old, hashlib.sha256(old).hexdigest())
    with pytest.raises(ValueError, match="not those that were written"):
        verify(flipped(old, 20), hashlib.sha256(old).hexdigest())


def test_no_flipped_byte_of_the_footer_breaks_anything_but_the_file(old):
    start = len(old) - 8 - int.from_bytes(old[-8:-4], "little")
    for at in range(start, len(old)):
        try:
            verify(flipped(old, at))
        except ValueError:
            continue


def test_decoding_in_full_gives_what_the_file_says_of_itself(old):
    assert decode(BytesIO(old)).num_rows == 500
    with pytest.raises(ValueError, match="CRC"):
        decode(BytesIO(flipped(old, len(old) // 2)))


def test_sizes_that_nothing_of_ours_has_are_refused(old):
    table = pa.table({"a": ["x" * 3_000_000]})
    output = BytesIO()
    pq.write_table(table, output, compression="zstd")
    with pytest.raises(ValueError, match="impossible sizes"):
        verify(output.getvalue())
