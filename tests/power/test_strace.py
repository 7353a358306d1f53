"""The reader of strace's words: calls cut in two, threads, lists and strings."""

from __future__ import annotations

import pytest

from tests.power import strace

HELLO = r"\x68\x69"


def read(*lines: str) -> list[strace.Call]:
    return list(strace.calls(lines))


def test_a_call_is_read_with_its_words_and_its_answer():
    (call,) = read(rf'7  pwrite64(5<\x2f\x61>, "{HELLO}", 2, 4096) = 2')
    assert (call.pid, call.name, call.answer) == (7, "pwrite64", 2)
    assert strace.file_of(call.words[0]) == (5, "/a")
    assert strace.text(call.words[1]) == b"hi"
    assert call.words[2:] == ("2", "4096")


def test_a_call_that_another_thread_interrupts_counts_from_its_first_line_to_its_last():
    first, second = read(
        r"7  fsync(5<\x2f\x61> <unfinished ...>",
        r"8  close(6<\x2f\x62>) = 0",
        r"7  <... fsync resumed>) = 0",
    )
    assert (first.name, second.name) == ("close", "fsync")
    assert (second.begun, second.over) == (0, 2)


def test_a_number_that_is_another_file_s_before_its_close_is_told_is_open():
    said = read(
        r"7  close(6<\x2f\x61> <unfinished ...>",
        r"8  openat(AT_FDCWD, \x22\x2f\x62\x22, O_RDONLY) = 6<\x2f\x62>",
        r"7  <... close resumed>) = 0",
    )
    assert [(call.pid, call.name) for call in said] == [(7, "close"), (8, "openat")]


def test_a_call_whose_words_are_cut_in_two_is_whole():
    (call,) = read(
        r"7  lseek(5<\x2f\x61>, <unfinished ...>",
        r"7  <... lseek resumed>12, SEEK_SET) = 12",
    )
    assert call.words[1:] == ("12", "SEEK_SET")


def test_what_failed_and_what_is_no_call_is_passed_over():
    assert not read(
        r'7  openat(AT_FDCWD<\x2f>, "\x61", O_RDONLY) = -1 ENOENT (No such file or directory)',
        r"7  +++ exited with 0 +++",
        r"7  fsync(5<\x2f\x61>) = ? <unavailable>",
    )


def test_a_list_of_strings_is_one_word():
    (call,) = read(
        rf'7  writev(5<\x2f\x61>, [{{iov_base="{HELLO}", iov_len=2}}, {{iov_base="\x21", iov_len=1}}], 2) = 3'
    )
    assert len(call.words) == 3
    assert strace.text(call.words[1]) == b"hi!"


def test_a_string_that_is_cut_off_is_refused():
    with pytest.raises(ValueError, match="cut a string off"):
        strace.text(r'"\x68"...')


def test_threads_are_of_the_process_that_made_them_and_children_are_not():
    made = read(
        "7  clone3({flags=CLONE_VM|CLONE_THREAD|CLONE_FILES, stack=0x1}, 88) = 8",
        "8  clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD) = 9",
        r"8  close(3<\x2f\x61>) = 0",
        r"9  close(3<\x2f\x61>) = 0",
    )
    found = strace.processes(made)
    assert [call.pid for call in found[7]] == [7, 8, 8]
    assert [call.pid for call in found[9]] == [9]
