"""Who does not use the archive loads none of what downloads and reads its files."""

from __future__ import annotations

import subprocess
import sys
import textwrap

from tests.archive.ingesting import sandbox

PROGRAM = textwrap.dedent("""
    import sys
    import marketkit as mk
    assert not [name for name in sys.modules if ".archive" in name]
    with mk.SmartDataProvider(endpoint=sys.argv[1], lake=sys.argv[2]) as provider:
        report = provider.backfill(
            "KRW-BTC", "1h", start="2025-03-01", end="2025-03-02", show=False
        ).wait(120)
    assert report.complete, report
    print(*(name for name in sys.modules if ".archive" in name))
""")


def test_a_backfill_without_the_archive_loads_nothing_that_downloads_or_reads_files(tmp_path):
    with sandbox() as exchange:
        words = [sys.executable, "-c", PROGRAM, exchange.endpoint, str(tmp_path)]
        done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    loaded = set(done.stdout.split())
    files = {"ingest", "pieces", "rows", "member", "inflating", "later", "beside", "trades"}
    network = {"archive", "download", "basket", "zips", "sending", "machine"}
    assert not loaded & {f"marketkit.data.fetch.archive.{each}" for each in files}
    assert not loaded & {f"marketkit.net.archive.{each}" for each in network}
