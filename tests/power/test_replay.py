"""Folders rebuilt from calls: bytes at the right places, names, and ways that are refused."""

from __future__ import annotations

import pytest

from tests.power.replay import Replay, Unknown
from tests.power.steps import Data, Mark, Name, Node, Sync
from tests.power.strace import calls


def spelt(text: str) -> str:
    return "".join(f"\\x{each:02x}" for each in text.encode())


def at(number: int, path: str) -> str:
    return f"{number}<{spelt(path)}>"


def opened(path: str, flags: str, number: int) -> str:
    cwd = f"AT_FDCWD<{spelt('/')}>"
    return f'7 openat({cwd}, "{spelt(path)}", {flags}, 0666) = {at(number, path)}'


def write(number: int, path: str, text: str) -> str:
    return f'7 write({at(number, path)}, "{spelt(text)}", {len(text)}) = {len(text)}'


def replayed(*lines: str) -> Replay:
    replay = Replay("/lake", b"power: ")
    replay.run(calls(lines))
    return replay


def content(replay: Replay, *names: str) -> bytes:
    node: Node = replay.top
    for name in names:
        node = node.names[name]
    return bytes(node.content)


NEW = "O_WRONLY|O_CREAT|O_EXCL"


def test_writes_go_on_where_the_last_one_ended_and_reads_move_that_place():
    replay = replayed(
        opened("/lake/a", "O_RDWR|O_CREAT", 3),
        write(3, "/lake/a", "abcdef"),
        f"7 lseek({at(3, '/lake/a')}, 1, SEEK_SET) = 1",
        "7 read(0x3, 0x7f0000, 0x2) = 0x2",
        write(3, "/lake/a", "X"),
        f'7 pwrite64({at(3, "/lake/a")}, "{spelt("Z")}", 1, 8) = 1',
    )
    assert content(replay, "a") == b"abcXef\0\0Z"


def test_a_file_that_is_appended_to_is_written_at_its_end_by_all_its_numbers():
    replay = replayed(
        opened("/lake/a", "O_WRONLY|O_CREAT|O_APPEND", 3),
        f"7 fcntl({at(3, '/lake/a')}, F_DUPFD_CLOEXEC, 0) = {at(4, '/lake/a')}",
        write(3, "/lake/a", "ab"),
        f"7 close({at(3, '/lake/a')}) = 0",
        f"7 lseek({at(4, '/lake/a')}, 0, SEEK_SET) = 0",
        write(4, "/lake/a", "cd"),
        f"7 ftruncate({at(4, '/lake/a')}, 3) = 0",
    )
    assert content(replay, "a") == b"abc"


def test_a_file_keeps_its_bytes_under_each_name_and_without_any():
    replay = replayed(
        f'7 mkdir("{spelt("/lake/d")}", 0777) = 0',
        opened("/lake/a", NEW, 3),
        f'7 link("{spelt("/lake/a")}", "{spelt("/lake/d/b")}") = 0',
        f'7 rename("{spelt("/lake/a")}", "{spelt("/lake/c")}") = 0',
        write(3, "/lake/c", "late"),
        f'7 unlink("{spelt("/lake/c")}") = 0',
    )
    assert set(replay.top.names) == {"d"}
    assert content(replay, "d", "b") == b"late"


def test_a_rename_between_folders_is_two_steps_that_know_each_other():
    replay = replayed(
        f'7 mkdir("{spelt("/lake/d")}", 0777) = 0',
        opened("/lake/a", NEW, 3),
        f'7 rename("{spelt("/lake/a")}", "{spelt("/lake/d/a")}") = 0',
    )
    new, old = replay.steps[-2:]
    assert isinstance(new, Name)
    assert isinstance(old, Name)
    assert (new.name, old.node, old.after) == ("a", None, new)
    assert set(replay.top.names) == {"d"}


def test_syncs_promises_and_files_elsewhere():
    replay = replayed(
        opened("/lake/a", NEW, 3),
        opened("/other", NEW, 4),
        write(4, "/other", "nothing of ours"),
        f"7 fdatasync({at(3, '/lake/a')}) = 0",
        write(2, "/dev/pts/1", "power: done\n"),
        opened("/lake", "O_RDONLY", 5),
        f"7 fsync({at(5, '/lake')}) = 0",
    )
    _, file, mark, folder = replay.steps
    assert isinstance(file, Sync)
    assert file.node is replay.top.names["a"]
    assert isinstance(mark, Mark)
    assert mark.said == "done"
    assert isinstance(folder, Sync)
    assert folder.node is replay.top


def test_a_nameless_file_changes_no_folder():
    replay = replayed(
        opened("/lake", "O_RDWR|O_EXCL|O_TMPFILE", 3), write(3, "/lake/#1", "gone soon")
    )
    assert not replay.top.names
    assert all(isinstance(step, Data) for step in replay.steps)


@pytest.mark.parametrize(
    "line",
    [
        f"7 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, {at(3, '/lake/a')}, 0) = 0x7f00",
        f"7 sendfile({at(3, '/lake/a')}, {at(4, '/other')}, NULL, 9) = 9",
        f"7 fallocate({at(3, '/lake/a')}, FALLOC_FL_PUNCH_HOLE, 0, 9) = 0",
        f'7 rename("{spelt("/other")}", "{spelt("/lake/b")}") = 0',
        "7 io_uring_setup(8, {flags=0}) = 5",
    ],
)
def test_a_way_of_writing_that_is_not_followed_is_refused(line):
    with pytest.raises(Unknown):
        replayed(opened("/lake/a", NEW, 3), line)
