"""What a soak costs: memory, open files, threads, the lateness of the event loop."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from benchmarks.soak.slope import slope

if TYPE_CHECKING:
    from benchmarks.soak import Soak
    from benchmarks.soak.judge import Told

STEEPEST = 1.0  # MB of private memory an hour
_WARM = 600.0  # seconds before memory is looked at; a third of a shorter run
_FLAT = 5  # files and threads that the last third may have more than the one after the warm-up


def checks(soak: Soak, told: Told) -> Iterator[tuple[Any, ...]]:
    """Look at what grows."""
    whole = told.looks[-1]["at"]
    warm = min(_WARM, whole / 3)
    looks = [look for look in told.looks if look["at"] >= warm]
    line = slope([look["at"] for look in looks], [look["private"] for look in looks])
    said = f"{line.middle:+.2f} ({line.low:+.2f} to {line.high:+.2f})"
    # A short run is all warm-up, and cannot tell a slope of 1 MB an hour from none.
    judged = whole > 2 * _WARM
    limit = f"<= {STEEPEST:g}" if judged else "(not judged)"
    fine = not judged or line.middle <= STEEPEST
    yield "slope of private memory, MB/h (95 %)", limit, said, fine
    third = len(looks) // 3
    for what in ("files", "threads"):
        parts = looks[:third], looks[-third:]
        early, late = (statistics.median(look[what] for look in part) for part in parts)
        flat = late <= early + _FLAT
        yield f"open {what}, early and late", f"<= +{_FLAT}", f"{early:g}, {late:g}", flat
    images = max(look["images"] for look in looks)
    chunks = sum(1 for _ in (soak.folder / "lake").rglob("*.parquet"))
    yield "open images of the lake, most", "one a file", f"{images:g} of {chunks}", images <= chunks


def said(soak: Soak, told: Told) -> dict[str, Any]:
    """Give figures without a limit."""
    looks, stream = told.looks, told.handles["stream"]
    late = sorted(look["late"] * 1000 for look in looks)
    waits = sorted(wait for each in soak.callers for wait in each["waits"])
    private = [look["private"] for look in looks]
    memory = private[0], statistics.median(private), max(private)
    struck = {kind: count for kind, count in soak.stats["faults"].items() if count}
    return {
        "private MB: first look, median, most": ", ".join(f"{each:.0f}" for each in memory),
        "resident MB, most": f"{max(look['rss'] for look in looks):.0f}",
        "processor of the process, of one core": f"{looks[-1]['cpu'] / looks[-1]['at']:.1%}",
        "event loop late, ms, worst of each 2 s: median, 99 %, most": _quantiles(late),
        "wait of an interactive call, ms: median, 99 %, most": _quantiles(waits),
        "frames read": f"{stream['frames']:,} in {stream['connects']} connections",
        "requests": f"{sum(each['requests'] for each in soak.stats['groups'].values()):,}",
        "runs of the config": len(told.handles["jobs"]),
        "faults that struck": ", ".join(f"{kind} {count:,}" for kind, count in struck.items()),
    }


def _quantiles(values: list[float]) -> str:
    if not values:
        return "none"
    return ", ".join(f"{values[int(share * (len(values) - 1))]:.0f}" for share in (0.5, 0.99, 1.0))
