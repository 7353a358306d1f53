"""A chart: shown by a notebook, saved as a picture or a page, changed through plotly's figure."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marketkit import disk
from marketkit.errors import InputError, MissingExtra, NotWritable, nearest
from marketkit.frames import one_of
from marketkit.notebook.charts import page as pages
from marketkit.notebook.charts.style import CONFIG, PAPER, Theme, template
from marketkit.settings import given_path

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from marketkit.notebook.charts.packing import Packed

_PICTURES = (".png", ".svg", ".pdf", ".webp", ".jpg")
_JSON = "application/vnd.plotly.v1+json"
_WIDE = 1200  # pixels of a picture: what a page of a report is wide
_SHARP = 2  # points of a picture a pixel, as on the screens that it is read on

# JupyterLab fits the width by itself; plotly's own way takes the height from a cell that has none.
_IN_JUPYTER = {name: value for name, value in CONFIG.items() if name != "responsive"}


class Chart:
    """A chart of a frame.

    A notebook shows it; `save` writes a picture, or a page that needs no network. `figure` is
    plotly's figure of the same chart: what is changed there is shown and saved.

    Where there are more candles than a screen shows apart, `figure` has wider ones. The chart that
    a notebook or a saved page shows makes them narrower as one zooms in: it has more of them with
    it, and asks nobody.
    """

    def __init__(
        self, data: list[dict[str, Any]], layout: dict[str, Any], packed: Packed | None = None
    ) -> None:
        self.figure: Figure = plotly().Figure(data=data, layout=layout)
        self._packed = packed

    def save(
        self, path: str | os.PathLike[str], *, width: int = _WIDE, theme: Theme | None = None
    ) -> Path:
        """Write the chart to a file, whose suffix says of which kind.

        A page (`.html`) is one file that needs no network; pictures are `.png`, `.svg`, `.pdf`,
        `.webp` and `.jpg`, and `width` is theirs in pixels. `theme` is `light` unless the chart was
        made with one. Raises `MissingExtra` where a picture is wanted without kaleido, or without
        the Chrome or Chromium that it draws with, for nothing is downloaded; and `NotWritable`.
        """
        target, known = given_path(path, "path"), (".html", *_PICTURES)
        kind = target.suffix.lower()
        if kind not in known:
            hint = nearest(kind, known)
            raise InputError(
                f"{target.name!r} names no kind of file{hint} (one of {' '.join(known)})"
            )
        page = kind == ".html"
        data = self.to_html(theme).encode() if page else self._picture(kind, width, theme)
        try:
            disk.write_atomic(target, lambda file: file.write(data))
        except OSError as error:
            raise NotWritable(f"{target} cannot be written: {error.strerror}") from None
        return target

    def to_html(self, theme: Theme | None = None) -> str:
        """Write the chart as a page of its own that needs nothing from elsewhere."""
        figure = self._themed(theme)
        paper = figure.layout.template.layout.paper_bgcolor
        title = figure.layout.title.text or "marketkit"
        return pages.whole(title, pages.part(figure, self._packed), paper)

    def _picture(self, kind: str, width: int, theme: Theme | None) -> bytes:
        if importlib.util.find_spec("kaleido") is None:
            raise MissingExtra("kaleido", "plot")
        from kaleido.errors import ChromeNotFoundError  # noqa: PLC0415 - an extra

        try:
            data: bytes = self._themed(theme).to_image(kind[1:], width=width, scale=_SHARP)
        except (ChromeNotFoundError, RuntimeError) as failure:
            if isinstance(failure, ChromeNotFoundError) or "Chrome" in str(failure):
                raise MissingExtra("Chrome or Chromium", "plot", _NO_CHROME) from None
            raise
        return data

    def _themed(self, theme: Theme | None) -> Figure:
        """Give the figure on paper: colours for any ground would be grey on white there."""
        if theme is not None:
            one_of("theme", theme, Theme)
        figure: Figure = plotly().Figure(self.figure)
        if theme is None and figure.layout.template.layout.paper_bgcolor == PAPER["auto"]:
            theme = "light"
        return figure if theme is None else figure.update_layout(template=template(theme))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Give a notebook the chart: as plotly's JSON, or with more candles as a page's part."""
        if self._packed is not None:
            html = pages.part(self.figure, self._packed)
            return {"text/plain": repr(self), "text/html": html}
        # Jupyter and VS Code draw the JSON; others, as Colab and nbconvert, are online.
        html = self.figure.to_html(full_html=False, include_plotlyjs="cdn", config=CONFIG)
        told = json.loads(self.figure.to_json()) | {"config": _IN_JUPYTER}
        return {"text/plain": repr(self), "text/html": html, _JSON: told}

    def __repr__(self) -> str:
        return f"<Chart {self.figure.layout.title.text}>"


_NO_CHROME = "kaleido draws pictures with it; install one, or save the chart as .html"


def plotly() -> Any:
    """Give the module of plotly's figures. Raises `MissingExtra` where plotly is not installed."""
    try:
        import plotly.graph_objects as figures  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        raise MissingExtra("plotly", "plot") from None
    return figures
