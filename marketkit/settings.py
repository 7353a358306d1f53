"""Endpoints and folders, from arguments and environment."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from marketkit.errors import InputError, nearest

# Upbit reference, section 1. Thailand is flagged beta by the exchange.
REGIONS: Mapping[str, str] = {
    "kr": "https://api.upbit.com",
    "sg": "https://sg-api.upbit.com",
    "id": "https://id-api.upbit.com",
    "th": "https://th-api.upbit.com",
}
_LARGEST = 32 << 20  # bytes: a hundred times the largest true answer, all markets with details


def resolve_endpoint(endpoint: str | None, region: str | None) -> str:
    """Give the endpoint meant: the argument, the region's, `MARKETKIT_ENDPOINT`, or Korea's.

    Raises `InputError` for an unknown region, both arguments at once, or a URL without a scheme.
    """
    if endpoint is not None and region is not None:
        raise InputError(f"endpoint={endpoint!r} and region={region!r} exclude each other")
    if region is not None:
        if region not in REGIONS:
            hint = nearest(region, REGIONS)
            raise InputError(f"unknown region {region!r}{hint} (one of {' '.join(REGIONS)})")
        return REGIONS[region]
    chosen = endpoint
    if chosen is None:
        chosen = os.environ.get("MARKETKIT_ENDPOINT") or REGIONS["kr"]
    if not chosen.startswith(("http://", "https://")):
        raise InputError(f"endpoint {chosen!r} must start with http:// or https://")
    return chosen.rstrip("/")


def lake_source(endpoint: str) -> str:
    """Name the exchange in the lake's paths: `upbit_sg` and so on; Korea and others `upbit`."""
    for region, address in REGIONS.items():
        if endpoint == address and region != "kr":
            return f"upbit_{region}"
    return "upbit"


def resolve_lake(lake: str | Path | None, endpoint: str) -> Path:
    """Give the lake's folder: the argument, `MARKETKIT_LAKE`, or one below the home.

    An endpoint that is not Upbit's own gets a folder of its own there, so that a sandbox never
    mixes its candles with real ones unless it is told to.
    """
    if lake is not None and not str(lake):
        raise InputError("lake='' names no folder")
    chosen = lake or os.environ.get("MARKETKIT_LAKE")
    if chosen:
        return Path(chosen).expanduser()
    home = Path.home() / ".local" / "share" / "marketkit"
    if endpoint in REGIONS.values():
        return home / "lake"
    return home / ("lake-" + re.sub(r"\W+", "_", endpoint.partition("://")[2]))


def resolve_cache(endpoint: str) -> Path | None:
    """Give the folder of answers that outlive a process: `MARKETKIT_CACHE`, or one below the home.

    An endpoint that is not Upbit's own has one only where the environment names it: tomorrow
    another exchange may answer at the same address.
    """
    chosen = os.environ.get("MARKETKIT_CACHE")
    if chosen:
        return Path(chosen).expanduser() / "answers"
    if endpoint in REGIONS.values():
        return Path.home() / ".cache" / "marketkit" / "answers"
    return None


def lists_dir() -> Path:
    """Give the folder of market lists for lakes that are not there yet, of any endpoint.

    It is below `MARKETKIT_CACHE`, or below the home beside the lake: no list can be fetched again.
    """
    chosen = os.environ.get("MARKETKIT_CACHE")
    if chosen:
        return Path(chosen).expanduser() / "lists"
    return Path.home() / ".local" / "share" / "marketkit" / "lists"


def resolve_offline(*, offline: bool | None) -> bool:
    """Say whether nothing may be sent: the argument, or `MARKETKIT_OFFLINE` (`1` or `0`)."""
    if offline is not None:
        return offline
    said = os.environ.get("MARKETKIT_OFFLINE", "").strip().lower()
    if said not in {"", "0", "1", "false", "true", "no", "yes"}:
        raise InputError(f"MARKETKIT_OFFLINE={said!r} is neither 1 nor 0")
    return said in {"1", "true", "yes"}


def budget_dir() -> Path:
    """Give the folder of the machine-wide budgets: `MARKETKIT_BUDGET_DIR`, or one for all users.

    Never below the home, TMPDIR or XDG folders: other users have others, and so has cron; two
    budgets on one address draw 429s.
    """
    chosen = os.environ.get("MARKETKIT_BUDGET_DIR")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA", "C:/ProgramData")) / "marketkit" / "budget"
    return Path("/var/tmp/marketkit-budget")  # noqa: S108 - files there hold no secret; bans outlast a boot


def largest_answer() -> int:
    """Give the bytes that one answer of the exchange may have, unpacked.

    `MARKETKIT_LARGEST_ANSWER`, or 32 MB. Raises `InputError` for what is no number of bytes.
    """
    said = os.environ.get("MARKETKIT_LARGEST_ANSWER", "").strip()
    if not said:
        return _LARGEST
    if not re.fullmatch(r"[1-9][0-9]{0,14}", said):
        raise InputError(f"MARKETKIT_LARGEST_ANSWER={said[:40]!r} is no number of bytes")
    return int(said)


@cache
def library_version() -> str:
    """Give the version of marketkit, as files and requests name their maker."""
    try:
        return version("marketkit-upbit")
    except PackageNotFoundError:  # a checkout that was never installed
        return "unknown"
