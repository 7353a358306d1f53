"""A chart as a page that needs nothing from elsewhere."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest

from marketkit.notebook.charts import page

figures = pytest.importorskip("plotly.graph_objects")
BUNDLE = Path(page.__file__).with_name("plotly-finance.min.js.gz")


def figure(title="KRW-BTC", **trace):
    return figures.Figure(
        [{"type": "scatter", "x": [1], "y": [2], **trace}], {"title": title, "height": 300}
    )


def inputs(text):
    """Read the arguments of the script of a part."""
    called = text[text.rindex('})("') + 4 : text.rindex(")</script>")]
    name, rest = called.split('",', 1)
    told, end = json.JSONDecoder().raw_decode(rest)
    packed, rest_end = json.JSONDecoder().raw_decode(rest[end + 1 :])
    engine = json.loads(rest[end + 1 + rest_end + 1 :])
    return name, told, packed, engine


def test_the_bundle_is_plotlys_own_of_the_line_that_plotly_has():
    text = gzip.decompress(BUNDLE.read_bytes())
    # plotly.js-finance-dist-min 4.1.0 of the npm registry, as it is.
    assert hashlib.sha256(text).hexdigest() == (
        "9993f6d57ffd52d7417a9e89b666679ff69078e7c2816b43ab9ecdea9fa4709d"
    )
    version = re.search(rb"plotly\.js \(finance - minified\) v(\d+)", text)
    from plotly.offline import get_plotlyjs_version

    assert version[1].decode() == get_plotlyjs_version().partition(".")[0]
    assert "MIT" in BUNDLE.with_name("plotly-LICENSE").read_text("utf-8")


def test_a_part_has_the_figure_the_engine_and_no_address():
    text = page.part(figure(), None)
    name, told, packed, engine = inputs(text)
    assert f'data-marketkit="{name}"' in text
    assert told["data"][0]["y"] == [2]
    assert told["config"]["displaylogo"] is False
    assert packed is None
    assert base64.b64decode(engine) == BUNDLE.read_bytes()
    assert not re.search(r"""(src|href)\s*=|https?://""", text.replace(engine, ""))


def test_equal_charts_are_written_alike_and_others_are_not():
    assert page.part(figure(), None) == page.part(figure(), None)
    assert inputs(page.part(figure(y=[3]), None))[0] != inputs(page.part(figure(), None))[0]


def test_what_the_bundle_cannot_draw_brings_the_whole_library():
    text = page.part(figures.Figure([{"type": "heatmap", "z": [[1]]}]), None)
    engine = gzip.decompress(base64.b64decode(inputs(text)[3]))
    from plotly.offline import get_plotlyjs

    assert engine.decode() == get_plotlyjs()


def test_no_text_of_a_chart_ends_its_script():
    evil = "</script><script>alert(1)</script>\u2028"
    text = page.part(figure(title=evil), None)
    assert text.count("</script>") == 1
    assert "\u2028" not in text
    assert inputs(text)[1]["layout"]["title"]["text"] == evil


def test_a_notebook_without_trust_says_so():
    assert "trust this notebook" in re.sub(
        r"<script>.*?</script>", "", page.part(figure(), None), flags=re.DOTALL
    )


def test_a_whole_page_has_a_title_and_a_ground():
    text = page.whole("KRW-BTC &lt;", "BODY", '#fff"x')
    assert text.startswith("<!DOCTYPE html>")
    assert "<title>KRW-BTC &lt;</title>" in text
    assert "background:#fff&quot;x" in text
    assert "BODY" in text
