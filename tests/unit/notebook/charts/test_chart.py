"""A chart in a notebook and in files."""

from __future__ import annotations

import sys
import types

import pytest

from marketkit.errors import InputError, MissingExtra, NotWritable
from marketkit.notebook.charts import candles
from marketkit.notebook.charts.chart import Chart, plotly
from marketkit.notebook.charts.style import layout
from tests.unit.notebook.charts.conftest import minutes

pytest.importorskip("plotly")

JSON = "application/vnd.plotly.v1+json"


def chart(theme="auto"):
    return Chart([{"type": "scatter", "x": [1], "y": [2]}], layout("KRW-BTC", "said", 300, theme))


def paper(figure):
    return figure.layout.template.layout.paper_bgcolor


def test_a_notebook_gets_plotlys_json_and_html_for_those_that_do_not_know_it():
    bundle = chart()._repr_mimebundle_()
    assert bundle["text/plain"] == "<Chart KRW-BTC>"
    assert bundle[JSON]["data"][0]["y"] == [2]
    assert bundle[JSON]["config"]["displaylogo"] is False
    assert "responsive" not in bundle[JSON]["config"]  # a cell has no height that it could take
    assert bundle[JSON]["layout"]["height"] > 200
    assert len(bundle["text/html"]) < 20_000
    assert bundle[JSON]["layout"]["template"]["layout"]["paper_bgcolor"] == "rgba(0,0,0,0)"


def test_more_candles_than_fit_are_shown_by_a_page_that_has_them():
    bundle = candles(minutes(2000))._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert "data-marketkit" in bundle["text/html"]


def test_a_change_of_the_figure_is_shown():
    one = chart()
    one.figure.update_layout(title_text="mine")
    assert repr(one) == "<Chart mine>"
    assert one._repr_mimebundle_()[JSON]["layout"]["title"]["text"] == "mine"
    assert "mine" in one.to_html()


def test_a_page_is_on_paper_and_the_chart_itself_stays_on_any_ground(tmp_path):
    one = chart()
    target = one.save(tmp_path / "chart.html")
    assert target == tmp_path / "chart.html"
    assert "background:#ffffff" in target.read_text("utf-8")
    assert "background:#14171c" in one.to_html(theme="dark")
    assert paper(one.figure) == "rgba(0,0,0,0)"
    assert "background:#14171c" in chart("dark").to_html()


@pytest.mark.parametrize(
    ("name", "said"), [("chart.pngg", "did you mean '.png'"), ("chart", "one of .html .png")]
)
def test_a_file_of_no_kind_is_bad_input(tmp_path, name, said):
    with pytest.raises(InputError) as caught:
        chart().save(tmp_path / name)
    assert said in str(caught.value)
    assert name in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_named_without_other_files(tmp_path):
    target = tmp_path / "reports" / "chart.html"
    with pytest.raises(NotWritable) as caught:
        chart().save(target)
    assert str(caught.value) == f"{target} cannot be written: No such file or directory"


def test_a_theme_that_is_none_is_bad_input():
    with pytest.raises(InputError, match="theme='drak'; did you mean 'dark'"):
        chart().to_html(theme="drak")


def test_a_picture_is_asked_of_kaleido_as_the_suffix_says(tmp_path, monkeypatch):
    asked = []

    def to_image(figure, kind, **options):
        asked.append((kind, paper(figure), options))
        return b"picture"

    monkeypatch.setattr(plotly().Figure, "to_image", to_image)
    assert chart().save(tmp_path / "a.png").read_bytes() == b"picture"
    chart().save(tmp_path / "a.SVG", width=600, theme="dark")
    assert asked == [
        ("png", "#ffffff", {"width": 1200, "scale": 2}),
        ("svg", "#14171c", {"width": 600, "scale": 2}),
    ]


def test_without_a_browser_it_is_said_what_to_install_and_nothing_is_left(tmp_path, monkeypatch):
    errors = pytest.importorskip("kaleido.errors")

    def to_image(figure, kind, **options):
        raise errors.ChromeNotFoundError

    monkeypatch.setattr(plotly().Figure, "to_image", to_image)
    with pytest.raises(MissingExtra) as caught:
        chart().save(tmp_path / "a.png")
    assert str(caught.value).startswith("Chrome or Chromium is not installed: ")
    assert ".html" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_other_failures_of_a_picture_are_told_as_they_are(tmp_path, monkeypatch):
    def to_image(figure, kind, **options):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(plotly().Figure, "to_image", to_image)
    with pytest.raises(RuntimeError, match="disk is full"):
        chart().save(tmp_path / "a.png")


@pytest.mark.parametrize("package", ["plotly", "kaleido"])
def test_a_package_that_is_not_there_is_asked_for_by_its_extra(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    if package == "plotly":
        monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    one = types.SimpleNamespace() if package == "plotly" else chart()
    with pytest.raises(MissingExtra, match=rf"{package} is not installed.*marketkit-upbit\[plot\]"):
        plotly() if package == "plotly" else one.save(tmp_path / "a.png")
