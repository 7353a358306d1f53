"""Addresses of buckets, in which no secret is taken or repeated."""

from __future__ import annotations

import pytest

from marketkit.data.lake.places.address import Address, Endpoint
from marketkit.errors import InputError


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("s3://team/upbit", ("s3", "team", "upbit")),
        (" S3://team.of-us/a/b/ ", ("s3", "team.of-us", "a/b")),
        ("gs://team", ("gs", "team", "")),
        ("az://container/deep/er", ("az", "container", "deep/er")),
        ("s3://team/원화 lake", ("s3", "team", "원화 lake")),
    ],
)
def test_an_address_is_a_bucket_and_a_folder(url, address):
    assert Address.of(url) == address
    assert Address.of(Address.of(url).url) == address


@pytest.mark.parametrize(
    "url",
    [
        "s3://key:hush@team/upbit",
        "s3://hush@team/upbit",
        "s3://key:hu/sh@team/upbit",
        "s3://team/upbit?secret=hush",
        "s3://team/upbit#hush",
        "s3://team:hush/upbit",
    ],
)
def test_a_secret_in_an_address_is_refused_and_not_repeated(url):
    with pytest.raises(InputError, match="credentials in the environment") as caught:
        Address.of(url)
    assert "hu" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("url", ["ftp://team/a", "s3:/team/a", "lake", "", "https://x.s3/a"])
def test_another_kind_of_address_names_those_that_are_known(url):
    with pytest.raises(InputError, match="gs://bucket/folder"):
        Address.of(url)


@pytest.mark.parametrize(
    "url", ["s3://", "s3:///a", "s3://team/../a", "s3://team/a//b", "s3://te am/a", "s3://t/a\\b"]
)
def test_an_address_without_a_plain_bucket_and_folder_is_refused(url):
    with pytest.raises(InputError, match="does not name a bucket and a folder"):
        Address.of(url)


def test_a_store_in_memory_may_have_any_address():
    assert Address.free("memory://a/b/c") == ("memory", "a", "b/c")


@pytest.fixture(autouse=True)
def _no_endpoint(monkeypatch):
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "GOOGLE_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("http://127.0.0.1:9000", True),
        ("http://127.0.0.3:9000", True),
        ("http://localhost:9000/", True),
        ("http://[::1]:9000", True),
        ("https://minio.of.us:9000", False),
    ],
)
def test_only_this_machine_may_do_without_tls(monkeypatch, url, plain):
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    assert Endpoint.of("s3") == (url, "AWS_ENDPOINT_URL", plain)


@pytest.mark.parametrize("host", ["minio.of.us", "10.0.0.5", "127.0.0.1.evil.com", "0.0.0.0"])  # noqa: S104
def test_a_lake_never_travels_open_to_all(monkeypatch, host):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:9000")
    with pytest.raises(InputError, match=f"http://{host}, where all on the way"):
        Endpoint.of("s3")


@pytest.mark.parametrize(
    "url", ["minio:9000", "https://key:hush@minio", "ftp://minio", "https://m/?k=hush", "http://[x"]
)
def test_an_endpoint_that_is_no_plain_url_names_the_variable_alone(monkeypatch, url):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
    with pytest.raises(InputError, match="AWS_ENDPOINT_URL_S3 is no plain URL") as caught:
        Endpoint.of("s3")
    assert "hush" not in str(caught.value)


def test_without_a_variable_the_provider_is_asked(monkeypatch):
    assert Endpoint.of("s3").url is None
    assert Endpoint.of("gs").url is None
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://second")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://first")
    assert Endpoint.of("s3").url == "https://first"
