"""Calls that are recorded once are played again: the same answers, at the same pace, with no network."""

import asyncio
import json
import socket

import pytest

import graphbit_nb as gb
from graphbit_nb.testing import run_in_virtual_time


class Streaming(gb.CustomLlmClient):
    """Answers word by word, the longer the name the slower; the first call of `flaky` fails; counts."""

    calls = 0
    failed = 0

    async def generate(self, request, listener=None):
        cls = type(self)
        cls.calls += 1
        await asyncio.sleep(0.25)
        if request.node == "flaky" and not cls.failed:
            cls.failed = 1
            raise gb.ServerError("busy", provider="streaming")
        if request.node == "broken":
            raise gb.BadRequestError("no such thing, sk-abcdefghijklmnopqrstuvwxyz", provider="streaming")
        words = f"answer to {request.messages[-1].content}".split(" ")
        for word in words:
            await asyncio.sleep(0.1 * len(request.node))
            if listener is not None and listener.wants_tokens:
                listener.token(f"{word} ")
        return gb.GenerateResponse(
            text=" ".join(words),
            finish_reason="stop",
            cost=0.5,
            usage=gb.Usage(input_tokens=3, output_tokens=4, calls=1),
        )


@pytest.fixture(autouse=True)
def provider():
    Streaming.calls = Streaming.failed = 0
    gb.ProviderRegistry.register("streaming", Streaming)
    yield Streaming
    gb.ProviderRegistry.unregister("streaming")


CONFIG = gb.LlmConfig(provider="streaming", model="m")
POLICY = gb.RetryPolicy(max_attempts=3, base_delay=2, jitter=0)


def flow(topic="sea", **more):
    builder = gb.WorkflowBuilder("flow")
    builder.add_node(gb.Node.prompt("a", f"About the {topic}", **more))
    builder.add_node(gb.Node.prompt("flaky", "Something else"))
    builder.add_node(gb.Node.prompt("longer", "Both: {{ a }} {{ flaky }}"))
    return builder.build()


def perform(workflow, cassette, **more):
    """Run in virtual time; return the result and, of each event, what it was, where and when."""
    seen = []

    async def main():
        loop = asyncio.get_running_loop()
        executor = gb.WorkflowExecutor(
            more.pop("config", CONFIG), retry=POLICY, cassette=cassette, storage="memory", cache="disable", **more
        )

        def view(event):
            text = getattr(event, "text", None)
            seen.append((event.kind, getattr(event, "node", None), text, round(loop.time(), 2)))

        return await executor.run(workflow, loop="current", views=(view,))

    return run_in_virtual_time(main()), seen


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lesson.cassette.jsonl"


@pytest.fixture
def recorded(path):
    """A run that was recorded, and what was seen of it."""
    result, seen = perform(flow(), gb.Cassette(path))
    assert result.is_success()
    return result, seen


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **more):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(Streaming, "generate", refuse)


def outcomes(result):
    """What a result says of each node, without times of the wall's clock."""
    return {
        name: (node.state, node.output, node.usage, node.cost, len(node.attempts))
        for name, node in result.nodes.items()
    }


# ---- playing


@pytest.mark.usefixtures("no_network")
def test_a_recorded_run_is_played_with_no_network_and_equal_outcomes(path, monkeypatch):
    monkeypatch.undo()
    recorded, _ = perform(flow(), gb.Cassette(path))
    assert Streaming.calls == 4
    monkeypatch.setattr(Streaming, "generate", None)
    played, _ = perform(flow(), gb.Cassette(path, "none"))
    assert outcomes(played) == outcomes(recorded)


def test_at_speed_one_every_event_comes_when_it_came(recorded, path):
    _, before = recorded
    _, after = perform(flow(), gb.Cassette(path, "none", speed=1))
    assert after == before


def test_at_another_speed_it_takes_that_much_less(recorded, path):
    _, before = recorded
    _, after = perform(flow(), gb.Cassette(path, "none", speed=4))
    assert [seen[:2] for seen in after if seen[0] != "llm.token"] == [
        seen[:2] for seen in before if seen[0] != "llm.token"
    ]
    assert after[-1][3] == pytest.approx(before[-1][3] / 4, abs=0.2)


def test_without_a_speed_nothing_is_waited_for(recorded, path):
    _, after = perform(flow(), gb.Cassette(path, "none"))
    assert after[-1][3] < 0.5


def test_it_needs_no_key_and_no_package(recorded, path):
    gb.ProviderRegistry.unregister("streaming")
    played, _ = perform(flow(), gb.Cassette(path, "none"))
    assert played.is_success()


def test_a_failure_is_played_as_it_was(path):
    builder = gb.WorkflowBuilder("flow")
    builder.add_node(gb.Node.prompt("broken", "x"))
    first, _ = perform(builder.build(), path)
    again, _ = perform(builder.build(), gb.Cassette(path, "none"))
    assert again.errors["broken"].type == first.errors["broken"].type == "BadRequestError"
    assert "no such thing" in again.errors["broken"].message
    assert Streaming.calls == 1


def test_equal_requests_give_their_answers_one_after_the_other(path):
    answers = iter(["one", "two", "three"])
    config = gb.LlmConfig.scripted({"*": lambda _: next(answers)})

    def flow():
        builder = gb.WorkflowBuilder("samples")
        for number in range(3):
            builder.add_node(gb.Node.prompt(f"n{number}", "the same", after=[f"n{number - 1}"] if number else []))
        return builder.build()

    first, _ = perform(flow(), path, config=config)
    again, _ = perform(flow(), gb.Cassette(path, "none"), config=config)
    assert list(again.outputs.values()) == list(first.outputs.values()) == ["one", "two", "three"]


def test_each_run_plays_it_from_the_beginning(recorded, path):
    cassette = gb.Cassette(path, "none")
    first, _ = perform(flow(), cassette)
    second, _ = perform(flow(), cassette)
    assert outcomes(first) == outcomes(second)


def test_vectors_are_played(path, monkeypatch):
    async def embed(self, request, listener=None):
        return gb.EmbedResponse(vectors=tuple((float(len(text)),) for text in request.texts))

    monkeypatch.setattr(Streaming, "embed", embed)
    builder = gb.WorkflowBuilder("vectors")
    builder.add_node(gb.Node.embed("v", "some text"))
    first, _ = perform(builder.build(), path)
    monkeypatch.delattr(Streaming, "embed")
    again, _ = perform(builder.build(), gb.Cassette(path, "none"))
    assert again.outputs == first.outputs


# ---- modes


def test_once_records_what_is_not_there_and_then_only_plays(path):
    perform(flow(), gb.Cassette(path, "once"))
    calls = Streaming.calls
    again, _ = perform(flow(), gb.Cassette(path, "once"))
    assert (again.status, Streaming.calls) == ("succeeded", calls)
    other, _ = perform(flow("hills"), gb.Cassette(path, "once"))
    assert other.errors["a"].type == "NotRecordedError"
    assert Streaming.calls == calls


def test_new_episodes_asks_and_records_only_what_is_new(recorded, path):
    calls = Streaming.calls
    perform(flow("hills"), gb.Cassette(path, "new_episodes"))
    assert Streaming.calls == calls + 2  # a, and longer, which reads it
    perform(flow("hills"), gb.Cassette(path, "none"))
    perform(flow("sea"), gb.Cassette(path, "none"))


def test_all_begins_the_file_anew(recorded, path):
    calls = Streaming.calls
    Streaming.failed = 0
    perform(flow("hills"), gb.Cassette(path, "all"))
    assert Streaming.calls == 2 * calls
    other, _ = perform(flow("sea"), gb.Cassette(path, "none"))
    assert other.status == "failed"


def test_none_says_what_is_nearest_and_what_differs(recorded, path):
    result, _ = perform(flow("hills"), gb.Cassette(path, "none"))
    told = result.errors["a"].message
    assert "a: this call is not recorded on lesson.cassette.jsonl" in told
    assert "of a; it differs in: message 1 (user): About the sea before, About the hills now" in told
    assert "mode='new_episodes'" in told


def test_an_unrecorded_call_is_not_tried_again(recorded, path):
    _, seen = perform(flow("hills"), gb.Cassette(path, "none"))
    assert [one[1] for one in seen if one[0] == "retry.scheduled"] == ["flaky"]  # which was recorded


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "al"}, "mode='al'; did you mean 'all'"),
        ({"speed": 0}, "speed=0: give a number above 0"),
        ({"speed": "fast"}, "speed='fast': give a number"),
    ],
)
def test_slips_are_refused(path, arguments, message):
    with pytest.raises(gb.UsageError, match=message):
        gb.Cassette(path, **arguments)
    with pytest.raises(gb.UsageError, match="cassette=3: give the path"):
        gb.WorkflowExecutor(cassette=3)


def test_what_is_to_be_played_has_to_be_there(path):
    with pytest.raises(gb.StorageError, match=r"there is no cassette .*record it first"):
        gb.Cassette(path, "none")


# ---- the file


def test_the_file_is_readable_line_by_line(recorded, path):
    head, *lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert (head["format"], head["version"]) == ("graphbit-cassette", 1)
    assert [line["node"] for line in lines] == ["a", "flaky", "longer"]
    assert lines[0]["response"]["f"]["text"] == "answer to About the sea"
    assert lines[0]["told"][:2] == [["token", 0.35, "answer "], ["token", 0.45, "to "]]
    assert lines[1]["told"][0][0] == "retry"
    assert list(lines[0]) == ["node", "response", "request", "told", "client"]


def test_no_key_is_in_the_file_and_a_prompt_with_one_is_still_found(path, caplog):
    key = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"
    builder = gb.WorkflowBuilder("flow")
    builder.add_node(gb.Node.prompt("a", f"my key is {key}"))
    builder.add_node(gb.Node.prompt("broken", "x"))
    perform(builder.build(), path)
    assert b"sk-" not in path.read_bytes()
    assert "what looks like a key was taken out" in caplog.text
    again, _ = perform(builder.build(), gb.Cassette(path, "none"))
    assert again.nodes["a"].state == "succeeded"
    assert "[redacted]" in again.outputs["a"]


def test_an_answer_may_be_changed_by_hand(recorded, path):
    text = path.read_text().replace("answer to About the sea", "my own words", 1)
    path.write_text(text)
    again, _ = perform(flow(), gb.Cassette(path, "none"))
    assert again.outputs["a"] == "my own words"
    assert again.errors["longer"].type == "NotRecordedError"  # whose prompt is another one now


def test_a_last_line_that_was_cut_off_is_left_out_and_written_after(recorded, path, caplog):
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    cassette = gb.Cassette(path, "new_episodes")
    assert len(cassette.recordings) == 2
    assert "its last line is cut off" in caplog.text


def test_two_runs_at_the_same_time_share_a_cassette(path):
    cassette = gb.Cassette(path, "new_episodes")

    async def both():
        executors = [
            gb.WorkflowExecutor(CONFIG, cassette=cassette, storage="memory", cache="disable") for _ in range(2)
        ]
        flows = [flow("sea"), flow("hills")]
        return await asyncio.gather(*(e.run(w, loop="current") for e, w in zip(executors, flows, strict=True)))

    Streaming.failed = 1
    run_in_virtual_time(both())
    assert len(gb.Cassette(path, "none").recordings) == 6


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"notes\n", "is no cassette: its first line does not say so"),
        (b"{}\n", "is no cassette"),
        (b'{"format": "graphbit-cassette", "version": 9, "made_by": "graphbit_nb 7"}\n', "newer graphbit_nb"),
        (b'{"format": "graphbit-cassette", "version": 1}\n{"request": 3}\n{}\n', "line 2: this is no record of a call"),
        (b'{"format": "graphbit-cassette", "version": 1}\n\xff\n{}\n', "line 2: "),
        (b'{"format": "graphbit-cassette", "version": 1}\n' + b"[" * 9000 + b"\n\n", "line 2: "),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_line(path, content, message):
    path.write_bytes(content)
    with pytest.raises(gb.StorageError, match=message):
        gb.Cassette(path, "none")
    assert path.read_bytes() == content


def test_what_cannot_be_written_does_not_stop_the_run(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    result, _ = perform(flow(), gb.Cassette(tmp_path / "file" / "x.jsonl"))
    assert result.is_success()
    assert "is not recorded on" in caplog.text


def test_a_summary_says_what_is_on_it(recorded, path):
    assert gb.Cassette(path).summary().splitlines() == [
        "lesson.cassette.jsonl: 3 calls", "  a: 1", "  flaky: 1", "  longer: 1",
    ]  # fmt: skip


# ---- with what is remembered


def test_an_answer_from_the_cache_is_recorded_as_it_came_when_it_was_asked(path):
    def go(cassette):
        executor = gb.WorkflowExecutor(CONFIG, retry=POLICY, cassette=cassette)
        return executor.execute(flow(), views=(lambda event: None,))

    go(None)
    calls = Streaming.calls
    go(gb.Cassette(path))
    assert Streaming.calls == calls
    again, seen = perform(flow(), gb.Cassette(path, "none", speed=1))
    assert again.nodes["a"].usage.input_tokens == 3
    assert [text for kind, node, text, _ in seen if kind == "llm.token" and node == "a"]


# ---- spoilt files


def test_spoilt_cassettes_give_our_errors_alone(recorded, path):
    import random

    chance = random.Random(3)
    whole = path.read_bytes()
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(chance.choice([1, 3])):
            at = chance.randrange(len(content))
            how = chance.randrange(3)
            if how == 0:
                content[at] ^= 1 << chance.randrange(8)
            elif how == 1:
                del content[at : at + chance.choice([1, 50])]
            else:
                content[at:at] = chance.choice([b"{", b'"', b"null", b"9" * 50, b'{"~": "data", "c": "os:system"}'])
        path.write_bytes(content)
        try:
            cassette = gb.Cassette(path, "none")
            perform(flow(), cassette)
        except gb.GraphbitError:
            pass
