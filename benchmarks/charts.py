"""What a chart costs: seconds to make it, bytes of HTML, and seconds until a browser has drawn it.

Each row is a process of its own that has its frame, as a notebook has. `first` is the first chart
of a process, plotly's import included, `again` the median of the next ones; both end with the HTML
that a notebook is given. `data` is what the chart itself needs of it, the rest is plotly.js, which
every page brings. `drawn` is Chromium's own time from opening a saved page to the last candle,
where there is one.
"""

from __future__ import annotations

import http.server
import json
import queue
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks._candles import candles

MINUTES = 1440
CASES = {  # symbols, minutes of each
    "1 market, one day of 1m": (1, MINUTES),
    "1 market, one year of 1m": (1, 365 * MINUTES),
    "1 market, a million of 1m": (1, 1_000_000),
    "4 markets, one year of 1m": (4, 365 * MINUTES),
}
_CHROME = shutil.which("chromium") or shutil.which("google-chrome")
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--window-size=1200,800", "--remote-debugging-port=0"),  # the port keeps it open
)
_QUIET = 1500  # ms without a change after which a chart is done
_PATIENCE = 60.0  # seconds for a browser to say so
_PROBE = f"""<script>(async () => {{
  const pause = (ms) => new Promise((go) => setTimeout(go, ms));
  const node = document.querySelector("[data-marketkit]");
  let [seen, since] = ["", performance.now()];
  while (!seen || performance.now() - since < {_QUIET}) {{
    const title = node._fullLayout?.title.subtitle.text ?? "";
    const now = title && title + node.querySelectorAll("path").length;
    if (now !== seen) [seen, since] = [now, performance.now()];
    await pause(5);
  }}
  fetch(`ADDRESS?${{since}}`, {{ mode: "no-cors" }});
}})()</script>"""


def measure(*, quick: bool) -> dict[str, Any]:
    rows = [_case(name, *size, rounds=3 if quick else 9) for name, size in CASES.items()]
    year = rows[1]
    return {
        "rows": rows,
        "ratios": {
            "a market-year, first chart, s (aim 1)": year["first s"],
            "a market-year, MB of HTML (aim 2)": year["html MB"],
        },
    }


def _case(name: str, symbols: int, minutes: int, *, rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="charts-", ignore_cleanup_errors=True) as folder:
        page = Path(folder) / "page.html"
        command = [
            sys.executable,
            "-m",
            "benchmarks.charts",
            *map(str, (symbols, minutes, rounds, page)),
        ]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        told = json.loads(done.stdout.splitlines()[-1])
        drawn = _drawn(page, Path(folder)) if _CHROME else ""
    return {
        "case": name,
        "rows": symbols * minutes,
        "first s": round(told["first"], 2),
        "again s": round(told["again"], 2),
        "html MB": round(told["html"] / 1e6, 2),
        "data MB": round(told["data"] / 1e6, 2),
        "drawn s": drawn,
    }


class _Listener(http.server.BaseHTTPRequestHandler):
    """Takes the milliseconds that a page sends."""

    told: queue.Queue[float] = queue.Queue()

    def do_GET(self) -> None:
        self.told.put(float(self.path.partition("?")[2]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def _drawn(page: Path, folder: Path) -> float:
    server = http.server.HTTPServer(("127.0.0.1", 0), _Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    probe = _PROBE.replace("ADDRESS", f"http://127.0.0.1:{server.server_port}/")
    page.write_text(page.read_text("utf-8").replace("</body>", f"{probe}</body>"), "utf-8")
    command = [_CHROME, *_FLAGS, f"--user-data-dir={folder / 'browser'}", page.as_uri()]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as browser:
        try:
            return round(_Listener.told.get(timeout=_PATIENCE) / 1000, 2)
        finally:
            browser.terminate()
            server.shutdown()


def _child(symbols: int, minutes: int, rounds: int, page: Path) -> None:
    import polars as pl

    frame = pl.concat([candles(market, minutes) for market in range(symbols)])
    took = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        import marketkit as mk

        chart = mk.plot.candles(frame)
        html = chart._repr_mimebundle_()["text/html"]
        took.append(time.perf_counter() - started)
    chart.save(page)
    from marketkit.notebook.charts import page as pages

    sizes = {"html": len(html), "data": len(html) - len(pages._finance())}
    print(json.dumps({"first": took[0], "again": statistics.median(took[1:]), **sizes}))


if __name__ == "__main__":
    _child(*map(int, sys.argv[1:4]), Path(sys.argv[4]))
