"""Frames that are shown while they change."""

from __future__ import annotations

import os
import signal
import threading
from types import SimpleNamespace

import polars as pl
import pytest

from marketkit.net.engine import engine
from marketkit.notebook import frame
from marketkit.realtime.consumers import Broadcast, pauses


def show(source, broadcast, seconds):
    with pauses(broadcast) as pause:
        frame.show(source, pause, seconds)


class Source:
    """A frame that a test sets."""

    def __init__(self) -> None:
        self.broadcast = Broadcast()
        self.price = 1.0
        self.looks = threading.Semaphore(0)

    @property
    def frame(self) -> pl.DataFrame:
        """The newest state."""
        self.looks.release()
        return pl.DataFrame({"price": [self.price]})

    def end(self) -> None:
        """Let nothing more come."""

        async def close() -> None:
            self.broadcast.close()

        engine().run(close())


def test_outside_of_a_notebook_a_frame_is_written_when_it_changed(capsys):
    source = Source()

    def change() -> None:
        source.looks.acquire()
        source.looks.acquire()
        source.price = 2.0
        source.looks.acquire()
        source.end()

    other = threading.Thread(target=change)
    other.start()
    show(source, source.broadcast, None)
    other.join()
    out = capsys.readouterr().out
    assert [line.strip() for line in out.splitlines()] == [
        *("price", "─────", "1"),
        *("price", "─────", "2"),
    ]
    assert not source.broadcast.consumers


def test_it_ends_after_the_seconds_given(capsys):
    show(Source(), Broadcast(), 0.05)
    assert capsys.readouterr().out.count("price") == 1


@pytest.mark.skipif(os.name == "nt", reason="there is no such signal")
def test_an_interrupt_ends_it_and_nothing_else(capsys):
    source = Source()

    def interrupt() -> None:
        source.looks.acquire()
        os.kill(os.getpid(), signal.SIGINT)

    other = threading.Thread(target=interrupt)
    other.start()
    show(source, source.broadcast, None)
    other.join()
    assert not source.broadcast.consumers


def test_in_a_cell_one_place_is_drawn_again(monkeypatch):
    drawn: list[tuple[str, str]] = []

    class Place:
        def display(self, shown: object) -> None:
            drawn.append(("display", repr(shown).split()[-1]))
            assert "<table" in shown._repr_html_()

        def update(self, shown: object) -> None:
            drawn.append(("update", repr(shown).split()[-1]))
            source.end()

    shell = type("ZMQInteractiveShell", (), {})()
    source = Source()
    monkeypatch.setitem(
        __import__("sys").modules, "IPython", SimpleNamespace(get_ipython=lambda: shell)
    )
    monkeypatch.setitem(
        __import__("sys").modules, "IPython.display", SimpleNamespace(DisplayHandle=Place)
    )

    def change() -> None:
        source.looks.acquire()
        source.price = 2.0

    other = threading.Thread(target=change)
    other.start()
    show(source, source.broadcast, 20)
    other.join()
    assert drawn == [("display", "1"), ("update", "2")]
