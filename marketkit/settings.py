"""Endpoints and folders, from arguments and environment.

A `~` at the beginning of a path is the home, wherever the path was named. A user without a home, as
in some containers, has a folder of their own in `/var/tmp`.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from marketkit.disk import refuse_foreign
from marketkit.disk.system import user, within_reach
from marketkit.errors import InputError, nearest

# Upbit reference, section 1. Thailand is flagged beta by the exchange.
REGIONS: Mapping[str, str] = {
    "kr": "https://api.upbit.com",
    "sg": "https://sg-api.upbit.com",
    "id": "https://id-api.upbit.com",
    "th": "https://th-api.upbit.com",
}
# The archive of zip files: where it is listed, and where the files lie (unofficial knowledge).
ARCHIVE = ("https://crix-data-api.upbit.com", "https://crix-data.upbit.com")
# The kinds of buckets that can hold a lake.
_BUCKET = re.compile(r"\s*(s3|gs|az):/{1,2}", re.IGNORECASE)
_AT = re.compile("(AWS|AZURE|GOOGLE)_.*ENDPOINT")
_LARGEST = 32 << 20  # bytes: a hundred times the largest true answer, all markets with details
_LARGEST_FILE = 1 << 30  # bytes: a month of a busy market's trades or seconds is a third of it
_LARGEST_TIER = 2 << 30  # bytes: some seventy market-years of minutes
_LARGEST_MIRROR = 20 << 30  # bytes: all minutes of all pairs are 8 to 20 GB, as files


def resolve_endpoint(endpoint: str | None, region: str | None) -> str:
    """Give the endpoint meant: the argument, the region's, `MARKETKIT_ENDPOINT`, or Korea's.

    Raises `InputError` for an unknown region, both arguments at once, or a URL without a scheme.
    """
    if endpoint is not None and region is not None:
        raise InputError(f"endpoint={endpoint!r} and region={region!r} exclude each other")
    if region is not None:
        if not isinstance(region, str) or region not in REGIONS:
            hint = nearest(str(region), REGIONS)
            raise InputError(f"unknown region {region!r}{hint} (one of {' '.join(REGIONS)})")
        return REGIONS[region]
    if endpoint is not None:
        return _web_address(endpoint, "endpoint")
    said = os.environ.get("MARKETKIT_ENDPOINT")
    return _web_address(said, "MARKETKIT_ENDPOINT") if said else REGIONS["kr"]


def _web_address(said: str, name: str) -> str:
    """Give an address without slashes at the end. Raises `InputError` that names the setting."""
    if not isinstance(said, str) or not said.startswith(("http://", "https://")):
        raise InputError(f"{name} {said!r} must start with http:// or https://")
    try:
        url = urlsplit(said)
        _ = url.port  # which reads it
    except ValueError as error:
        raise InputError(f"{name} {said!r} is not a URL: {error}") from None
    if not url.hostname or not said.isprintable() or " " in said:
        raise InputError(f"{name} {said!r} names no host")
    if url.query or url.fragment:
        raise InputError(f"{name} {said!r}: leave out what begins with ? or #")
    return said.rstrip("/")


def resolve_archive(endpoint: str) -> tuple[str, str]:
    """Give the addresses of the archive: that of the listing, and that of the files.

    `MARKETKIT_ARCHIVE` names both with a blank between, or one for both. Without it Korea has
    Upbit's own, and a sandbox one below its endpoint. Raises `InputError` for other regions.
    """
    said = os.environ.get("MARKETKIT_ARCHIVE", "").split()
    if len(said) > 2:
        raise InputError(f"MARKETKIT_ARCHIVE={' '.join(said)!r} names more than two addresses")
    if said:
        return (
            _web_address(said[0], "MARKETKIT_ARCHIVE"),
            _web_address(said[-1], "MARKETKIT_ARCHIVE"),
        )
    if endpoint == REGIONS["kr"]:
        return ARCHIVE
    if endpoint in REGIONS.values():
        raise InputError(f"{endpoint} has no archive: only Upbit Korea has one")
    return f"{endpoint}/archive", f"{endpoint}/archive"


def lake_source(endpoint: str) -> str:
    """Name the exchange in the lake's paths: `upbit_sg` and so on; Korea and others `upbit`."""
    for region, address in REGIONS.items():
        if endpoint == address and region != "kr":
            return f"upbit_{region}"
    return "upbit"


def resolve_lake(lake: str | Path | None, endpoint: str) -> Path | str:
    """Give the lake's place: the argument, `MARKETKIT_LAKE`, or a folder below the home.

    A text is the URL of one in a bucket.

    An endpoint that is not Upbit's own gets a folder of its own there, so that a sandbox never
    mixes its candles with real ones unless it is told to. Raises `InputError` for what is no path.
    """
    if lake is not None:
        return given_place(lake, "lake")
    if said := os.environ.get("MARKETKIT_LAKE"):
        return given_place(said, "MARKETKIT_LAKE")
    kept = home() / ".local" / "share" / "marketkit"
    if endpoint in REGIONS.values():
        return kept / "lake"
    return kept / ("lake-" + re.sub(r"\W+", "_", endpoint.partition("://")[2]))


def given_place(path: str | os.PathLike[str], name: str = "") -> Path | str:
    """Give a path as `given_path` does, or the URL of a folder in a bucket as a text.

    A `Path` of such a URL has lost one of its slashes.

    >>> given_place("s3://team/upbit/", "lake")
    's3://team/upbit'
    """
    said = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
    found = _BUCKET.match(said) if isinstance(said, str) else None
    if found is None:
        return given_path(path, name)
    return f"{found[1].lower()}://{said[found.end() :].strip().rstrip('/')}"


def given_path(path: str | os.PathLike[str], name: str = "") -> Path:
    """Give a path that somebody named, with the home in place of a `~`.

    Raises `InputError` that has the argument's `name`: for an empty path, for what is no path at
    all, for a URL (`s3://`, `file://`), and for the `~` of somebody unknown.

    >>> given_path("candles/mine", "lake").as_posix()
    'candles/mine'
    """
    said = os.fspath(path) if isinstance(path, str | os.PathLike) else path
    named = f"{name}={said!r}" if name else repr(said)
    if not isinstance(said, str):
        raise InputError(f"{named} is no path: give a text such as '~/candles'")
    if not said.strip() or "\0" in said:
        raise InputError(f"{named} names no file or folder: give one such as '~/candles'")
    refuse_foreign(said, named)
    first, *others = Path(said).parts or (".",)
    if first == "~":
        return within_reach(home().joinpath(*others))
    try:
        return within_reach(Path(said).expanduser())
    except RuntimeError:
        raise InputError(f"{named}: nobody here is called {first[1:]!r}") from None


def home() -> Path:
    """Give the home of this user; of one who has none, a folder in `/var/tmp` that outlasts a boot.

    Containers say `/` where they know of none. Raises `InputError` where the folder in its place is
    somebody else's.
    """
    try:
        found = Path.home() if os.environ.get("HOME") else user()[1] or Path.home()
    except (RuntimeError, KeyError):  # nobody knows this user
        return _folder_of_homeless()
    is_root = found == Path(found.anchor)
    return _folder_of_homeless() if is_root and not os.access(found, os.W_OK) else found


def _folder_of_homeless() -> Path:
    number, _ = user()
    folder = Path(f"/var/tmp/marketkit-{number}")  # noqa: S108 - the owner is looked at
    try:
        seen = folder.lstat()
    except FileNotFoundError:
        return folder
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != number:
        raise InputError(f"user {number} has no home, and {folder} is somebody else's: set HOME")
    return folder


def _folder_in(variable: str) -> Path | None:
    """Give the folder that a variable of the environment names; None where that is empty."""
    said = os.environ.get(variable)
    return given_path(said, variable) if said else None


def resolve_cache(endpoint: str) -> Path | None:
    """Give the folder of answers that outlive a process: `MARKETKIT_CACHE`, or one below the home.

    An endpoint that is not Upbit's own has one only where the environment names it: tomorrow
    another exchange may answer at the same address.
    """
    if (chosen := _folder_in("MARKETKIT_CACHE")) is not None:
        return chosen / "answers"
    if endpoint in REGIONS.values():
        return home() / ".cache" / "marketkit" / "answers"
    return None


def archive_dir(files: str) -> Path:
    """Give the folder of zips on the way from the archive at `files` into the lake.

    It is below `MARKETKIT_CACHE`, or below the home, and the same in every process: what a killed
    one has fetched need not be fetched again.
    """
    kept = _folder_in("MARKETKIT_CACHE") or home() / ".cache" / "marketkit"
    return kept / "archive" / re.sub(r"\W+", "_", files.partition("://")[2])


def images_dir() -> Path:
    """Give the folder of images of chunks: below `MARKETKIT_CACHE`, or below the home."""
    return (_folder_in("MARKETKIT_CACHE") or home() / ".cache" / "marketkit") / "images"


def mirror_dir(url: str) -> Path:
    """Give the folder of this machine for a lake in a bucket: below the cache folder, as images.

    The same URL at another endpoint is another lake.
    """
    said = [url, *(f"{name}={os.environ[name]}" for name in sorted(os.environ) if _AT.match(name))]
    kept = _folder_in("MARKETKIT_CACHE") or home() / ".cache" / "marketkit"
    name = re.sub(r"\W+", "_", url.partition("://")[2])[-40:]
    return kept / "mirrors" / f"{name}-{sha256(chr(10).join(said).encode()).hexdigest()[:16]}"


def largest_tier() -> int:
    """Give the bytes that images of chunks may have together: `MARKETKIT_TIER`, or 2 GB.

    `0` or `off` is none. Raises `InputError` for what is no number of bytes.
    """
    return _room_in("MARKETKIT_TIER", _LARGEST_TIER)


def largest_mirror() -> int:
    """Give the bytes that copies of files in buckets may have here: `MARKETKIT_MIRROR`, or 20 GB.

    All mirrors have them together. `0` or `off` keeps none longer than it takes to read. Raises
    `InputError` for what is no number of bytes.
    """
    return _room_in("MARKETKIT_MIRROR", _LARGEST_MIRROR)


def settings_dir() -> Path:
    """Give the folder of decisions of this user: `MARKETKIT_SETTINGS`, or one below the home."""
    return _folder_in("MARKETKIT_SETTINGS") or home() / ".config" / "marketkit"


def lists_dir() -> Path:
    """Give the folder of market lists for lakes that are not there yet, of any endpoint.

    It is below `MARKETKIT_CACHE`, or below the home beside the lake: no list can be fetched again.
    """
    if (chosen := _folder_in("MARKETKIT_CACHE")) is not None:
        return chosen / "lists"
    return home() / ".local" / "share" / "marketkit" / "lists"


def resolve_offline(*, offline: bool | None) -> bool:
    """Say whether nothing may be sent: the argument, or `MARKETKIT_OFFLINE` (`1` or `0`)."""
    if offline is not None:
        if not isinstance(offline, bool):
            raise InputError(f"offline={offline!r} is neither True nor False")
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
    if (chosen := _folder_in("MARKETKIT_BUDGET_DIR")) is not None:
        return chosen
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA", "C:/ProgramData")) / "marketkit" / "budget"
    return Path("/var/tmp/marketkit-budget")  # noqa: S108 - files there hold no secret; bans outlast a boot


def largest_answer() -> int:
    """Give the bytes that one answer of the exchange may have, unpacked.

    `MARKETKIT_LARGEST_ANSWER`, or 32 MB. Raises `InputError` for what is no number of bytes.
    """
    return _bytes_in("MARKETKIT_LARGEST_ANSWER", _LARGEST)


def largest_archived() -> int:
    """Give the bytes that one file of the archive may have, unpacked.

    `MARKETKIT_LARGEST_FILE`, or 1 GB. Raises `InputError` for what is no number of bytes.
    """
    return _bytes_in("MARKETKIT_LARGEST_FILE", _LARGEST_FILE)


def resolve_address(address: str | None) -> str | None:
    """Give the address of this machine that requests leave from: the argument, or the environment.

    None, where `MARKETKIT_ADDRESS` is empty too, leaves the choice to the system. Raises
    `InputError` for what is no IP address.
    """
    said, name = address, "address"
    if said is None:
        said, name = os.environ.get("MARKETKIT_ADDRESS", "").strip(), "MARKETKIT_ADDRESS"
        if not said:
            return None
    try:
        found = ip_address(str(said).strip())
    except ValueError:
        raise InputError(
            f"{name}={said!r} is no IP address: give one of this machine, such as '192.168.0.7'"
        ) from None
    found = getattr(found, "ipv4_mapped", None) or found
    if found.is_unspecified or found.is_multicast:
        raise InputError(f"{name}={said!r} is the address of no machine: leave it out")
    return str(found)


def _room_in(variable: str, usual: int) -> int:
    """Give the number of bytes that a variable says, which `0` or `off` make none."""
    said = os.environ.get(variable, "").strip().lower()
    return 0 if said in {"0", "off"} else _bytes_in(variable, usual)


def _bytes_in(variable: str, usual: int) -> int:
    """Give the number of bytes that a variable of the environment says."""
    said = os.environ.get(variable, "").strip()
    if not said:
        return usual
    if not re.fullmatch(r"[1-9][0-9]{0,14}", said):
        raise InputError(f"{variable}={said[:40]!r} is no number of bytes")
    return int(said)


@cache
def library_version() -> str:
    """Give the version of marketkit, as files and requests name their maker."""
    try:
        return version("marketkit-upbit")
    except PackageNotFoundError:  # a checkout that was never installed
        return "unknown"
