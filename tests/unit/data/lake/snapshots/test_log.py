"""The log of a Delta table among objects."""

from __future__ import annotations

import pytest

from marketkit.data.lake.format.objects import Conflict
from marketkit.data.lake.places.disk import Disk
from marketkit.data.lake.snapshots import delta
from marketkit.data.lake.snapshots.log import Log


@pytest.fixture
def place(tmp_path):
    return Disk(tmp_path)


def commit(**ours):
    return delta.spell([], 0, "WRITE", "marketkit 1", ours)


def test_a_table_without_commits_has_no_version(place):
    assert Log(place, "tables/a").tip() == (-1, None, ())


def test_the_newest_commit_of_ours_is_told_also_if_its_end_is_long(place):
    log = Log(place, "tables/a")
    log.commit(0, commit(names="x"))
    log.commit(1, commit(names="y" * 5000))
    version, told, since = log.tip()
    assert (version, told["names"], since) == (1, "y" * 5000, ())


def test_commits_of_others_that_came_later_are_given_oldest_first(place):
    log = Log(place, "tables/a")
    log.commit(0, commit(names="x"))
    for number in (1, 2):
        log.commit(number, b'{"commitInfo":{"operation":"%d"}}\n' % number)
    version, told, since = log.tip()
    assert (version, told["names"], len(since)) == (2, "x", 2)
    assert b'"1"' in since[0]


def test_a_number_is_given_once(place):
    log = Log(place, "tables/a")
    log.commit(0, commit())
    with pytest.raises(Conflict):
        log.commit(0, commit())
    assert Log(place, "tables/b").tip().version == -1
