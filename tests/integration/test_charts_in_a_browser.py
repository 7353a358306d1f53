"""A saved page makes its candles wider and narrower as Python does, without any network."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from marketkit.notebook.charts import bins, candles
from marketkit.notebook.charts.intake import local, read_candles
from marketkit.timeframe import HOUR, MINUTE
from tests.unit.notebook.charts.conftest import START, minutes

CHROME = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--window-size=1200,800", "--virtual-time-budget=20000", "--dump-dom"),
)
# Tells what is drawn, before and after a zoom, in a place of its own.
PROBE = """<pre id="told"></pre><script>(async () => {
  const node = document.querySelector("[data-marketkit]");
  const settled = () => new Promise((go) => setTimeout(go, 1500));
  while (!window.marketkitPlotly) await settled();
  const Plotly = await window.marketkitPlotly;
  await settled();
  const look = () => ({ data: node.data, title: node.layout.title.subtitle.text });
  const told = [structuredClone(look())];
  for (const range of RANGES) {
    await Plotly.relayout(node, { "xaxis.range[0]": range[0], "xaxis.range[1]": range[1] });
    await settled();
    told.push(structuredClone(look()));
  }
  document.getElementById("told").textContent = JSON.stringify(told);
})();</script>"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROME is None, reason="no Chromium to look with"),
]


def seen(chart, tmp_path, *ranges):
    """Open a chart in a browser; give what is drawn at first and after each zoom."""
    probe = PROBE.replace(
        "RANGES", json.dumps([[f"{edge:%Y-%m-%d %H:%M}" for edge in each] for each in ranges])
    )
    page = tmp_path / "page.html"
    page.write_text(chart.to_html().replace("</body>", f"{probe}</body>"), "utf-8")
    command = [CHROME, *FLAGS, f"--user-data-dir={tmp_path / 'browser'}", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    told = re.search(r'<pre id="told">(.*?)</pre>', done.stdout, re.DOTALL)
    return json.loads(html.unescape(told[1]))


def drawn(view, part, series=0):
    (trace,) = (each for each in view["data"] if each["meta"] == {"series": series, "part": part})
    return trace


def at(text):
    return datetime.fromisoformat(text)


def same(trace, rows, zone):
    """Compare drawn candles with those of Python at the same slots."""
    wanted = dict(zip(local(rows["t"], zone), rows.rows(named=True), strict=True))
    assert trace["x"]
    for number, time in enumerate(trace["x"]):
        row = wanted[at(time)]
        for name in ("open", "high", "low", "close"):
            assert trace[name][number] == row[name]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Seoul"])
def test_at_every_zoom_the_page_draws_the_candles_that_python_makes(tmp_path, zone):
    month = minutes(30 * 1440).filter(
        ~pl.col("time").dt.epoch("ms").is_between(START + 9 * 24 * HOUR, START + 10 * 24 * HOUR - 1)
    )
    (all_rows,) = read_candles(month, tz=zone)
    begin = local(pl.Series([START]), zone)[0]
    hours, day = ((begin + timedelta(days=3), begin + timedelta(days=3, hours=n)) for n in (4, 24))
    chart = candles(month, tz=zone, detail=50_000)
    first, near, wide = seen(chart, tmp_path, hours, day)
    for view, width, said in (
        (first, 2 * HOUR, "2h"),
        (near, MINUTE, "1m"),
        (wide, 5 * MINUTE, "5m"),
    ):
        rows = bins.joined(all_rows, width).rows
        same(drawn(view, "candles"), rows, zone)
        assert view["title"].endswith(f"drawn as {said}")
    assert len(drawn(first, "candles")["x"]) == 29 * 12
    volumes = dict(
        zip(
            local(bins.joined(all_rows, 2 * HOUR).rows["t"], zone),
            bins.joined(all_rows, 2 * HOUR).rows["volume"],
            strict=True,
        )
    )
    bars = drawn(first, "volume")
    assert all(
        volumes[at(x)] == pytest.approx(y, rel=1e-3)
        for x, y in zip(bars["x"], bars["y"], strict=True)
    )
    left, _, right, _, _ = drawn(first, "absent")["x"]
    assert at(right) - at(left) == timedelta(days=1)


def test_gaps_empty_slots_and_forming_candles_are_those_of_python(tmp_path):
    week = minutes(7 * 1440)
    number = pl.int_range(pl.len())
    state = (
        pl.when(number.is_between(3000, 3599)).then(pl.lit("empty"))
        .when(number == pl.len() - 1).then(pl.lit("forming"))
        .otherwise(pl.lit("closed"))
    )  # fmt: skip
    marked = week.with_columns(state=state).filter(number != 5005)
    (view,) = seen(candles(marked), tmp_path)
    (found,) = read_candles(marked)
    wide = bins.joined(found, 30 * MINUTE)
    assert view["title"].endswith("drawn as 30m")
    same(drawn(view, "candles"), wide.rows, "UTC")
    assert len(drawn(view, "forming")["x"]) == 1
    half = timedelta(minutes=15)
    for part in ("lost", "quiet"):
        corners = drawn(view, part)["x"]
        spans = [
            (at(a) + half, at(b) + half) for a, b in zip(corners[::5], corners[2::5], strict=True)
        ]
        expected = [tuple(local(pl.Series(each), "UTC")) for each in getattr(wide, part).rows()]
        assert spans == expected != []


def test_two_symbols_zoom_together_and_names_stay_text(tmp_path):
    both = pl.concat([minutes(3000), minutes(3000, symbol="</script><b>X", base=3e6)])
    begin = datetime.fromtimestamp(START / 1000, UTC)
    _, near = seen(candles(both), tmp_path, (begin, begin + timedelta(hours=2)))
    for series, found in enumerate(read_candles(both)):
        same(drawn(near, "candles", series), found.rows, "UTC")


def test_a_small_chart_is_drawn_from_the_page_alone(tmp_path):
    (view,) = seen(candles(minutes(30)), tmp_path)
    assert len(drawn(view, "candles")["open"]) == 30
