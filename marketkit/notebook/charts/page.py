"""A chart as HTML that needs nothing from elsewhere: no network, no server, no extension.

The page brings plotly.js with it, compressed, and the browser unpacks it: the bundle of finance
charts that lies beside this file (1.28 MB, as gzip in base64 0.57 MB) where that draws all there
is, else the whole of plotly's package (4.8 MB, 2.2 MB).
"""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
import html
import json
from pathlib import Path
from typing import TYPE_CHECKING

from marketkit.notebook.charts.style import CONFIG

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from marketkit.notebook.charts.packing import Packed

_HERE = Path(__file__).parent
_FINANCE = frozenset({"bar", "candlestick", "scatter"})  # of the bundle, those that are drawn
# Notebooks that are opened without trust run no scripts, and show this.
_UNTRUSTED = "This chart is drawn by a script: trust this notebook, or run its cell."


def part(figure: Figure, packed: Packed | None) -> str:
    """Write a chart as a part of a page; equal charts are written alike."""
    detail = packed and {"header": packed.header, "data": packed.data}
    told = json.loads(figure.to_json()) | {"config": CONFIG}
    inputs = f"{_inert(json.dumps(told))},{_inert(json.dumps(detail))}"
    engine = _finance() if {trace.type for trace in figure.data} <= _FINANCE else _whole()
    name = hashlib.sha256(inputs.encode()).hexdigest()[:12]
    return (
        f'<div data-marketkit="{name}" style="width:100%;min-height:{figure.layout.height}px">'
        f'{_UNTRUSTED}</div>\n<script>({_program()})("{name}",{inputs},"{engine}")</script>\n'
    )


def whole(title: str, body: str, paper: str) -> str:
    """Write a page around a part; `title` is HTML."""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'</head>\n<body style="margin:0;background:{html.escape(paper)}">\n{body}</body></html>\n'
    )


def _inert(json_text: str) -> str:
    """Write JSON in which no HTML parser sees the end of a script."""
    text = json_text.replace("<", "\\u003c")
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@functools.cache
def _program() -> str:
    lines = (_HERE / "chart.js").read_text("utf-8").strip().splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("//"))


@functools.cache
def _finance() -> str:
    return base64.b64encode((_HERE / "plotly-finance.min.js.gz").read_bytes()).decode("ascii")


@functools.cache
def _whole() -> str:
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 - an extra

    packed = gzip.compress(get_plotlyjs().encode("utf-8"), 9, mtime=0)
    return base64.b64encode(packed).decode("ascii")
