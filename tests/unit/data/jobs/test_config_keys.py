"""Every key of a backfill's file has one form, and another is answered with the right one."""

from __future__ import annotations

from datetime import date

import pytest

from marketkit.data.jobs.config_keys import OF_FILE, OF_UNIVERSE, read_keys, shown
from marketkit.errors import InputError

DEPTH = 'depth = { 1m = "2y" }'


@pytest.fixture
def written(tmp_path):
    def write(text: str | bytes):
        path = tmp_path / "backfill.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def refusal(path) -> str:
    with pytest.raises(InputError) as refused:
        read_keys(path)
    assert str(refused.value).count("\n") <= 1
    return str(refused.value)


def test_the_keys_of_the_file_and_of_each_universe_are_told_apart(written):
    text = f'lake = "here"\nrescue = true\n[[universe]]\n{DEPTH}\n[[universe]]\n{DEPTH}\n'
    keys, universes = read_keys(written(text))
    assert keys == {"lake": "here", "rescue": True}
    assert universes == [{"depth": {"1m": "2y"}}] * 2


def test_what_windows_editors_put_before_a_file_is_no_part_of_it(written):
    assert read_keys(written(f"\ufeff[[universe]]\r\n{DEPTH}\r\n"))[0] == {}


@pytest.mark.parametrize(
    "value", ["5", "1.5", "true", '""', "[]", "{}", "2026-01-01", "07:30:00", '["a", 1]']
)
@pytest.mark.parametrize("key", [*OF_FILE, *OF_UNIVERSE])
def test_a_value_of_another_form_is_named_with_the_key_and_an_example(written, key, value):
    forms = {**OF_FILE, **OF_UNIVERSE}
    lines = ["[[universe]]", *([DEPTH] if key != "depth" else [])]
    lines.insert(0 if key in OF_FILE else 1, f"{key} = {value}")
    path = written("\n".join(lines))
    if forms[key].fits({"true": True, "[]": [], "{}": {}}.get(value, 5)):
        read_keys(path)
        return
    said = refusal(path)
    assert f"{key} = {value[:4]}" in said
    assert f"write {key} = {forms[key].such}" in said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('warning = "false"', 'warning = "false" is neither true nor false: write warning = false'),
        ("warning = 0", "warning = 0 is neither true nor false: write warning = true"),
        ("symbols = 7", 'is no list of texts: write symbols = ["KRW-*"]'),
        ("symbols = [5]", "symbols = [5] is no list of texts"),
        ('quote = ""', 'quote = "" is empty: write quote = "KRW"'),
        ('lake = "x"', "unknown key 'lake': write it above the first [[universe]]"),
        ("excluded = []", "unknown key 'excluded'; did you mean 'exclude'"),
        ('"a\\u001b[2J" = 1', "unknown key 'a"),
    ],
)
def test_a_slip_in_a_universe_is_answered_with_the_right_line(written, line, said):
    assert said in refusal(written(f"[[universe]]\n{line}\n{DEPTH}"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no [[universe]]"),
        ("a = " + "[" * 100_000, "nested too deeply"),
        ('symbols = ["KRW-BTC"]', "there is no [[universe]]: write one above symbols"),
        (f"[universe]\n{DEPTH}", "write [[universe]], with two brackets"),
        ("universe = [1]", "universe = [1] is no table"),
        ("[[universe]]", "without depth"),
        (f"symbols = []\n[[universe]]\n{DEPTH}", "'symbols': write it below [[universe]]"),
        ("lake = ~/x", "at line 1"),
        (b"\xff\xfel\x00", "save it as UTF-8"),
        ("# 한글".encode("cp949"), "save it as UTF-8"),
    ],
)
def test_a_file_of_another_shape_is_told_what_is_wrong(written, text, said):
    assert said in refusal(written(text))


def test_of_several_universes_the_wrong_one_is_named(written):
    text = f'[[universe]]\n{DEPTH}\n[[universe]]\nwarning = "no"\n{DEPTH}'
    assert refusal(written(text)).startswith("[[universe]] 2: warning")


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    assert refusal(tmp_path) == "Is a directory"
    assert refusal(tmp_path / "none.toml") == "No such file or directory"


def test_values_are_shown_as_the_file_has_them():
    assert shown(date(2026, 1, 1)) == "2026-01-01"
    assert shown("x" * 500)[-1] == "…"
    assert shown([True]) == "[true]"
