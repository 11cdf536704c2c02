"""Runs that are kept on disk: listed, looked at again, gone on with in another process, forked, compared."""

import datetime as dt
import json
import subprocess
import sys

import pytest

import graphbit_nb as gb
from graphbit_nb.session.history import moment, unfinished_runs


def outline(topic):
    return f"points about {topic}"


def draft(outline):
    return f"draft of {outline}"


def size(draft):
    return len(draft)


def other_size(draft):
    return 2 * len(draft)


def notes(last=size, first=outline):
    builder = gb.WorkflowBuilder("notes")
    builder.add_node(gb.Node.python("outline", first))
    builder.add_node(gb.Node.python("draft", draft))
    builder.add_node(gb.Node.python("size", last))
    return builder.build()


@pytest.fixture
def executor():
    return gb.WorkflowExecutor(cache="disable")


def began(executor, run):
    """Return the nodes that this run began."""
    seen = []
    result = run(views=(lambda event: seen.append(event.node) if event.kind == "node.started" else None,))
    return seen, result


# ---- listed


def test_a_run_is_kept_with_its_tags(executor):
    result = executor.execute(notes(), {"topic": "sea"}, tags=["first", "sea"])
    (info,) = gb.runs()
    assert (info.run_id, info.workflow, info.tags) == (result.run_id, "notes", ("first", "sea"))
    assert (info.done, info.total, info.failed) == (3, 3, 0)


def test_runs_are_found_by_workflow_state_time_and_tag(executor):
    executor.execute(notes(), {"topic": "sea"}, tags="wet")
    executor.execute(notes(last=lambda draft: 1 / 0), {"topic": "air"})
    assert len(gb.runs("notes")) == len(gb.runs(notes())) == 2
    assert [info.tags for info in gb.runs(tag="wet")] == [("wet",)]
    assert len(gb.runs(node="size", state="failed")) == len(gb.runs(status="failed")) == 1
    assert len(gb.runs(since="1h")) == 2
    assert gb.runs(until="1h") == ()
    assert len(gb.runs(limit=1)) == 1


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"state": "fialed"}, "state='fialed'; did you mean 'failed'"),
        ({"status": "done"}, "status='done'"),
        ({"since": "yesterday"}, "since: give an age such as '3h'"),
        ({"limit": 0}, "limit=0: give a whole number above 0"),
        ({"tag": 3}, "tag=3: give a word"),
    ],
)
def test_a_slip_in_the_question_is_told(asked, message):
    with pytest.raises(gb.UsageError, match=message):
        gb.runs(**asked)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("90s", 910.0), ("2m", 880.0), ("1h", -2600.0), ("1D", -85400.0), (12.5, 12.5), (None, None),
        (dt.timedelta(seconds=10), 990.0), (dt.datetime(1970, 1, 1, 0, 1, tzinfo=dt.UTC), 60.0),
        ("1970-01-01T00:00:30+00:00", 30.0),
    ],
)  # fmt: skip
def test_times_are_ages_or_dates(told, found):
    assert moment("since", told, now=1000.0) == found


def test_a_list_of_runs_is_a_table(executor):
    result = executor.execute(notes(), {"topic": "sea"})
    frame = gb.runs().to_frame()
    assert list(frame["run"]) == [result.run_id]
    assert repr(gb.runs()) == f"{result.run_id}  notes  succeeded  3/3"
    assert repr(gb.runs("none")) == "no runs"


def test_a_run_in_memory_is_not_listed():
    gb.WorkflowExecutor(storage="memory").execute(notes(), {"topic": "sea"})
    assert gb.runs() == ()


# ---- looked at again


def test_a_kept_run_has_the_outputs_and_the_workflow_that_it_had(executor):
    before = executor.execute(notes(), {"topic": "sea"})
    again = gb.get_run()
    assert (again.outputs, again.inputs, again.status) == (before.outputs, {"topic": "sea"}, "succeeded")
    assert list(again.workflow.nodes) == ["outline", "draft", "size"]
    assert again.snapshot == before.snapshot
    assert list(again.to_frame()["kind"]) == ["python"] * 3


def test_it_is_only_an_outline(executor):
    executor.execute(notes(), {"topic": "sea"})
    with pytest.raises(gb.UsageError, match="only the outline of 'notes'"):
        executor.execute(gb.get_run().workflow, {"topic": "sea"})
    with pytest.raises(gb.GraphbitError, match="trust=True"):
        gb.kept_workflow()
    assert executor.execute(gb.kept_workflow(trust=True), {"topic": "sky"}).outputs["outline"] == "points about sky"


def test_two_runs_are_compared(executor):
    first = executor.execute(notes(), {"topic": "sea"})
    second = executor.execute(notes(), {"topic": "air and sea"})
    found = gb.compare(first.run_id, second)
    assert [pair.name for pair in found.changed] == ["outline", "draft", "size"]
    assert found.inputs == {"topic": ("sea", "air and sea")}


def test_runs_are_tagged_and_thrown_away(executor):
    first = executor.execute(notes(), {"topic": "sea"})
    assert gb.tag_run(first.run_id, "good") == ("good",)
    executor.execute(notes(), {"topic": "air"})
    assert gb.prune_runs(keep=1) == 1
    assert gb.runs(tag="good") == ()
    gb.delete_run("last")
    assert gb.runs() == ()
    with pytest.raises(gb.UsageError, match="say which runs"):
        gb.prune_runs()


# ---- gone on with


def test_a_failed_run_is_gone_on_with_by_its_id(executor):
    failed = executor.execute(notes(last=lambda draft: 1 / 0), {"topic": "sea"})
    seen, result = began(
        executor, lambda **more: executor.resume(failed.run_id, workflow=notes(), **more)
    )  # fmt: skip
    assert (seen, result.outputs["size"]) == (["size"], 25)
    assert result.run_id == failed.run_id
    assert gb.runs()[0].status == "succeeded"


def test_without_the_workflow_its_code_has_to_be_trusted(executor):
    executor.execute(notes(last=lambda draft: 1 / 0), {"topic": "sea"})
    with pytest.raises(gb.GraphbitError, match="trust=True"):
        executor.resume("last")


def test_a_kept_run_that_succeeded_is_not_gone_on_with(executor):
    executor.execute(notes(), {"topic": "sea"})
    with pytest.raises(gb.UsageError, match="has succeeded"):
        executor.resume("last", workflow=notes())


def test_a_result_has_its_own_workflow(executor):
    failed = executor.execute(notes(last=lambda draft: 1 / 0), {"topic": "sea"})
    with pytest.raises(gb.UsageError, match="a result has its own workflow"):
        executor.resume(failed, workflow=notes())


CHILD = """
import os, signal, sys
import graphbit_nb as gb

def stop(draft):
    os.kill(os.getpid(), signal.SIGKILL)

builder = gb.WorkflowBuilder("notes")
builder.add_node(gb.Node.prompt("outline", "Points about {{ topic }}."))
builder.add_node(gb.Node.human("sure", "Is {{ outline }} right?"))
builder.add_node(gb.Node.prompt("each", "{{ x }}", for_each="x in [1, 2, 3]"))
builder.add_node(gb.Node.prompt("draft", "Write {{ outline }}, {{ each }}"))
builder.add_node(gb.Node.python("size", stop))
workflow = builder.build()
def scripted(request):
    print(request.node, flush=True)
    return f"<{request.node}>"
executor = gb.WorkflowExecutor(gb.LlmConfig.scripted({"*": scripted}))
"""


def child(program, home):
    return subprocess.run(
        [sys.executable, "-c", CHILD + program],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={"GRAPHBIT_HOME": str(home)},
    )


def test_after_the_process_was_killed_only_what_is_left_is_done(home):
    killed = child("executor.execute(workflow, {'topic': 'sea'})", home)
    assert killed.returncode == -9
    assert sorted(killed.stdout.split()) == ["draft", "each[0]", "each[1]", "each[2]", "outline"]
    assert [info.is_dead for info in gb.runs(status="unfinished")] == [True]
    assert unfinished_runs()[0].workflow == "notes"
    resumed = child(
        "builder = gb.WorkflowBuilder('notes')\n"
        "for node in workflow.nodes.values():\n"
        "    builder.add_node(gb.Node.python('size', lambda draft: len(draft)) if node.name == 'size' else node)\n"
        "result = executor.resume('last', workflow=builder.build())\n"
        "print(result.status, result.nodes['sure'].state.value)\n"
        "result = executor.resume('last', workflow=builder.build(), answers={'sure': 'yes'})\n"
        "print(result.outputs)",
        home,
    )
    assert resumed.stdout.split("\n")[0] == "waiting waiting"
    outputs = eval(resumed.stdout.split("\n")[1])  # noqa: S307 (a dict of texts that we wrote)
    assert outputs == {
        "outline": "<outline>", "sure": "yes", "each": ["<each[0]>", "<each[1]>", "<each[2]>"], "draft": "<draft>",
        "size": 7,
    }  # fmt: skip
    assert gb.runs()[0].status == "succeeded"


def test_a_run_that_goes_on_elsewhere_is_left_alone(home):
    slow = subprocess.Popen(
        [sys.executable, "-c", SLOW], stdout=subprocess.PIPE, text=True, env={"GRAPHBIT_HOME": str(home)}
    )
    with slow:
        assert slow.stdout.readline() == "begun\n"
        with pytest.raises(gb.UsageError, match=f"goes on in process {slow.pid}; cancel it first"):
            gb.WorkflowExecutor().resume("last", workflow=notes())
        slow.kill()


SLOW = """
import time
import graphbit_nb as gb
builder = gb.WorkflowBuilder("slow")
builder.add_node(gb.Node.python("a", lambda: time.sleep(60)))
handle = gb.WorkflowExecutor().start(builder.build(), views=[
    lambda event: print("begun", flush=True) if event.kind == "node.started" else None])
handle.result()
"""


# ---- forked


def test_a_fork_runs_only_what_depends_on_the_edit(executor):
    first = executor.execute(notes(), {"topic": "sea"})
    seen, result = began(executor, lambda **more: executor.fork(first, {"draft": "mine"}, **more))
    assert (seen, result.outputs) == (["size"], {"outline": "points about sea", "draft": "mine", "size": 4})
    (info, parent) = gb.runs()
    assert (info.parent, parent.run_id) == (first.run_id, first.run_id)
    assert first.outputs["draft"] == "draft of points about sea"


def test_a_kept_run_is_forked_with_the_workflow_of_now(executor):
    executor.execute(notes(), {"topic": "sea"})
    seen, result = began(executor, lambda **more: executor.fork("last", workflow=notes(other_size), **more))
    assert (seen, result.outputs["size"]) == (["size"], 50)


def test_a_fork_with_another_input_runs_what_reads_it(executor):
    executor.execute(notes(), {"topic": "sea"})
    seen, result = began(
        executor, lambda **more: executor.fork("last", workflow=notes(), inputs={"topic": "x"}, **more)
    )
    assert seen == ["outline", "draft", "size"]
    assert result.outputs["size"] == len("draft of points about x")


def test_a_fork_may_say_what_is_run_again(executor):
    first = executor.execute(notes(), {"topic": "sea"})
    seen, _ = began(executor, lambda **more: executor.fork(first, again=["draft"], **more))
    assert seen == ["draft", "size"]


def test_a_slip_in_a_fork_is_told(executor):
    first = executor.execute(notes(), {"topic": "sea"})
    with pytest.raises(gb.UsageError, match="no node 'draff' in notes; did you mean 'draft'"):
        executor.fork(first, {"draff": "x"})
    with pytest.raises(gb.UsageError, match="no run 'nothing'"):
        executor.fork("nothing")


# ---- a home that cannot be used


def test_without_a_usable_home_the_run_goes_on_in_memory_and_says_so(tmp_path, monkeypatch, executor, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GRAPHBIT_HOME", str(tmp_path / "file"))
    result = executor.execute(notes(), {"topic": "sea"})
    assert result.is_success()
    assert "cannot be used to keep runs" in result.snapshot.unkept
    executor.execute(notes(), {"topic": "sea"})
    assert caplog.text.count("cannot be used to keep runs") == 1
    with pytest.raises(gb.StorageError, match="cannot be used to keep runs"):
        gb.runs()


def test_a_file_that_is_no_database_is_left_alone(home, executor):
    home.mkdir()
    (home / "graphbit.db").write_text("precious" * 100)
    result = executor.execute(notes(), {"topic": "sea"})
    assert result.is_success()
    assert "no database of graphbit_nb" in result.snapshot.unkept
    assert (home / "graphbit.db").read_text() == "precious" * 100


def test_what_is_kept_is_readable_by_other_programs(home, executor):
    executor.execute(notes(), {"topic": "sea"})
    gb.shutdown()
    import sqlite3

    connection = sqlite3.connect(home / "graphbit.db")
    (data,) = connection.execute("SELECT data FROM events WHERE kind = 'node.succeeded' AND node = 'size'").fetchone()
    connection.close()
    assert json.loads(data) == {"output": 25}
