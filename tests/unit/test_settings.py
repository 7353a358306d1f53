"""Where marketkit talks to and where it keeps things."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from marketkit import disk
from marketkit.errors import InputError
from marketkit.settings import (
    ARCHIVE,
    REGIONS,
    archive_dir,
    budget_dir,
    given_path,
    home,
    images_dir,
    lake_source,
    largest_answer,
    largest_archived,
    largest_mirror,
    largest_tier,
    lists_dir,
    resolve_address,
    resolve_archive,
    resolve_cache,
    resolve_endpoint,
    resolve_lake,
    resolve_offline,
    settings_dir,
)

if sys.platform != "win32":
    import pwd

SANDBOX = "http://127.0.0.1:8631"


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """No setting of marketkit in the environment."""
    own = (
        "ENDPOINT",
        "LAKE",
        "BUDGET_DIR",
        "CACHE",
        "OFFLINE",
        "LARGEST_ANSWER",
        "ARCHIVE",
        "ADDRESS",
        "TIER",
    )
    for name in (*own, "SETTINGS"):
        monkeypatch.delenv(f"MARKETKIT_{name}", raising=False)


def test_korea_is_where_one_talks_to_unless_told_otherwise():
    assert resolve_endpoint(None, None) == "https://api.upbit.com"


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("kr", "https://api.upbit.com"),
        ("sg", "https://sg-api.upbit.com"),
        ("id", "https://id-api.upbit.com"),
        ("th", "https://th-api.upbit.com"),
    ],
)
def test_a_region_selects_its_host(region, host):
    assert resolve_endpoint(None, region) == host


def test_the_environment_is_asked_after_the_arguments(monkeypatch):
    monkeypatch.setenv("MARKETKIT_ENDPOINT", f"{SANDBOX}/")
    assert resolve_endpoint(None, None) == SANDBOX
    assert resolve_endpoint("http://localhost:1", None) == "http://localhost:1"
    assert resolve_endpoint(None, "sg") == REGIONS["sg"]


def test_an_empty_variable_is_no_setting(monkeypatch):
    monkeypatch.setenv("MARKETKIT_ENDPOINT", "")
    assert resolve_endpoint(None, None) == REGIONS["kr"]


def test_endpoint_and_region_exclude_each_other():
    with pytest.raises(InputError, match="exclude each other"):
        resolve_endpoint(SANDBOX, "kr")


@pytest.mark.parametrize("region", ["KR", "us", "korea", ""])
def test_an_unknown_region_lists_the_known_ones(region):
    with pytest.raises(InputError, match="kr sg id th"):
        resolve_endpoint(None, region)


@pytest.mark.parametrize("endpoint", ["127.0.0.1:8631", "ftp://x", "api.upbit.com", "file:///etc"])
def test_an_endpoint_without_a_web_scheme_is_refused(endpoint, monkeypatch):
    with pytest.raises(InputError, match="http"):
        resolve_endpoint(endpoint, None)
    monkeypatch.setenv("MARKETKIT_ENDPOINT", endpoint)
    with pytest.raises(InputError, match="http"):
        resolve_endpoint(None, None)


def test_slashes_at_the_end_of_an_endpoint_mean_nothing():
    assert resolve_endpoint(f"{SANDBOX}//", None) == SANDBOX


def test_each_exchange_has_its_own_name_in_the_lake():
    names = {region: lake_source(address) for region, address in REGIONS.items()}
    assert names == {"kr": "upbit", "sg": "upbit_sg", "id": "upbit_id", "th": "upbit_th"}
    assert lake_source(SANDBOX) == "upbit"


def test_the_lake_is_the_argument_then_the_variable_then_one_below_the_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    kr = REGIONS["kr"]
    assert resolve_lake(None, kr) == tmp_path / ".local" / "share" / "marketkit" / "lake"
    monkeypatch.setenv("MARKETKIT_LAKE", str(tmp_path / "mine"))
    assert resolve_lake(None, kr) == tmp_path / "mine"
    assert resolve_lake(str(tmp_path / "other"), kr) == tmp_path / "other"
    assert resolve_lake(tmp_path / "path", kr) == tmp_path / "path"


def test_a_tilde_is_the_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve_lake("~/candles", SANDBOX) == tmp_path / "candles"


@pytest.mark.parametrize("name", ["LAKE", "CACHE", "BUDGET_DIR"])
def test_a_tilde_of_the_environment_is_the_home_too(monkeypatch, tmp_path, name):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(f"MARKETKIT_{name}", "~/mine")
    places = {
        "LAKE": lambda: resolve_lake(None, SANDBOX),
        "CACHE": lambda: resolve_cache(SANDBOX).parent,
        "BUDGET_DIR": budget_dir,
    }
    assert places[name]() == tmp_path / "mine"
    monkeypatch.setenv(f"MARKETKIT_{name}", "~nobodyhere/mine")
    with pytest.raises(InputError, match=f"MARKETKIT_{name}='~nobodyhere/mine': nobody"):
        places[name]()


@pytest.mark.parametrize("path", ["", " ", "a\0b", 5, True, b"x", 1.5, []])
def test_what_is_no_path_is_named(path):
    with pytest.raises(InputError, match=r"^to="):
        given_path(path, "to")
    with pytest.raises(InputError):
        given_path(path)


def test_a_path_stays_as_it_was_given():
    assert given_path("a/../b~", "to") == Path("a/../b~")
    assert given_path(Path("~/x"), "to") == home() / "x"


@pytest.mark.skipif(sys.platform == "win32", reason="a user has a home there")
@pytest.mark.parametrize("said", [None, ""])
def test_without_a_variable_the_home_is_that_of_the_user(monkeypatch, said):
    known = pwd.getpwuid(os.getuid()).pw_dir
    if said is None:
        monkeypatch.delenv("HOME")
    else:
        monkeypatch.setenv("HOME", said)
    assert home() == Path(known)


@pytest.mark.skipif(sys.platform == "win32", reason="a user has a home there")
def test_a_user_whom_nobody_knows_has_a_folder_unless_it_is_somebody_elses(monkeypatch):
    user = 54_322  # no tests run as that one, and nobody is called so
    place = Path(f"/var/tmp/marketkit-{user}")  # noqa: S108 - as the library has it
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: user)
    assert home() == place
    place.mkdir()
    try:
        with pytest.raises(InputError, match=f"{place} is somebody else's: set HOME"):
            home()
    finally:
        place.rmdir()


@pytest.mark.parametrize("endpoint", ["http://", "http://x:99999", "http://a b", "http://x?y", 5])
def test_an_address_without_a_host_of_its_own_is_refused(monkeypatch, endpoint):
    with pytest.raises(InputError, match=r"^endpoint"):
        resolve_endpoint(endpoint, None)
    monkeypatch.setenv("MARKETKIT_ENDPOINT", str(endpoint))
    with pytest.raises(InputError, match=r"^MARKETKIT_ENDPOINT"):
        resolve_endpoint(None, None)


@pytest.mark.parametrize("offline", ["false", 0, 1, "1"])
def test_offline_is_true_or_false(offline):
    with pytest.raises(InputError, match="neither True nor False"):
        resolve_offline(offline=offline)


def test_the_regions_share_the_lake_below_the_home():
    assert len({resolve_lake(None, address) for address in REGIONS.values()}) == 1


def test_a_sandbox_never_mixes_its_candles_with_real_ones():
    lakes = [
        resolve_lake(None, endpoint)
        for endpoint in (REGIONS["kr"], SANDBOX, "http://127.0.0.1:8632", "http://localhost:8631/x")
    ]
    assert len(set(lakes)) == 4
    assert len({lake.parent for lake in lakes}) == 1
    assert all(lake.name.startswith("lake") for lake in lakes)


def test_the_budget_is_in_one_place_whatever_home_and_temporary_folders(monkeypatch, tmp_path):
    place = budget_dir()
    for name in ("HOME", "USER", "TMPDIR", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    assert budget_dir() == place
    assert place.is_absolute()
    monkeypatch.setenv("MARKETKIT_BUDGET_DIR", str(tmp_path / "budget"))
    assert budget_dir() == Path(tmp_path / "budget")


def test_an_answer_has_at_most_32_mb_unless_the_environment_says_otherwise(monkeypatch):
    assert largest_answer() == 32 << 20
    monkeypatch.setenv("MARKETKIT_LARGEST_ANSWER", " 1000 ")
    assert largest_answer() == 1000


@pytest.mark.parametrize("said", ["0", "-1", "32MB", "1e6", "nan", "9" * 5000])
def test_a_largest_answer_that_is_no_number_of_bytes_is_refused(monkeypatch, said):
    monkeypatch.setenv("MARKETKIT_LARGEST_ANSWER", said)
    with pytest.raises(InputError, match="MARKETKIT_LARGEST_ANSWER"):
        largest_answer()


def test_answers_of_upbit_are_kept_below_the_home_and_of_others_only_where_one_says(monkeypatch):
    assert resolve_cache(REGIONS["kr"]) == Path.home() / ".cache" / "marketkit" / "answers"
    assert resolve_cache(SANDBOX) is None
    monkeypatch.setenv("MARKETKIT_CACHE", "/var/somewhere")
    assert resolve_cache(SANDBOX) == resolve_cache(REGIONS["kr"]) == Path("/var/somewhere/answers")


@pytest.mark.parametrize(
    ("said", "meant"), [("1", True), ("true", True), ("YES", True), ("0", False), ("", False)]
)
def test_the_environment_may_say_that_nothing_is_sent(monkeypatch, said, meant):
    monkeypatch.setenv("MARKETKIT_OFFLINE", said)
    assert resolve_offline(offline=None) is meant
    assert resolve_offline(offline=not meant) is not meant


def test_lists_that_wait_are_below_the_home_beside_the_lake_unless_a_cache_is_named(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert lists_dir() == tmp_path / ".local" / "share" / "marketkit" / "lists"
    monkeypatch.setenv("MARKETKIT_CACHE", "/var/somewhere")
    assert lists_dir() == Path("/var/somewhere/lists")


def test_the_archive_is_upbits_own_and_a_sandbox_has_one_below_its_endpoint(monkeypatch):
    assert resolve_archive(REGIONS["kr"]) == ARCHIVE
    assert resolve_archive(SANDBOX) == (f"{SANDBOX}/archive",) * 2
    with pytest.raises(InputError, match="only Upbit Korea"):
        resolve_archive(REGIONS["sg"])
    monkeypatch.setenv("MARKETKIT_ARCHIVE", f"{SANDBOX}/mine/")
    assert resolve_archive(REGIONS["sg"]) == (f"{SANDBOX}/mine",) * 2
    monkeypatch.setenv("MARKETKIT_ARCHIVE", "http://listing.example https://files.example/x/")
    assert resolve_archive(REGIONS["kr"]) == ("http://listing.example", "https://files.example/x")


@pytest.mark.parametrize("said", ["ftp://x", "x", "http://a http://b http://c", "http://a nothing"])
def test_an_archive_that_is_no_address_or_many_is_refused(monkeypatch, said):
    monkeypatch.setenv("MARKETKIT_ARCHIVE", said)
    with pytest.raises(InputError, match="MARKETKIT_ARCHIVE"):
        resolve_archive(REGIONS["kr"])


def test_zips_wait_in_one_folder_of_each_archive_below_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    place = tmp_path / ".cache" / "marketkit" / "archive"
    assert archive_dir(ARCHIVE[1]) == place / "crix_data_upbit_com"
    assert archive_dir(f"{SANDBOX}/archive") == place / "127_0_0_1_8631_archive"
    monkeypatch.setenv("MARKETKIT_CACHE", "/var/somewhere")
    assert archive_dir(ARCHIVE[1]) == Path("/var/somewhere/archive/crix_data_upbit_com")


def test_what_somebody_decided_is_below_the_home_unless_a_folder_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert settings_dir() == tmp_path / ".config" / "marketkit"
    monkeypatch.setenv("MARKETKIT_SETTINGS", "~/mine")
    assert settings_dir() == tmp_path / "mine"


def test_files_of_the_archive_have_a_bound_that_can_be_set(monkeypatch):
    assert largest_archived() == 1 << 30
    monkeypatch.setenv("MARKETKIT_LARGEST_FILE", "5000")
    assert largest_archived() == 5000
    monkeypatch.setenv("MARKETKIT_LARGEST_FILE", "much")
    with pytest.raises(InputError, match="MARKETKIT_LARGEST_FILE='much' is no number of bytes"):
        largest_archived()


def test_the_address_is_the_argument_then_the_variable_then_the_systems_choice(monkeypatch):
    assert resolve_address(None) is None
    monkeypatch.setenv("MARKETKIT_ADDRESS", " 10.0.0.7 ")
    assert resolve_address(None) == "10.0.0.7"
    assert resolve_address("::ffff:10.0.0.8") == "10.0.0.8"
    assert resolve_address("FD00::0:7") == "fd00::7"
    monkeypatch.setenv("MARKETKIT_ADDRESS", "")
    assert resolve_address(None) is None


@pytest.mark.parametrize("said", ["10.0.0.7:80", "my-host", "", "::", "224.0.0.1", 10])
def test_what_is_no_address_of_a_machine_is_refused_by_its_name(said, monkeypatch):
    with pytest.raises(InputError, match=r"^address="):
        resolve_address(said)
    monkeypatch.setenv("MARKETKIT_ADDRESS", str(said) or "no")
    with pytest.raises(InputError, match=r"^MARKETKIT_ADDRESS="):
        resolve_address(None)


URLS = ["s3://bucket/lake", "gs://b/l", "az://b/l", "abfss://c@a.dfs.core.windows.net/l"]
URLS += ["http://h/l", "hdfs://n:9000/l", "memory://l", "a_b://l", " S3://b/l", "nas:/lake", "://l"]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("kind", [str, Path])
def test_a_url_is_no_path(url, kind):
    with pytest.raises(InputError, match=r"^to=.*not supported"):
        given_path(kind(url), "to")


@pytest.mark.parametrize("url", ["file:///data/lake", "FILE://localhost/lake", "file:/lake"])
def test_a_file_url_is_to_be_given_as_its_path(url):
    with pytest.raises(InputError, match=r"^lake=.*give the path alone"):
        given_path(url, "lake")


DRIVES = [r"C:\candles\lake", "c:/candles", r"\\server\share\lake", r"\\?\C:\lake"]


@pytest.mark.parametrize("path", DRIVES)
def test_a_path_of_windows_is_one_on_windows_alone(path, monkeypatch):
    monkeypatch.setattr(disk.sys, "platform", "linux")
    with pytest.raises(InputError, match="path of Windows"):
        given_path(path)
    monkeypatch.setattr(disk.sys, "platform", "win32")
    assert given_path(path) == Path(path)
    with pytest.raises(InputError, match="not supported"):
        given_path("s3://bucket/lake")


@pytest.mark.parametrize("path", ["./s3://b", "a:b", "~/x:/y", "/s3://b", "lake:1m", "a/b:/c"])
def test_a_colon_elsewhere_is_a_letter_of_a_name(path):
    given_path(path)


def test_images_have_two_gigabytes_unless_the_environment_says_otherwise(monkeypatch):
    assert largest_tier() == 2 << 30
    monkeypatch.setenv("MARKETKIT_TIER", "1000000")
    assert largest_tier() == 1_000_000
    for said in ("0", "off", "Off"):
        monkeypatch.setenv("MARKETKIT_TIER", said)
        assert largest_tier() == 0
    monkeypatch.setenv("MARKETKIT_TIER", "much")
    with pytest.raises(InputError, match="MARKETKIT_TIER='much' is no number of bytes"):
        largest_tier()


def test_copies_of_buckets_have_twenty_gigabytes_unless_the_environment_says_otherwise(monkeypatch):
    assert largest_mirror() == 20 << 30
    monkeypatch.setenv("MARKETKIT_MIRROR", "1000000")
    assert largest_mirror() == 1_000_000
    monkeypatch.setenv("MARKETKIT_MIRROR", "off")
    assert largest_mirror() == 0
    monkeypatch.setenv("MARKETKIT_MIRROR", "20GB")
    with pytest.raises(InputError, match="MARKETKIT_MIRROR='20GB' is no number of bytes"):
        largest_mirror()


def test_images_lie_below_the_cache_folder(monkeypatch):
    monkeypatch.setenv("MARKETKIT_CACHE", "/var/somewhere")
    assert images_dir().as_posix() == "/var/somewhere/images"
    monkeypatch.delenv("MARKETKIT_CACHE")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert images_dir().as_posix() == "/home/somebody/.cache/marketkit/images"
