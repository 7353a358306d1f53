"""In a notebook a live chart moves under its cell until the interrupt."""

from __future__ import annotations

import pytest

from tests.integration.test_notebook_live import exchange, notebook
from tests.waiting import PATIENCE

__all__ = ["exchange", "notebook"]
JSON = "application/vnd.plotly.v1+json"

BEGIN = "import marketkit as mk\n"
CELLS = {
    "candlestick": 'stream = mk.live(["KRW-BTC", "KRW-ETH"], "1m", history="30m")\nstream.plot()',
    "bar": 'stream = mk.watch("KRW-*", "ticker")\nstream.wait(120)\nstream.plot()',
    "scatter": 'stream = mk.watch("KRW-BTC", "orderbook")\nstream.wait(120)\nstream.plot()',
}


def followed(manager, client, exchange, code):
    """Run a cell that plots, let time pass, interrupt it; give the figures drawn and the text."""
    cell, place, figures, said = client.execute(code), None, [], ""
    while True:
        message = client.get_iopub_msg(timeout=PATIENCE)
        kind, content = message["msg_type"], message["content"]
        assert message["parent_header"].get("msg_id") == cell
        assert kind != "error", content
        if kind in {"display_data", "update_display_data"}:
            place = place or content["transient"]["display_id"]
            assert content["transient"]["display_id"] == place
            figures.append(content["data"][JSON])
            if len(figures) == 1:
                exchange.advance(60)
            elif len(figures) == 2:
                manager.interrupt_kernel()
        elif kind == "stream":
            said += content["text"]
        elif content.get("execution_state") == "idle":
            return figures, said


@pytest.mark.slow
@pytest.mark.parametrize("kind", CELLS)
def test_a_chart_follows_its_stream_in_place_and_ends_at_the_interrupt(notebook, exchange, kind):
    pytest.importorskip("plotly")
    code = f'{BEGIN}{CELLS[kind]}\nprint("over")'
    for _ in range(2):  # a cell that is run again goes on the same way
        figures, said = followed(*notebook, exchange, code)
        assert said == "over\n"
        assert len(figures) >= 2
        assert kind in {trace["type"] for trace in figures[-1]["data"]}
        assert figures[0]["data"] != figures[-1]["data"]


@pytest.mark.slow
def test_a_chart_ends_after_the_seconds_given(notebook, exchange):
    pytest.importorskip("plotly")
    code = f'{BEGIN}mk.live("KRW-BTC", "1m", history="5m").plot(seconds=0.5)\nprint("over")'
    _, client = notebook
    cell, drawn = client.execute(code), 0
    while True:
        message = client.get_iopub_msg(timeout=PATIENCE)
        drawn += message["msg_type"] == "display_data"
        assert message["msg_type"] != "error", message["content"]
        if message["content"].get("execution_state") == "idle":
            break
    assert message["parent_header"]["msg_id"] == cell
    assert drawn == 1
