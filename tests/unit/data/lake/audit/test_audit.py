"""What is wrong with a lake is found, whatever it is, and nothing changes by looking."""

from __future__ import annotations

import runpy
from pathlib import Path

import polars as pl
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from marketkit.data.lake import Lake
from marketkit.data.lake.audit.findings import AUDIT, FINDING
from marketkit.data.lake.format.chunk import Stamp

SPOILING = runpy.run_path(str(Path(__file__).with_name("spoilers.py")))
SPOILERS, CHUNK, SERIES, LOG = (SPOILING[name] for name in ("SPOILERS", "CHUNK", "SERIES", "LOG"))
make_lake, told, restamp = (SPOILING[name] for name in ("make_lake", "told", "restamp"))

spoilers = pytest.mark.parametrize("spoiler", SPOILERS, ids=lambda each: each.name)


@pytest.fixture
def root(tmp_path):
    """A sound lake that nobody has open."""
    make_lake(tmp_path / "lake")
    return tmp_path / "lake"


def tree(root: Path) -> dict[str, tuple[Stamp, bytes]]:
    """Everything below a root but the locks: names, stamps and bytes."""
    files = [path for path in root.rglob("*") if path.is_file() and ".locks" not in path.parts]
    return {str(path): (Stamp.of(path.stat()), path.read_bytes()) for path in files}


def test_a_sound_lake_has_no_findings(root):
    found = Lake(root).audit()
    assert found.is_empty()
    assert found.schema == pl.Schema(AUDIT)


def test_last_candles_that_are_kept_are_sound_with_their_files_and_no_matter_without(root):
    lake = Lake(root)
    lake.latest(count=5)
    assert lake.audit().is_empty()
    told(root, "UPDATE ends SET made_of = 'gone 1 2 3', content = x'00'")
    assert lake.audit().is_empty()
    assert lake.latest(count=5).equals(
        lake.read(None, "1m").group_by("symbol").tail(5).sort("symbol")
    )


def test_where_there_is_no_lake_nothing_is_found_and_nothing_made(tmp_path):
    assert Lake(tmp_path / "lake").audit().is_empty()
    assert not (tmp_path / "lake").exists()


@spoilers
def test_what_is_broken_is_found_where_it_is(root, spoiler):
    spoiler.spoil(root)
    found = Lake(root).audit()
    assert set(found["path"]) == {spoiler.path}
    assert set(found["finding"]) == spoiler.findings
    assert all(found["detail"].str.len_chars() > 0)


@spoilers
def test_looking_changes_nothing(root, spoiler):
    spoiler.spoil(root)
    before = tree(root)
    Lake(root).audit()
    assert tree(root) == before


def test_every_kind_of_finding_is_tried():
    tried = {finding for spoiler in SPOILERS for finding in spoiler.findings}
    # Nothing is spoiled, or for one user and not for another: see test_derived and test_folders.
    # Images lie elsewhere: see test_images.
    no_damage = {"differs", "unreadable", "image"}
    assert tried | no_damage == set(FINDING.categories)


def test_looking_makes_no_index(root):
    for path in root.glob("index.sqlite*"):
        path.unlink()
    assert Lake(root).audit().is_empty()
    assert not list(root.glob("index.sqlite*"))


def test_a_finding_names_the_series(root):
    (root / CHUNK).write_bytes(b"rot")
    found = Lake(root).audit().row(0, named=True)
    assert (found["symbol"], found["timeframe"]) == ("KRW-BTC", "1m")


def test_one_broken_file_hides_no_other(root):
    (root / CHUNK).write_bytes(b"rot")
    (root / CHUNK.replace("KRW-BTC", "KRW-ETH")).write_bytes(b"rot")
    (root / "index.sqlite").write_bytes(b"rot" * 500)
    (root / LOG).write_bytes(b"rot\n")
    assert sorted(Lake(root).audit()["finding"]) == sorted(
        ["corrupt", "corrupt", "index", "revisions"], key=FINDING.categories.to_list().index
    )


def test_much_that_is_wrong_with_one_file_is_all_told(root):
    spoil = SPOILING["rewritten"](
        lambda rows: pl.concat([SPOILING["set_at"](4, low=1e6)(rows), rows[5:6]]), rows=7
    )
    spoil(root)
    found = set(Lake(root).audit()["finding"])
    assert found == {"impossible", "duplicate", "unsorted", "miscounted"}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@example(place=0.57421875, bit=7)  # in the name of a column, which then is no text
def test_any_flipped_bit_of_a_chunk_is_found(tmp_path_factory, place, bit):
    root = tmp_path_factory.mktemp("lake")
    make_lake(root)
    content = bytearray((root / CHUNK).read_bytes())
    content[int(len(content) * place)] ^= 1 << bit
    (root / CHUNK).write_bytes(content)
    restamp(root)
    found = Lake(root).audit()
    assert set(found["path"]) == {CHUNK}


def test_a_lake_of_a_later_marketkit_is_not_judged(root):
    (root / "lake.json").write_text('{"format": 3}')
    (root / CHUNK).write_bytes(b"what this is nobody here can know")
    assert Lake(root).audit().select("path", "finding").rows() == [("lake.json", "newer")]


def test_the_file_of_a_writer_at_work_is_no_litter(root):
    (root / f"{CHUNK}.1.beef.tmp").write_bytes(b"half")
    with FileLock(root / SERIES.lock):
        assert Lake(root).audit().is_empty()
    assert Lake(root).audit()["finding"].to_list() == ["litter"]


def test_a_set_that_is_being_frozen_is_no_litter(root):
    (root / "snapshots" / ".beef.tmp").mkdir(parents=True)
    with FileLock(root / ".locks" / "snapshots.lock"):
        assert Lake(root).audit().is_empty()
    assert Lake(root).audit()["finding"].to_list() == ["litter"]


def test_a_frozen_set_can_be_looked_at_alone(root):
    lake = Lake(root)
    lake.freeze("kept")
    (root / "snapshots" / "kept" / "candles" / "_delta_log").mkdir()
    assert lake.as_of("kept").audit().is_empty()
    path = root / "snapshots" / "kept" / CHUNK
    path.unlink()
    path.write_bytes(b"rot")
    assert lake.as_of("kept").audit()["path"].to_list() == [CHUNK]


def test_a_frozen_set_of_a_later_marketkit_is_not_judged(root):
    Lake(root).freeze("kept")
    manifest = root / "snapshots" / "kept" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 2'))
    assert Lake(root).audit().select("path", "finding").rows() == [("snapshots/kept", "newer")]


def test_an_index_that_only_lags_is_sound(root):
    SPOILING["rewritten"](lambda rows: rows[:-1])(root)
    assert Lake(root).audit().is_empty()


def test_an_index_of_another_marketkit_is_not_judged(root):
    told(root, "PRAGMA user_version = 99")
    told(root, "DROP TABLE chunks")
    assert Lake(root).audit().is_empty()


def test_every_source_of_the_lake_is_looked_at(root):
    make_lake(root)
    Lake(root, source="sandbox").append(
        "KRW-BTC", "1m", SPOILING["rows_of"]("KRW-BTC"), SPOILING["covering"]()
    )
    path = CHUNK.replace("upbit", "sandbox")
    (root / path).write_bytes(b"rot")
    assert Lake(root).audit()["path"].to_list() == [path]
