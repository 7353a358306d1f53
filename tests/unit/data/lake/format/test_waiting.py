"""Lists that wait for their lake: each in a folder of its lake's, moved in once, never lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from marketkit.data.lake.format import marker, waiting
from marketkit.data.lake.markets import Universe
from marketkit.disk import file_time
from marketkit.schema import MARKET, empty
from marketkit.settings import lists_dir

BELOW = "markets/source=upbit"


def wait(root: Path, day: str, content: bytes = b"a list", source: str = "upbit") -> Path:
    path = waiting.make(root, source) / f"{day}.parquet"
    path.write_bytes(content)
    return path


def found(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.parquet")
    }


def test_every_lake_has_a_folder_of_its_own_that_people_can_tell(tmp_path):
    one, other = (waiting.folder_of(tmp_path / each / "lake", "upbit") for each in "ab")
    assert one.name == other.name == "source=upbit"
    assert one.parent != other.parent
    assert one.parent.name.startswith("lake-")
    assert one.parent.parent == lists_dir()
    assert waiting.folder_of(tmp_path / ("x" * 200), "upbit").parent.name.count("x") == 40


def test_however_a_path_is_spelt_it_is_the_same_lake(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    expected = waiting.folder_of(tmp_path / "lake", "upbit")
    for same in ("lake", "./lake", "x/../lake", "link/lake"):
        assert waiting.folder_of(Path(same), "upbit") == expected
    (tmp_path / "lake").mkdir()
    monkeypatch.chdir("lake")
    assert waiting.folder_of(Path(), "upbit") == expected


def test_a_path_that_is_no_text_is_a_lake_like_others(tmp_path):
    root = tmp_path / os.fsdecode(b"lake\xff")
    wait(root, "2026-01-01")
    marker.prepare(root)
    assert list(found(root)) == [f"{BELOW}/2026-01-01.parquet"]


def test_what_is_none_of_ours_among_the_lists_is_left_alone(tmp_path):
    root = tmp_path / "lake"
    kept = wait(root, "2026-01-01").parent.with_name("source=My Own") / "x.parquet"
    kept.parent.mkdir()
    kept.write_bytes(b"mine")
    marker.prepare(root)
    assert list(found(root)) == [f"{BELOW}/2026-01-01.parquet"]
    assert kept.exists()


def test_a_lake_that_is_made_takes_in_what_waits_and_nothing_is_left_behind(tmp_path):
    root = tmp_path / "lake"
    wait(root, "2026-01-01")
    wait(root, "2026-01-02", b"another")
    wait(root, "2026-01-02", b"singapore", "upbit_sg")
    marker.prepare(root)
    assert found(root) == {
        f"{BELOW}/2026-01-01.parquet": b"a list",
        f"{BELOW}/2026-01-02.parquet": b"another",
        "markets/source=upbit_sg/2026-01-02.parquet": b"singapore",
    }
    assert list(lists_dir().iterdir()) == []


def test_what_waits_for_another_lake_goes_on_waiting(tmp_path):
    path = wait(tmp_path / "other", "2026-01-01")
    marker.prepare(tmp_path / "lake")
    assert path.exists()
    assert found(tmp_path / "lake") == {}


def test_of_two_lists_of_a_day_that_of_the_lake_stays(tmp_path):
    root = tmp_path / "lake"
    (root / BELOW).mkdir(parents=True)
    (root / BELOW / "2026-01-01.parquet").write_bytes(b"first")
    wait(root, "2026-01-01")
    waiting.move_in(root)
    assert found(root) == {f"{BELOW}/2026-01-01.parquet": b"first"}
    assert list(lists_dir().iterdir()) == []


def test_a_kill_between_copying_and_removing_is_made_good_by_the_next(tmp_path):
    root = tmp_path / "lake"
    wait(root, "2026-01-01")

    def killed(_: Path) -> None:
        raise SystemExit

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(SystemExit):
            waiting.move_in(root)
    waiting.move_in(root)
    assert not waiting.folder_of(root, "upbit").parent.exists()
    assert found(root) == {f"{BELOW}/2026-01-01.parquet": b"a list"}


def test_where_nothing_waits_moving_in_makes_nothing(tmp_path):
    waiting.move_in(tmp_path / "lake")
    assert not (tmp_path / "lake").exists()
    assert not lists_dir().exists()


def test_lists_that_cannot_move_wait_on_and_the_lake_is_made_all_the_same(tmp_path, caplog):
    root = tmp_path / "lake"
    path = wait(root, "2026-01-01")
    root.mkdir()
    (root / "markets").write_text("in the way")
    marker.prepare(root)
    assert marker.check(root)
    assert path.exists()
    assert "still wait" in caplog.text


def test_without_a_home_nothing_waits_and_lakes_are_made_and_read_all_the_same(
    tmp_path, monkeypatch, caplog
):
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(waiting, "lists_dir", nobody)
    universe = Universe(tmp_path / "lake", "upbit")
    universe.keep(empty(MARKET), 0, make=False)
    assert "is not kept" in caplog.text
    assert universe.days() == []
    marker.prepare(tmp_path / "lake")
    assert marker.check(tmp_path / "lake")


def test_lists_for_a_lake_whose_place_is_gone_for_a_day_are_swept(tmp_path):
    here, gone, away = (tmp_path / each for each in ("here", "gone", "away"))
    for each in (here, gone, away):
        each.mkdir()
        wait(each / "lake", "2026-01-01")
    day_ago = file_time(tmp_path) - 90_000_000_000_000
    for each in (here, gone):
        os.utime(
            waiting.folder_of(each / "lake", "upbit").parent / "lake.txt", ns=(day_ago, day_ago)
        )
    gone.rmdir()
    away.rmdir()  # just now, as a drive that is unplugged
    wait(tmp_path / "new" / "lake", "2026-01-01")
    left = {(path / "lake.txt").read_text().split("/")[-2] for path in lists_dir().iterdir()}
    assert left == {"here", "away", "new"}
