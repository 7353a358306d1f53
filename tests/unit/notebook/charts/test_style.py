"""Colours, panes and words of charts."""

from __future__ import annotations

import pytest

from marketkit.notebook.charts import style
from marketkit.timeframe import DAY, HOUR, MINUTE, WEEK


def luminance(color):
    """Give the relative luminance of a colour, as WCAG 2 does."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    ]
    return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    "paper", ["#ffffff", "#111111", "#1e1e1e"]
)  # Jupyter light and dark, VS Code
def test_text_and_candles_of_the_theme_for_any_ground_are_read_on_it(paper):
    font = style.template("auto")["layout"]["font"]["color"]
    for color in (font, *(each for pair in style.COLORS.values() for each in pair)):
        assert contrast(color, paper) > 3  # what WCAG asks of graphics and large text


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_of_other_themes_stands_out_from_their_paper(theme):
    told = style.template(theme)["layout"]
    assert contrast(told["font"]["color"], told["paper_bgcolor"]) > 7


def test_rises_are_red_and_falls_blue_in_korea_and_elsewhere_green_and_red():
    (up, down), (other_up, other_down) = style.COLORS["korean"], style.COLORS["western"]
    assert up == other_down
    assert down not in {up, other_up}


def test_panes_share_the_height_by_weight_and_do_not_meet():
    panes = [style.Pane("a", 3, {}), style.Pane("b", 1, {"type": "log"})]
    top, bottom = style.stacked(panes)
    assert top["domain"][1] == 1
    assert bottom["domain"][0] == pytest.approx(0)
    assert top["domain"][0] > bottom["domain"][1]
    (a, b), (c, d) = top["domain"], bottom["domain"]
    assert (b - a) / (d - c) == pytest.approx(3)
    assert bottom["type"] == "log"


def test_names_are_no_markup():
    assert style.label("<b>KRW</b>&") == "&lt;b&gt;KRW&lt;/b&gt;&amp;"


@pytest.mark.parametrize(
    ("width", "name"), [(MINUTE, "1m"), (4 * HOUR, "4h"), (DAY, "1d"), (2 * WEEK, "2w"), (5, "5ms")]
)
def test_a_width_is_named_by_its_largest_unit(width, name):
    assert style.spelled(width) == name


def test_no_button_sends_a_chart_anywhere():
    assert "sendChartToCloud" in style.CONFIG["modeBarButtonsToRemove"]
