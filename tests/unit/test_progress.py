"""A long call says how far it has come, in one line, not too often and not too early."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import time

import pytest

from marketkit import progress
from marketkit.progress import Progress, Reporter, clock


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        """Say yes."""
        return True


@pytest.fixture
def ticking(with_own):
    """A clock that stands still until it is told to go on."""
    now = [1_000.0]
    with_own(progress, time, monotonic=lambda: now[0])

    def pass_by(seconds):
        now[0] += seconds

    return pass_by


def begun(label="x", **told):
    """A progress that starts by the clock of the test."""
    return Progress(label, started=progress.time.monotonic(), **told)


def half(**told):
    return begun("KRW-BTC 1m", total=1_000, done=500, requests=25, rows=4_999, **told)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0s"),
        (0.4, "0s"),
        (3.2, "3s"),
        (59.4, "59s"),
        (59.6, "1m 00s"),
        (60, "1m 00s"),
        (75, "1m 15s"),
        (3_599.4, "59m 59s"),
        (3_599.6, "1h 00m"),
        (7_500, "2h 05m"),
        (360_000, "100h 00m"),
    ],
)
def test_a_duration_is_written_as_people_say_it(seconds, said):
    assert clock(seconds) == said


def test_the_line_tells_share_rows_requests_pace_and_time_to_go(ticking):
    progress = half()
    ticking(10)
    assert str(progress) == (
        "KRW-BTC 1m:  50%  4,999 candles, 25 requests in 10s (2.5/s), 10s to go"
    )


def test_the_bar_grows_with_the_share(ticking):
    states = (begun(total=1_000, done=done) for done in (0, 250, 500, 1_000))
    bars = [each.bar().split("]")[0] for each in states]
    assert bars == [
        "[" + "." * 24,
        "[" + "#" * 6 + "." * 18,
        "[" + "#" * 12 + "." * 12,
        "[" + "#" * 24,
    ]


def test_there_is_no_estimate_before_there_is_a_pace(ticking):
    progress = begun(total=100)
    ticking(5)
    assert progress.eta is None
    assert str(progress).endswith("in 5s (0.0/s)")
    progress.done = 20
    assert progress.eta == pytest.approx(20)


@pytest.mark.parametrize("state", ["running", "paused", "stopped", "cancelled", "failed: away"])
def test_what_has_not_begun_shows_nothing_done(ticking, state):
    progress = begun(state=state)
    assert progress.share == 0.0
    assert progress.seconds == 0
    assert str(progress).startswith("x:   0%")
    assert "(0.0/s)" in str(progress)
    assert progress.bar().startswith("[" + "." * 24)
    assert '"percent": 0.0' in progress.as_json()


def test_a_call_with_nothing_to_do_is_done_when_it_ended(ticking):
    progress = begun(state="done")
    assert progress.share == 1.0
    assert str(progress).startswith("x: 100%")


def test_the_share_never_is_more_than_all(ticking):
    assert begun(total=10, done=12).share == 1.0
    assert begun(total=10, done=12).eta == 0


def test_an_ended_call_names_its_ending_and_no_time_to_go(ticking):
    progress = half(state="stopped")
    ticking(10)
    assert str(progress).endswith("(2.5/s), stopped")


def test_a_short_call_stays_silent(ticking):
    for stream in (Terminal(), io.StringIO()):
        reporter = Reporter(half(), stream)
        for _ in range(19):
            ticking(0.1)
            reporter.update()
        reporter.close()
        assert stream.getvalue() == ""


def test_a_terminal_gets_a_moving_bar_four_times_a_second_at_most(ticking):
    stream = Terminal()
    reporter = Reporter(half(), stream)
    for _ in range(400):  # four seconds, of which two are patience
        ticking(0.01)
        reporter.update()
    frames = stream.getvalue().split("\r")[1:]
    assert 7 <= len(frames) <= 9
    assert all(frame.startswith("\x1b[K[####") for frame in frames)
    assert "\n" not in stream.getvalue()
    reporter.close()
    assert stream.getvalue().endswith("\n")
    assert stream.getvalue().count("\n") == 1


def test_a_file_gets_a_plain_line_every_thirty_seconds(ticking):
    stream = io.StringIO()
    reporter = Reporter(half(), stream)
    for _ in range(950):
        ticking(0.1)
        reporter.update()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    assert [line.split(" in ")[1].split(" (")[0] for line in lines] == ["30s", "1m 00s", "1m 30s"]
    assert all(line.startswith("KRW-BTC 1m:  50%") for line in lines)
    reporter.close()
    assert len(stream.getvalue().splitlines()) == 4


def test_a_call_that_begins_to_wait_says_so_at_once_and_once_a_wait(ticking):
    stream = io.StringIO()
    progress = half()
    reporter = Reporter(progress, stream)
    for waits in (True, True, False, True, False):
        progress.note = "waiting for the exchange" * waits
        for _ in range(50):
            ticking(0.1)
            reporter.update()
    lines = stream.getvalue().splitlines()
    assert [line.split(" in ")[1].split(" (")[0] for line in lines] == ["2s", "15s"]
    assert all(line.endswith("; waiting for the exchange") for line in lines)


def test_a_call_that_is_not_to_be_shown_writes_nothing(ticking):
    stream = Terminal()
    reporter = Reporter(half(), stream, show=False)
    for _ in range(100):
        ticking(1)
        reporter.update()
    reporter.close()
    assert stream.getvalue() == ""


def test_progress_goes_to_the_error_stream_unless_told_otherwise(ticking, capsys):
    reporter = Reporter(half())
    ticking(60)
    reporter.update()
    said = capsys.readouterr()
    assert "KRW-BTC 1m" in said.err
    assert said.out == ""


def test_what_asks_no_exchange_tells_of_no_requests():
    files = Progress("reading 9 files", total=9, done=3, rows=4_999, unit="rows", asks=False)
    assert str(files).startswith("reading 9 files:  33%  4,999 rows in 0s")
    assert "requests" not in str(files)


@pytest.mark.parametrize("most", [200, 100, 79, 39, 12])
@pytest.mark.parametrize("note", ["", "the exchange is away: 점검 중"])
def test_a_bar_takes_no_more_than_the_columns_there_are(ticking, most, note):
    progress = half(note=note)
    ticking(10)
    drawn = progress.bar(most)
    assert sum(1 if letter.isascii() else 2 for letter in drawn) <= most
    assert drawn.startswith("[####") or "50%"[: most - 12] in drawn
    assert progress.bar(200) == progress.bar()


def test_in_a_narrow_terminal_the_reason_of_a_wait_is_seen(ticking):
    progress = half(note="the exchange is away")
    ticking(10)
    assert progress.bar(52) == "KRW-BTC 1m:  50%, 10s to go; the exchange is away"
    assert half(state="stopped").bar(30) == "KRW-BTC 1m:  50%, stopped"


def test_a_terminal_that_cannot_draw_again_gets_plain_lines(ticking, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    reporter = Reporter(half(), stream)
    ticking(31)
    reporter.update()
    assert "\x1b" not in stream.getvalue()
    assert "\r" not in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_what_nobody_can_read_is_not_written_and_the_call_goes_on(ticking, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w", encoding="utf-8", buffering=1) as gone:
        for stream in (None, gone):
            reporter = Reporter(half(), stream)
            for _ in range(3):
                ticking(31)
                reporter.update()
            reporter.close()
        with contextlib.suppress(OSError):
            gone.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), gone.fileno())
