"""A job under a cell: what is drawn of it, and where a cell is."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from marketkit.notebook import job as display
from marketkit.progress import Progress


class Job:
    """Work that a test watches."""

    def __init__(self) -> None:
        self.progress = Progress("KRW-BTC <1m>", total=200, done=50)
        self.drawn = None

    def watch(self, draw) -> None:
        """Remember who draws."""
        self.drawn = draw


def test_a_job_is_drawn_as_a_bar_and_its_text_which_is_no_markup():
    text = display.markup(Job())
    assert "value='0.2500'" in text
    assert "KRW-BTC &lt;1m&gt;" in text


def test_there_is_no_cell_outside_of_a_notebook(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not display.is_here()


KERNEL = type("ZMQInteractiveShell", (), {})


@pytest.mark.parametrize(
    ("shell", "here"),
    [
        (KERNEL, True),
        (type("Shell", (KERNEL,), {}), True),  # as Colab's is called
        (type("TerminalInteractiveShell", (), {}), False),
    ],
)
def test_a_cell_is_the_main_thread_of_a_kernel(monkeypatch, shell, here):
    module = ModuleType("IPython")
    module.get_ipython = shell  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", module)
    assert display.is_here() is here


def test_without_widgets_the_same_place_is_drawn_again(monkeypatch):
    shown = []
    place = SimpleNamespace(update=shown.append)
    module = ModuleType("IPython.display")
    module.display = lambda bar, **_: shown.append(bar) or place  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    job = Job()
    display.watch(job)
    job.progress.done = 100
    job.drawn()
    first, again = shown
    assert first is again
    assert "0.5000" in again._repr_mimebundle_()["text/html"]
