"""A notebook that was recorded is played with no key, no server and no network, and says the same."""

import sys
from pathlib import Path

import pytest
from kernels import execute

sys.path.append(str(Path(__file__).parents[1] / "storage"))
from killing import counting

DEFINE = """
%load_ext graphbit_nb
import graphbit_nb as gb
%graphbit config --provider openai_compatible --model m
"""
CELLS = (
    "%%graphbit prompt first\nnode 1: {{ topic }}",
    "%%graphbit prompt second --for-each 'x in [2, 3]'\nnode {{ x }}: {{ first }}",
    "%%graphbit python size\nreturn len(second)",
)
BLOCKED = """
import socket
def refuse(*args, **more):
    raise OSError("the network is blocked")
socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = socket.create_connection = refuse
"""
RUN = "topic = 'sea'\nresult = %graphbit run"
SAY = "print(result.status, result.outputs, [node.cost for node in result.nodes.values()])"


def said(document):
    return [output["text"] for output in document.cells[-1].outputs]


@pytest.fixture
def setup(monkeypatch, tmp_path):
    def give(url, cassette, key=None):
        monkeypatch.setenv("GRAPHBIT_HOME", str(tmp_path / cassette))
        more = f"model='m', options={{'check_model': False}}, api_key={key!r}"
        config = f"gb.LlmConfig.openai_compatible(base_url={url!r}, {more})"
        return f"%load_ext graphbit_nb\nimport graphbit_nb as gb\nconfig = {config}\n%graphbit config --config config"

    return give


def test_it_gives_the_same_outputs_where_nothing_can_be_asked(setup, tmp_path):
    path = tmp_path / "lesson.jsonl"
    with counting() as server:
        record = setup(server.url, "recorded", key="sk-abcdefghijklmnopqrstuvwxyz")
        before = execute(record, *CELLS, f"%config GraphbitMagics.record = {str(path)!r}", RUN, SAY)
        assert sum(server.counts.values()) == 3
    assert "succeeded {'first': 'n1', 'second': ['n2', 'n3'], 'size': 2}" in said(before)[0]
    assert b"sk-" not in path.read_bytes()
    play = setup(server.url, "played")
    after = execute(play, BLOCKED, *CELLS, f"%config GraphbitMagics.replay = {str(path)!r}", RUN, SAY)
    assert said(after) == said(before)


def test_one_line_may_say_what_is_played(setup, tmp_path):
    path = tmp_path / "lesson.jsonl"
    with counting() as server:
        execute(setup(server.url, "recorded"), *CELLS, RUN + f" --record {path}", SAY)
    after = execute(setup(server.url, "played"), BLOCKED, *CELLS, RUN + f" --replay {path} --speed 100", SAY)
    assert said(after)[0].startswith("succeeded")


def test_slips_with_cassettes_are_one_line(scripted, tmp_path):
    import graphbit_nb as gb

    shell = scripted({"*": "x"})
    shell("%%graphbit prompt a\nhello\n")
    with pytest.raises(gb.StorageError, match=r"there is no cassette .*record it first"):
        shell(f"%graphbit run --replay {tmp_path / 'none.jsonl'}")
    with pytest.raises(gb.UsageError, match="a run is recorded or played, not both"):
        shell("%graphbit run --replay a --record b")
    with pytest.raises(gb.UsageError, match=r"--record \$path: write the file's name; .*GraphbitMagics.record = path"):
        shell("%graphbit run --record $path")
