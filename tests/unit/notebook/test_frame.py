"""Frames that are shown while they change."""

from __future__ import annotations

import os
import signal
import threading
from types import SimpleNamespace

import polars as pl
import pytest

from marketkit.errors import MissingExtra
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


def plot(source, broadcast, seconds, **options):
    with pauses(broadcast) as pause:
        frame.plot(source, pause, seconds, **{"colors": "korean", "theme": "auto"} | options)


class Candles(Source):
    """Candles of which the newest changes."""

    @property
    def frame(self) -> pl.DataFrame:
        """The newest state."""
        price = self.price  # before the test is told that it was looked at
        self.looks.release()
        rows = [pl.Series([0, 60_000]).cast(pl.Datetime("ms", "UTC")).alias("time")]
        rows += [pl.Series(name, [1.0, price]) for name in ("open", "high", "low", "close")]
        return pl.DataFrame(rows)


def test_in_a_cell_the_chart_of_the_newest_frame_takes_the_place_of_the_one_before(monkeypatch):
    pytest.importorskip("plotly")
    drawn = []

    class Place:
        def display(self, chart) -> None:
            drawn.append(chart)

        def update(self, chart) -> None:
            drawn.append(chart)
            source.end()

    source = Candles()
    modules = __import__("sys").modules
    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setitem(modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(modules, "IPython.display", SimpleNamespace(DisplayHandle=Place))
    monkeypatch.setattr(frame, "_CHART", 0.05)

    def change() -> None:
        source.looks.acquire()
        source.price = 2.0

    other = threading.Thread(target=change)
    other.start()
    plot(source, source.broadcast, 20, theme="dark")
    other.join()
    first, second = (chart.figure for chart in drawn)
    assert [each.data[0].close[-1] for each in (first, second)] == [1.0, 2.0]
    assert first.layout.uirevision == second.layout.uirevision is not None
    assert first.layout.template.layout.paper_bgcolor == "#14171c"


def test_a_chart_outside_of_a_notebook_is_the_frame_as_text(capsys):
    pytest.importorskip("plotly")
    plot(Candles(), Broadcast(), 0.05)
    assert capsys.readouterr().out.count("close") == 1


def test_without_plotly_a_chart_is_refused_before_anything_is_waited_for(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "plotly.graph_objects", None)
    with pytest.raises(MissingExtra, match="plotly is not installed"):
        plot(Candles(), Broadcast(), None)
