"""Beyond one machine: a lake in a bucket of a real store, filled, written and read.

Paces are shares of the exchange's legal limit, 10 requests a second and address; the store, the
exchange and all workers share this machine, so the row says which limit was met. Everything else is
a ratio to somebody on the same machine in the same minutes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks._sandbox import scratch
from benchmarks.pacing import LIMIT
from benchmarks.scale.addresses import paced
from benchmarks.scale.appends import ROWS, WRITERS, appends
from benchmarks.scale.features import mapped
from benchmarks.scale.store import store
from tests.scale.stores import Server

AIMS = {1: 97.0, 2: 95.0, 3: 95.0}  # percent of the limit, by addresses

Row = dict[str, Any]


def measure(*, quick: bool) -> dict[str, Any]:
    """Measure paces, appends and features, all in buckets of one store."""
    with scratch() as folder, store(folder) as (kind, server):
        rows = [_pace(server, count, aim, quick=quick) for count, aim in AIMS.items()]
        rows.append(_appends(server, folder, quick=quick))
        rows += _features(server, folder, quick=quick)
    return {"rows": rows, "ratios": {"store": kind}}


def _pace(server: Server, count: int, aim: float, *, quick: bool) -> Row:
    found = paced(f"s3://{server.bucket()}/lake", count, quick=quick)
    right = found.complete and not found.rejected
    return {
        "what": f"{count} address{'es' * (count > 1)} into a bucket, requests/s each",
        "ours": " ".join(f"{each * LIMIT.requests / 100:.2f}" for each in found.shares),
        "against": f"limit {LIMIT.requests / LIMIT.seconds:g}",
        "ratio": f"{min(found.shares):.1f} %",
        "aim": f">= {aim:g} %",
        "met": _yes(right and min(found.shares) >= aim),
        "limit met": found.limit(aim),
        "processors busy": f"{found.busy:.0%}",
        "rejected": found.rejected,
        "most in 1 s": found.most,
        "whole": _yes(found.complete),
    }


def _appends(server: Server, folder: Path, *, quick: bool) -> Row:
    found = appends(server, folder, quick=quick)
    ratio = found.ours / found.theirs
    return {
        "what": f"appends of {ROWS:,} rows by {WRITERS} writers, commits/s",
        "ours": f"{found.ours:.1f}",
        "against": f"deltalake {found.theirs:.1f}, {found.failed} failed",
        "ratio": f"x{ratio:.2f}",
        "aim": ">= x5",
        "met": _yes(found.exact and ratio >= 5),
        "whole": _yes(found.exact),
    }


def _features(server: Server, folder: Path, *, quick: bool) -> list[Row]:
    years = 3 if quick else 30
    found = mapped(f"s3://{server.bucket()}/lake", folder, years, rounds=3)
    rows: list[Row] = []
    for how, took, aim in (("", found.bucket, 2.5), (", again", found.again, None)):
        ratio = took / found.local
        row = {
            "what": f"features of {years} market-years{how}, s",
            "ours": f"{took:.2f}",
            "against": f"local lake {found.local:.2f}",
            "ratio": f"x{ratio:.2f}",
            "whole": _yes(found.equal),
        }
        if aim is not None:
            row |= {"aim": f"<= x{aim:g}", "met": _yes(found.equal and ratio <= aim)}
        rows.append(row)
    return rows


def _yes(held: bool) -> str:  # noqa: FBT001 - a word for it
    return "yes" if held else "no"
