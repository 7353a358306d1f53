"""`python -m benchmarks NAME [--quick] [--json]`: run one benchmark and print its table."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime

_MODULES = {
    "pacing": "pacing",
    "backfill": "backfill",
    "lake": "lake",
    "peers": "peers",
    "import": "imports",
    "files": "files",
    "first": "first",
    "crashes": "crashes",
    "powercuts": "powercuts",
    "provider": "provider",
    "jobs": "jobs",
    "realtime": "realtime",
    "churn": "churn",
    "soak": "soak",
    "memory": "memory",
    "house": "house",
    "calls": "calls",
    "members": "members",
    "day": "odd_day",
    "charts": "charts",
    "bars": "bars",
    "archive": "archive",
    "scale": "scale",
    "streams": "realtime.against",
    "all": "page",
}

# Numbers that some take.
_MORE = {
    "minutes": "how long (soak, memory)",
    "seed": "what the exchange and its incidents are drawn from (soak)",
    "speed": "seconds of the exchange in one of this machine (soak)",
    "days": "how far back the backfill goes (soak)",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=[*_MODULES], help="what to measure")
    parser.add_argument("--quick", action="store_true", help="shorter, for a first look")
    parser.add_argument("--json", action="store_true", help="one object with rows and ratios")
    parser.add_argument("--list", action="store_true", help="name what misses (house)")
    for name, said in _MORE.items():
        parser.add_argument(f"--{name}", type=float, help=said)
    options = parser.parse_args()
    started, load = time.monotonic(), _load()
    module = importlib.import_module(f"benchmarks.{_MODULES[options.name]}")
    more = {name: getattr(options, name) for name in _MORE}
    given = {name: value for name, value in more.items() if value is not None}
    result = module.measure(quick=options.quick, **given)
    named, failed = result.pop("named", {}), result.pop("failed", False)
    result |= {
        "benchmark": options.name,
        "quick": options.quick,
        "seconds": round(time.monotonic() - started, 1),
        "when": f"{datetime.now(UTC):%Y-%m-%d %H:%M}Z",
        "python": platform.python_version(),
        "machine": f"{platform.machine()} {platform.system()}",
        "load": f"{load} to {_load()}",
        "commit": _commit(),
    }
    print(json.dumps(result) if options.json else _text(result))
    for figure, names in named.items() if options.list else ():
        print("\n".join([f"\n{figure}: {len(names)}", *names]))
    return int(failed)


def _load() -> float:
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else -1.0


def _commit() -> str:
    """Name the commit that was measured; a plus says that files were changed since."""
    command = ["git", "describe", "--always", "--abbrev=7", "--dirty=+", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def _text(result: dict) -> str:
    where = f"{result['when']}, commit {result['commit']}, load {result['load']}"
    lines = [
        f"{result['benchmark']} ({result['seconds']} s, Python {result['python']}; {where})",
        "",
    ]
    lines += _table(result["rows"])
    ratios = [f"  {name}: {value}" for name, value in result["ratios"].items()]
    lines += ["", "ratios:", *ratios] if ratios else []
    return "\n".join(lines)


def _table(rows: list[dict]) -> list[str]:
    """Lay rows out as a Markdown table, so that it can go into RESULTS.md as it is."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = [columns, *([str(row.get(name, "")) for name in columns] for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(columns))]
    lines = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |"
        for line in cells
    ]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


if __name__ == "__main__":
    sys.exit(main())
