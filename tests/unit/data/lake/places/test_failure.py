"""What the library says, and what people read; real stores are in tests/scale."""

from __future__ import annotations

import pytest

from marketkit.data.lake.places.failure import Kind, is_undone, kind_of, told
from marketkit.errors import LakeError, NotWritable

ANSWERED = "Generic S3 error: Server returned non-2xx status code: {}: <Error><Code>{}</Code>"


class PreconditionError(Exception):
    """Named as the library's."""


def answer(status: int, code: str = "") -> Exception:
    return OSError(ANSWERED.format(status, code))


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
def test_an_overloaded_store_is_asked_again(status):
    assert kind_of(answer(status)) is Kind.BUSY


@pytest.mark.parametrize(
    ("status", "code"), [(400, "Odd"), (403, "AccessDenied"), (404, "NoSuchBucket"), (301, "Moved")]
)
def test_an_answer_that_stays_is_final(status, code):
    assert kind_of(answer(status, code)) is Kind.FINAL


def test_codes_tell_more_than_their_status():
    assert kind_of(answer(400, "RequestTimeout")) is Kind.BUSY
    assert kind_of(answer(403, "RequestTimeTooSkewed")) is Kind.FINAL


def test_an_object_that_is_not_there_is_told_from_a_bucket():
    assert kind_of(FileNotFoundError("status code: 404 <Code>NoSuchKey</Code>")) is Kind.MISSING
    assert kind_of(FileNotFoundError("status code: 404 <Code>NoSuchBucket</Code>")) is Kind.FINAL


def test_a_condition_that_does_not_hold_is_a_change():
    assert kind_of(PreconditionError("status code: 412 Precondition Failed")) is Kind.CHANGED
    assert kind_of(PreconditionError("status code: 404 NoSuchKey")) is Kind.CHANGED
    assert kind_of(PreconditionError("status code: 409 Conflict")) is Kind.BUSY


@pytest.mark.parametrize(
    ("error", "undone"),
    [
        (answer(503, "SlowDown"), True),
        (answer(429), True),
        (OSError("error sending request kind: Connect tcp connect error"), True),
        (answer(503), False),  # of a proxy, perhaps
        (answer(500, "InternalError"), False),
        (answer(504), False),
        (OSError("error sending request kind: Request IncompleteMessage"), False),
        (OSError("operation timed out"), False),
    ],
)
def test_what_a_store_turned_away_was_surely_not_done(error, undone):
    assert is_undone(error) is undone


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("HTTP error: error sending request kind: Connect tcp connect error", Kind.AWAY),
        ("error sending request kind: Connect dns error", Kind.AWAY),
        ("error sending request kind: Request IncompleteMessage", Kind.BUSY),
        ("operation timed out", Kind.BUSY),
        ("something quite else", Kind.FINAL),
    ],
)
def test_without_an_answer_the_text_tells(text, kind):
    assert kind_of(OSError(text)) is kind


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (answer(404, "NoSuchBucket"), "the bucket is not there"),
        (answer(403, "AccessDenied"), "may not do that"),
        (answer(401), "may not do that"),
        (answer(503, "SlowDown"), "goes on failing: 503 SlowDown"),
        (answer(400, "Odd"), "the store refuses: 400 Odd"),
        (OSError("IncompleteMessage"), "its answers do not come, or break off"),
        (OSError("dns error at https://minio.of.us/lake"), "nobody answers for s3://a/b at https"),
        (OSError("an\x1b[2Jswer"), "an\\x1b[2Jswer"),
    ],
)
def test_each_failure_is_told_in_two_lines_with_the_address(error, words):
    said = str(told(error, "s3://a/b"))
    assert words in said
    assert "s3://a/b" in said
    assert len(said.splitlines()) == 2


def test_credentials_are_named_by_the_kind_of_store():
    error = OSError("Error performing PUT http://169.254.169.254/latest/api/token")
    assert "AWS_SECRET_ACCESS_KEY" in str(told(error, "s3://a/b"))
    assert "GOOGLE_APPLICATION_CREDENTIALS" in str(told(error, "gs://a/b"))
    assert "AZURE_STORAGE_ACCOUNT_KEY" in str(told(error, "az://a/b"))


def test_a_refusal_to_write_is_one_that_asking_again_does_not_mend():
    assert type(told(answer(403), "s3://a/b", writing=True)) is NotWritable
    assert type(told(answer(403), "s3://a/b")) is LakeError
    assert type(told(answer(503), "s3://a/b", writing=True)) is LakeError


def test_a_region_that_the_store_names_is_repeated():
    error = OSError(ANSWERED.format(400, "AuthorizationHeaderMalformed") + "<Region>eu-west-1<")
    assert "set AWS_REGION to the region of the bucket, eu-west-1" in str(told(error, "s3://a/b"))


def test_a_busy_store_is_no_error_of_the_arguments():
    assert type(told(answer(500), "s3://a/b")) is LakeError
