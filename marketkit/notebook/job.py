"""A job under the cell where a call began: a moving bar, and buttons to pause and cancel.

The bar is made in the main thread, which ties it to its cell, and changed from the engine's thread
by its id: one that is made in a thread appears under whichever cell is latest.
"""

from __future__ import annotations

import html
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

from marketkit.notebook.card import bar
from marketkit.progress import Progress


class Watchable(Protocol):
    """Work that can be watched and stopped."""

    @property
    def progress(self) -> Progress:
        """The progress so far."""

    def watch(self, draw: Callable[[], None]) -> None:
        """Have `draw` called when something changed."""

    def pause(self) -> None:
        """Send nothing more until `resume`."""

    def resume(self) -> None:
        """Take a pause back."""

    def cancel(self) -> None:
        """End the work."""


def is_here() -> bool:
    """Say whether this call comes from a cell of a notebook."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    # By name, for importing ipykernel is slow; kernels such as Colab's have shells made of its own.
    in_cell = any(kind.__name__ == "ZMQInteractiveShell" for kind in type(shell).__mro__)
    return in_cell and threading.current_thread() is threading.main_thread()


def watch(job: Watchable) -> None:
    """Show a job under the cell at work now, until the end: with widgets, or as HTML."""
    try:
        import ipywidgets  # noqa: PLC0415, F401 - slow, and an extra
    except ImportError:
        _watch_html(job)
    else:
        _watch_widgets(job)


def markup(job: Watchable) -> str:
    """Draw a job as HTML."""
    return f"{bar(job.progress.share)} <code>{html.escape(str(job.progress))}</code>"


class _Bar:
    """The bar without widgets; redrawn under the same id."""

    def __init__(self, job: Watchable) -> None:
        self._job = job

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": str(self._job.progress), "text/html": markup(self._job)}


def _watch_html(job: Watchable) -> None:
    from IPython.display import display  # noqa: PLC0415 - only where a cell runs

    bar = _Bar(job)
    shown = display(bar, display_id=True)  # type: ignore[no-untyped-call]
    job.watch(lambda: shown.update(bar))


def _watch_widgets(job: Watchable) -> None:
    import ipywidgets as widgets  # noqa: PLC0415
    from IPython.display import display  # noqa: PLC0415

    bar = widgets.FloatProgress(max=1.0, layout={"width": "20em"})
    text = widgets.HTML()
    hold = widgets.Button(description="Pause", layout={"width": "6em"})
    stop = widgets.Button(description="Cancel", layout={"width": "6em"})
    hold.on_click(lambda _: job.pause() if hold.description == "Pause" else job.resume())
    stop.on_click(lambda _: job.cancel())

    def draw() -> None:
        bar.value = job.progress.share
        text.value = f"<code>{html.escape(str(job.progress))}</code>"
        hold.description = "Resume" if job.progress.state == "paused" else "Pause"
        if job.progress.ended:
            hold.disabled = stop.disabled = True
            bar.bar_style = "success" if job.progress.state == "done" else "danger"

    draw()
    shown = widgets.HBox([bar, hold, stop, text])._repr_mimebundle_()
    # A fixed text: programs that compare the outputs of two runs see no difference.
    display({**shown, "text/plain": f"<job {job.progress.label}>"}, raw=True)  # type: ignore[no-untyped-call]
    job.watch(draw)
