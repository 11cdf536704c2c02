"""A cassette that was damaged, or made to do harm, is told as such with its line, and runs nobody's code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import graphbit_nb as gb
from graphbit_nb.core import encoding as kept
from graphbit_nb.storage.recordings import MOST_SECONDS

HEAD = '{"format": "graphbit-cassette", "version": 1}'


def written(path, *changes, **more):
    """Write a cassette of one call, changed at the places named: ("response", "cost", 3)."""
    usage = {"~": "record", "c": "Usage", "f": {"input_tokens": 3, "output_tokens": 4, "calls": 1}}
    call = {
        "node": "a",
        "request": {"call": "generate", "provider": "p", "model": "m", "messages": []},
        "response": {"~": "record", "c": "GenerateResponse", "f": {"text": "x", "usage": usage}},
        "told": [["ended", 0.5]],
        **more,
    }
    for *places, last, value in changes:
        holder = call
        for place in places:
            holder = holder[place]
        holder[last] = value
    path.write_text(f"{HEAD}\n{json.dumps(call)}\n", "utf-8")
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lesson.cassette.jsonl"


def test_spoilt_cassettes_give_our_errors_alone_and_run_nothing():
    program = Path(__file__).with_name("cassettefuzz.py")
    done = subprocess.run([sys.executable, program, "250"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr or done.stdout
    assert done.stdout.endswith("code that ran: none\n")


def test_a_sound_one_is_read(path):
    (recording,) = gb.Cassette(written(path), "none").recordings
    assert (recording.line, recording.record.text) == (2, "x")


@pytest.mark.parametrize("number", [10**400, -(10**400), 1e308, MOST_SECONDS + 1])
@pytest.mark.parametrize(
    ("told", "what"),
    [
        (lambda number: ["ended", number], "time of 'ended'"),
        (lambda number: ["token", number, "x"], "time of 'token'"),
        (lambda number: ["retry", 0, 1, number, {"type": "ServerError", "message": "x"}], "delay of a retry"),
    ],
)
def test_nobody_waits_for_longer_than_a_year(path, told, what, number):
    with pytest.raises(gb.StorageError, match=f"line 2: this recording is damaged: its {what} is out of range"):
        gb.Cassette(written(path, ("told", [told(number)])), "none")


@pytest.mark.parametrize("number", [10**400, -(10**16), 1e308])
@pytest.mark.parametrize(
    ("place", "what"),
    [
        (("response", "f", "cost"), "cost"),
        (("response", "f", "latency"), "latency"),
        (("response", "f", "first_token"), "first token's time"),
    ],
)
def test_numbers_that_cannot_be_added_up_are_refused(path, place, what, number):
    with pytest.raises(gb.StorageError, match=f"line 2: .*its {what} is out of range"):
        gb.Cassette(written(path, (*place, number)), "none")


def test_what_is_not_a_number_is_refused_as_one(path):
    with pytest.raises(gb.StorageError, match="its cost is out of range"):
        gb.Cassette(written(path, ("response", "f", "cost", {"~": "float", "v": "nan"})), "none")


def test_more_tokens_than_there_are_is_refused(path):
    with pytest.raises(gb.StorageError, match="its usage is out of range"):
        gb.Cassette(written(path, ("response", "f", "usage", "f", "input_tokens", 10**16)), "none")


def test_vectors_of_what_is_no_float_are_refused(path):
    vectors = {"~": "tuple", "v": [{"~": "tuple", "v": [10**400, 0.5]}]}
    answer = {"~": "record", "c": "EmbedResponse", "f": {"vectors": vectors}}
    with pytest.raises(gb.StorageError, match="its vectors are out of range"):
        gb.Cassette(written(path, ("request", "call", "embed"), ("response", answer)), "none")


def test_failures_are_checked_like_answers(path):
    call = json.loads(written(path).read_text("utf-8").splitlines()[1])
    del call["response"]
    call["error"] = {"type": "RateLimitError", "message": "x", "retry_after": 1e300}
    path.write_text(f"{HEAD}\n{json.dumps(call)}\n", "utf-8")
    with pytest.raises(gb.StorageError, match="its retry_after is out of range"):
        gb.Cassette(path, "none")


@pytest.mark.parametrize("deep", [500, 900, 100_000])
def test_a_deep_request_is_refused_and_not_compared(path, deep):
    lines = written(path, ("request", "x", "HERE")).read_text("utf-8").replace('"HERE"', "[" * deep + "]" * deep)
    path.write_text(lines, "utf-8")
    with pytest.raises(gb.StorageError, match="line 2: "):
        gb.Cassette(path, "none")


def test_the_deepest_value_that_a_request_may_have_is_read(path):
    value = 1
    for _ in range(90):
        value = (value,)
    request = {"call": "generate", "provider": "p", "model": "m", "messages": [], "options": {"x": value}}
    request = json.loads(kept.dumps(request))
    assert len(gb.Cassette(written(path, ("request", request)), "none").recordings) == 1


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_a_file_of_another_encoding_is_refused_and_kept(path, encoding):
    content = written(path).read_text("utf-8").encode(encoding)
    path.write_bytes(content)
    with pytest.raises(gb.StorageError, match="save it as UTF-8"):
        gb.Cassette(path, "new_episodes")
    assert path.read_bytes() == content


def test_a_byte_order_mark_does_no_harm(path):
    path.write_bytes(b"\xef\xbb\xbf" + written(path).read_bytes())
    assert len(gb.Cassette(path, "none").recordings) == 1


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
@pytest.mark.parametrize("mode", ["none", "once", "new_episodes", "all"])
def test_a_path_that_cannot_be_is_told(tmp_path, name, mode):
    with pytest.raises(gb.StorageError, match="cannot be read"):
        gb.Cassette(tmp_path / name, mode)


def test_a_directory_is_no_cassette(tmp_path):
    with pytest.raises(gb.StorageError, match="cannot be read"):
        gb.Cassette(tmp_path, "none")
