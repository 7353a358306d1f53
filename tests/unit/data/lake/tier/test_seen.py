"""The table of versions that were read once."""

from __future__ import annotations

import pytest

from marketkit.data.lake.tier.image import Version
from marketkit.data.lake.tier.seen import NAME, again

ONE, TWO = (Version("series=KRW-BTC", chunk, 1, 2, 3, 4, 5) for chunk in ("2024-01", "2024-02"))


def test_a_version_is_seen_again_from_the_second_time_on(tmp_path):
    assert again(tmp_path, [ONE, TWO]) == [False, False]
    assert again(tmp_path, [TWO]) == [True]
    assert again(tmp_path, [ONE, TWO]) == [True, True]


def test_a_new_version_of_a_chunk_is_another(tmp_path):
    again(tmp_path, [ONE])
    assert again(tmp_path, [ONE._replace(ctime_ns=6)]) == [False]
    assert again(tmp_path, [ONE._replace(size=4)]) == [False]


def test_the_table_never_grows_beyond_half_a_megabyte(tmp_path):
    again(tmp_path, [ONE._replace(inode=number) for number in range(2000)])
    assert (tmp_path / NAME).stat().st_size <= 1 << 19


def test_a_table_that_was_deleted_or_damaged_begins_anew(tmp_path):
    again(tmp_path, [ONE])
    (tmp_path / NAME).unlink()
    assert again(tmp_path, [ONE]) == [False]
    (tmp_path / NAME).write_bytes(b"x" * 999)
    assert again(tmp_path, [ONE, ONE]) == [False, True]


def test_a_folder_that_cannot_be_made_is_an_error_of_the_system(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        again(tmp_path / "file" / "below", [ONE])
