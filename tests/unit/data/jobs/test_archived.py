"""Zips lie in a folder of the machine until they are used, or stay where the caller says."""

from __future__ import annotations

from marketkit.data.jobs.archived import ArchiveSource
from marketkit.settings import archive_dir

HERE = ("http://127.0.0.1:9/archive", "http://127.0.0.1:9/archive")


def test_zips_go_away_from_a_folder_of_the_machine():
    basket = ArchiveSource(HERE).basket
    assert basket.folder == archive_dir(HERE[1])
    assert not basket.keeps


def test_zips_stay_in_the_folder_of_the_caller(tmp_path):
    basket = ArchiveSource(HERE, tmp_path).basket
    assert (basket.folder, basket.keeps) == (tmp_path, True)


def test_an_archive_asks_both_addresses():
    archive = ArchiveSource(("http://127.0.0.1:8", "http://127.0.0.1:9")).open()
    assert archive.listing.address == "http://127.0.0.1:8"
    assert archive.files.address == "http://127.0.0.1:9"
