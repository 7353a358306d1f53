"""Stores that fail, refuse or lose answers: clear words, and nothing lost."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading

import pytest

from marketkit.data.lake.format.objects import Conflict
from marketkit.data.lake.places import mark, patience
from marketkit.data.lake.places import store as store_module
from marketkit.data.lake.places.bucket import Bucket
from marketkit.errors import LakeError, NotWritable
from tests.clocks import faketime
from tests.scale.proxy import CARELESS, LOST, PASS, REFUSED, Deed, puts

KEY = "source=upbit/timeframe=1min/series=KRW-BTC/2024-01.parquet"
FAILED = Deed(answer=500, code="InternalError")
BUSY = Deed(answer=503, code="SlowDown")
RACED = Deed(answer=409, code="ConditionalRequestConflict")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr(patience, "_FIRST", 0.001)


@pytest.fixture
def proxy(moto, faulty):
    return faulty(moto)


@pytest.fixture
def bucket(moto, proxy):
    return Bucket(f"s3://{moto.bucket()}/lake")


def words(call) -> str:
    """Give the words of the error of a call: two lines, without a secret."""
    with pytest.raises(LakeError) as caught:
        call()
    said = str(caught.value)
    assert len(said.splitlines()) == 2
    assert "testtest" not in said
    return said


def every_call(bucket: Bucket):
    yield lambda: bucket.read(KEY)
    yield lambda: bucket.put(KEY, b"1", None)
    yield lambda: list(bucket.list(""))
    yield lambda: mark.prepare(bucket)


def test_a_bucket_that_is_not_there_is_named(moto_url):
    bucket = Bucket("s3://no-such-bucket/lake")
    for call in every_call(bucket):
        said = words(call)
        assert said.startswith("s3://no-such-bucket/lake: the bucket is not there;")
        assert "make it first" in said


def test_without_credentials_the_variables_are_named(moto_url, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    # A machine in a cloud may be told credentials here; this one has nobody there.
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")
    for call in every_call(Bucket(moto_url)):
        said = words(call)
        assert "there are no credentials in the environment" in said
        assert "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in said


@pytest.mark.parametrize(
    "deed",
    [
        Deed(answer=400, code="AuthorizationHeaderMalformed", extra="<Region>eu-west-1</Region>"),
        Deed(answer=301, code="PermanentRedirect"),
        Deed(answer=307, code="TemporaryRedirect"),
    ],
    ids=["refused", "moved", "moving"],
)
def test_of_a_wrong_region_the_variable_is_named(bucket, proxy, deed):
    proxy.script = lambda _: deed
    for call in every_call(bucket):
        said = words(call)
        assert "the bucket lies in another region" in said
        assert "set AWS_REGION" in said
        assert ("eu-west-1" in said) == bool(deed.extra)


def test_denied_access_says_who_can_help(bucket, proxy):
    proxy.script = lambda _: Deed(answer=403, code="AccessDenied")
    for call in every_call(bucket):
        assert "let its owner allow" in words(call)
    with pytest.raises(NotWritable):
        bucket.put(KEY, b"1", None)


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"])
def test_unknown_credentials_are_told_from_missing_ones(bucket, proxy, code):
    proxy.script = lambda _: Deed(answer=403, code=code)
    for call in every_call(bucket):
        assert "does not know these credentials" in words(call)


def test_a_clock_that_is_an_hour_wrong_is_named(bucket, proxy):
    proxy.script = lambda _: Deed(answer=403, code="RequestTimeTooSkewed")
    for call in every_call(bucket):
        assert "this machine's clock" in words(call)


def test_nobody_at_the_endpoint_is_said_with_the_endpoint(moto_url, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    for call in every_call(Bucket(moto_url)):
        said = words(call)
        assert said.startswith(f"nobody answers for {moto_url} at http://127.0.0.1:1")


def test_a_store_without_conditions_is_not_written_to(bucket, proxy):
    proxy.script = lambda _: CARELESS
    said = words(lambda: mark.prepare(bucket))
    assert "two writers would lose rows" in said
    assert bucket.url in said
    assert list(bucket.list("")) == []


def test_a_store_that_keeps_one_condition_is_not_written_to(bucket, proxy):
    proxy.script = lambda _: Deed(without=("if-match",))
    assert "in the place of a newer one" in words(lambda: mark.prepare(bucket))
    assert list(bucket.list("")) == []


def test_a_store_is_tried_once_for_each_lake(bucket, proxy):
    mark.prepare(bucket)
    before, puts_before = len(proxy.asked), proxy.count("PUT")
    mark.prepare(bucket)
    assert len(proxy.asked) == before
    mark.prepare(Bucket(bucket.url))
    assert proxy.count("PUT") == puts_before
    assert [key for key, _ in bucket.list("")] == ["lake.json"]


@pytest.mark.parametrize(
    "deeds",
    [
        (LOST,),
        (REFUSED,),
        (FAILED,),
        (FAILED._replace(landed=True),),
        (BUSY, BUSY, BUSY),
        (RACED,),
        (RACED._replace(landed=True),),
        (LOST, LOST),
        (REFUSED, LOST, FAILED),
    ],
    ids=["lost", "refused", "500", "500 landed", "503", "409", "409 landed", "twice", "mixed"],
)
def test_after_a_doubtful_answer_the_object_is_there_once(bucket, proxy, deeds):
    proxy.script = puts(*deeds)
    first = bucket.put(KEY, b"first", None)
    assert bucket.read(KEY) == (b"first", first)
    proxy.script = puts(*deeds)
    second = bucket.put(KEY, b"second", first)
    assert bucket.read(KEY) == (b"second", second)
    with pytest.raises(Conflict):
        bucket.put(KEY, b"third", first)


@pytest.mark.parametrize("deed", [LOST, FAILED._replace(landed=True), RACED])
def test_after_a_doubtful_answer_another_writers_object_is_a_conflict(bucket, proxy, deed):
    first = bucket.put(KEY, b"first", None)
    other = Bucket(bucket.url)

    def script(asked):
        if asked.method != "PUT":
            return PASS
        proxy.script = lambda _: PASS
        threading.Thread(target=other.put, args=(KEY, b"other", first)).start()
        return deed._replace(landed=False, wait=came)

    came = threading.Event()
    real = other._store.put

    def put(*words):
        done = real(*words)
        came.set()
        return done

    other._store.put = put
    proxy.script = script
    with pytest.raises(Conflict):
        bucket.put(KEY, b"mine", first)
    assert bucket.read(KEY)[0] == b"other"


def test_the_same_bytes_of_another_writer_are_not_mine(bucket, proxy):
    bucket.put(KEY, b"the same", None)
    proxy.script = puts(REFUSED)
    with pytest.raises(Conflict):
        bucket.put(KEY, b"the same", None)


def test_a_slow_answer_is_a_lost_one(moto, proxy, monkeypatch):
    monkeypatch.setattr(store_module, "TIMEOUT", 3)
    bucket, late = Bucket(f"s3://{moto.bucket()}/lake"), threading.Event()
    proxy.script = puts(Deed(wait=late))
    version = bucket.put(KEY, b"slow", None)
    late.set()
    assert bucket.read(KEY) == (b"slow", version)


def test_a_store_that_goes_on_failing_is_given_up(bucket, proxy):
    proxy.script = lambda _: BUSY
    for call in every_call(bucket):
        said = words(call)
        assert "the store goes on failing: 503" in said
        assert "ask again later" in said


def test_reads_go_through_a_bad_moment(bucket, proxy):
    version = bucket.put(KEY, b"candles", None)
    for deed in (REFUSED, FAILED, BUSY, LOST):
        left = [deed, deed]
        proxy.script = lambda _, left=left: left.pop() if left else PASS
        assert bucket.read(KEY) == (b"candles", version)
        left += [deed]
        assert dict(bucket.list("source=")) == {KEY: version}


def test_a_lost_answer_to_a_delete_costs_no_later_object(bucket, proxy):
    version = bucket.put(KEY, b"first", None)
    proxy.script = lambda asked: LOST if asked.method == "DELETE" else PASS
    bucket.delete(KEY, version)
    assert list(bucket.list("source=")) == []
    bucket.put(KEY, b"second", None)
    assert bucket.read(KEY)[0] == b"second"
    assert proxy.count("DELETE") == 1


def test_a_delete_that_did_not_come_through_still_counts(bucket, proxy):
    version = bucket.put(KEY, b"first", None)
    proxy.script = lambda asked: REFUSED if asked.method == "DELETE" else PASS
    bucket.delete(KEY, version)
    assert list(bucket.list("source=")) == []
    with pytest.raises(FileNotFoundError):
        bucket.read(KEY)
    with pytest.raises(Conflict):  # its writer might be about to delete it
        bucket.put(KEY, b"second", None)
    now = bucket.now() + 10 * 60_000
    bucket.now = lambda: now
    bucket.put(KEY, b"second", None)
    assert bucket.read(KEY)[0] == b"second"


def test_a_delete_that_a_busy_store_turned_away_is_sent_again(bucket, proxy):
    version, left = bucket.put(KEY, b"first", None), [BUSY, BUSY]
    proxy.script = lambda asked: left.pop() if asked.method == "DELETE" and left else PASS
    bucket.delete(KEY, version)
    bucket.put(KEY, b"second", None)
    assert bucket.read(KEY)[0] == b"second"
    assert proxy.count("DELETE") == 3


def test_what_is_put_where_a_delete_got_no_answer_says_so(bucket, proxy):
    version = bucket.put(KEY, b"first", None)
    proxy.script = lambda asked: REFUSED if asked.method == "DELETE" else PASS
    bucket.delete(KEY, version)
    said = words(lambda: bucket.put(KEY, b"second", None))
    assert said.startswith(f"{bucket.url}/{KEY} was deleted, and the store has not said")
    assert "ask again in 1" in said  # of two minutes and a half


FORKED = """
    import os, sys, warnings
    warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 on fork with threads
    from marketkit.data.lake.places.bucket import Bucket
    bucket = Bucket(sys.argv[1])
    bucket.put("a", b"parent", None)
    if not os.fork():
        for call in (lambda: bucket.read("a"), lambda: Bucket(sys.argv[1])):
            try:
                call()
            except Exception as error:
                print(type(error).__name__, "spawn" in str(error), flush=True)
        os._exit(0)
    os.wait()
    print(bucket.read("a")[0].decode(), flush=True)
    os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_made_by_fork_is_refused_and_does_not_hang(moto_url):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FORKED), moto_url],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.splitlines() == ["EngineClosed True"] * 2 + ["parent"]


@pytest.mark.slow
def test_a_real_gateway_refuses_what_the_script_did(ceph, ceph_url, monkeypatch):
    assert "the bucket is not there" in words(lambda: Bucket("s3://nothing-here/a").read(KEY))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    assert "does not know these credentials" in words(lambda: Bucket(ceph_url).read(KEY))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    assert "does not know these credentials" in words(lambda: Bucket(ceph_url).put(KEY, b"1", None))


SKEWED = """
    import sys
    from marketkit.data.lake.places.bucket import Bucket
    try:
        Bucket(sys.argv[1]).read("a")
    except Exception as error:
        print(error)
"""


@pytest.mark.slow
@pytest.mark.skipif(not faketime.library(), reason="no faketime: apt-get install faketime")
def test_a_real_gateway_sees_a_clock_that_is_an_hour_wrong(ceph_url):
    shifted = {"LD_PRELOAD": str(faketime.library()), "FAKETIME": "+1h"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SKEWED), ceph_url],
        env={**faketime.around(os.environ), **shifted},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "refuses this machine's clock" in done.stdout
