"""Runs as they are kept: equal to what was run, found again, gone on with, thrown away."""

import asyncio
import dataclasses
import json
import threading
from types import SimpleNamespace

import pytest
from simulation import Model, Simulation, function, python, raises, workflow

import graphbit_nb as gb
from graphbit_nb.core.states import RunStatus
from graphbit_nb.errors import StorageError, UsageError
from graphbit_nb.storage.database import Database
from graphbit_nb.storage.recorder import RunHead, RunRecorder, node_kinds
from graphbit_nb.storage.runs import RunStore

POLICY = gb.RetryPolicy(max_attempts=3, base_delay=1, jitter=0)


@pytest.fixture
def database(tmp_path):
    found = Database(tmp_path / "graphbit.db", patience=0.2)
    yield found
    found.close()


@pytest.fixture
def store(database):
    return RunStore(database)


@pytest.fixture
def keep(database):
    """Run nodes and keep the run; `at` is when it begins, for a list in order of time."""

    def run(*nodes, run_id="r1", tags=(), resumes=None, snapshot=None, name="simulated", definition="", **options):
        plan = resumes.workflow if resumes else workflow(*nodes, name=name)
        head = RunHead(
            run_id=run_id, workflow=name, kinds=node_kinds(plan), tags=tuple(tags), definition=definition, format="x",
            snapshot=snapshot,
        )  # fmt: skip
        told = []
        recorder = RunRecorder(database, head, told.append)
        resumes = resumes and SimpleNamespace(workflow=plan, snapshot=snapshot)
        found = Simulation(*nodes, resumes=resumes, recorder=recorder, run_id=run_id, **options)
        found.told_trouble = told
        return found

    return run


def everything():
    failures = []

    async def flaky():
        if not failures:
            failures.append(1)
            raise ValueError("again")
        return "left"

    loop = workflow(function("n", lambda iteration: iteration))
    return [
        gb.Node.condition("route", "left"),
        gb.Node.python("left", flaky, when="route=left", retry=POLICY),
        python("right", when="route=right"),
        function("each", lambda x: {"x": x, "s": {x}}, for_each="x in [1, 2, 3]"),
        gb.Node.workflow("again", loop, repeat_until="n >= 3", max_iterations=5, returns="n"),
        gb.Node.human("ask", "{{ left }}?", join="any"),
        gb.Node.prompt("p", "Say {{ left }}", fallback="nothing"),
        python("bad", raises(ValueError("no"))),
        python("after", after="bad"),
    ]


def run_everything(keep):
    return keep(*everything(), client=Model("hello"), answers={"ask": "yes"})


# ---- as it was


def test_a_kept_run_is_equal_to_what_was_run(keep, store):
    run = run_everything(keep)
    assert store.load("r1").snapshot == run.snapshot


def test_its_events_are_those_that_were_told(keep, store):
    run = run_everything(keep)
    assert store.events("r1") == run.events


def test_the_list_says_what_became_of_it(keep, store):
    run = run_everything(keep)
    info = store.find()[0]
    assert (info.run_id, info.workflow, info.status) == ("r1", "simulated", RunStatus.FAILED)
    assert (info.total, info.done, info.failed) == (run.snapshot.total, run.snapshot.done, 1)
    assert info.tokens == run.snapshot.usage.total_tokens == 2
    assert info.elapsed == run.snapshot.elapsed
    assert not info.is_dead


def test_nodes_and_calls_have_rows_of_their_own(keep, database):
    run_everything(keep)
    rows = {row["path"]: dict(row) for row in database.query("SELECT * FROM nodes")}
    assert rows["bad"]["state"] == "failed"
    assert (rows["bad"]["error_type"], rows["bad"]["error"]) == ("ValueError", "no")
    assert (rows["each"]["kind"], rows["each[1]"]["kind"], rows["again#2.n"]["kind"]) == ("python", "python", "python")
    assert rows["p"]["attempts"] == 1
    calls = [dict(row) for row in database.query("SELECT * FROM attempts")]
    assert [(call["path"], call["input_tokens"], call["output_tokens"]) for call in calls] == [("p", 1, 1)]


def test_what_was_committed_is_shown_to_views_and_nothing_else_is(keep, database):
    seen = []

    def view(event):
        rows = database.query("SELECT max(seq) FROM events")
        seen.append(rows[0][0] >= event.seq)

    run = keep(*everything(), client=Model("hello"), answers={"ask": "yes"}, views=(view,))
    assert len(seen) == len(run.events)
    assert all(seen)


def test_a_value_that_the_user_changes_later_is_kept_as_it_was(keep, store):
    mine = [1]

    async def change(a):
        a.append(2)
        return len(a)

    keep(python("a", value=mine), gb.Node.python("b", change))
    assert store.load().snapshot.nodes["a"].output == [1]


# ---- found again


@pytest.fixture
def history(keep, database):
    """Four runs, a minute apart."""
    keep(python("a"), run_id="20260101-a", tags=["draft"])
    keep(python("a", raises(ValueError("no"))), run_id="20260102-b", name="other", tags=["draft", 'odd "word"'])
    keep(python("b"), run_id="20260103-c")
    keep(python("b"), run_id="20260103-d")
    for number in range(4):
        database.change(
            lambda c, n=number: c.execute("UPDATE runs SET started = ? WHERE number = ?", (60.0 * n, n + 1))
        )


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, "dcba"),
        ({"limit": 2}, "dc"),
        ({"workflow": "other"}, "b"),
        ({"workflow": "none"}, ""),
        ({"status": "failed"}, "b"),
        ({"node": "a"}, "ba"),
        ({"node": "a", "state": "failed"}, "b"),
        ({"state": "succeeded"}, "dca"),
        ({"since": 60.0, "until": 180.0}, "cb"),
        ({"tag": "draft"}, "ba"),
        ({"tag": 'odd "word"'}, "b"),
        ({"tag": "draft", "status": "succeeded"}, "a"),
        ({"tag": "dra%"}, ""),
    ],
    ids=str,
)
def test_runs_are_found_by(store, asked, found):
    assert "".join(info.run_id[-1] for info in store.find(**asked)) == found


@pytest.mark.usefixtures("history")
def test_a_run_is_named_by_its_id_or_a_beginning_of_it_or_as_the_last(store):
    assert store.load("20260102-b").info.run_id == "20260102-b"
    assert store.load("20260102").info.run_id == "20260102-b"
    assert store.load("last").info.run_id == "20260103-d"


@pytest.mark.usefixtures("history")
def test_a_name_that_is_none_or_more_than_one_is_refused(store):
    with pytest.raises(UsageError, match=r"no run '20260104-d'; did you mean '?20260103-d"):
        store.load("20260104-d")
    with pytest.raises(UsageError, match="more than one run begins with '20260103': 20260103-d, 20260103-c"):
        store.load("20260103")
    with pytest.raises(UsageError, match="is no run"):
        store.load("")


def test_without_runs_there_is_no_last(store):
    with pytest.raises(UsageError, match="no run has been kept yet"):
        store.load("last")


@pytest.mark.usefixtures("history")
def test_tags_are_added_and_taken_away(store):
    assert store.tag("20260101-a", "good", remove=["draft"]) == ("good",)
    assert [info.run_id for info in store.find(tag="good")] == ["20260101-a"]


# ---- thrown away


@pytest.mark.usefixtures("history")
def test_a_deleted_run_leaves_nothing(store, database):
    store.delete("20260102-b")
    assert len(store.find()) == 3
    for table in ("events", "nodes", "attempts"):
        assert not [row for row in database.query(f"SELECT * FROM {table}") if row["run"] == 2]  # noqa: S608


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("asked", "left"),
    [({"keep": 3}, "dcb"), ({"older_than": 61.0}, "dc"), ({"keep": 3, "older_than": 1000.0}, "dcb"), ({}, "")],
)
def test_old_runs_are_pruned(store, asked, left):
    count = store.prune(**asked)
    assert "".join(info.run_id[-1] for info in store.find()) == left
    assert count == 4 - len(left)


def test_the_definition_goes_with_its_last_run(keep, store, database):
    keep(python("a"), run_id="r1", definition="the text")
    keep(python("a"), run_id="r2", definition="the text")
    assert store.load("r1").definition == "the text"
    store.delete("r1")
    assert store.load("r2").definition == "the text"
    store.delete("r2")
    assert not database.query("SELECT 1 FROM workflows")


# ---- a run that goes on, or was cut off


def cut_off(database, *, pid=2**22 + 5):
    """Make the last run look as if its process had been killed while it worked."""
    database.change(lambda c: c.execute("DELETE FROM events WHERE kind = 'run.finished'"))
    database.change(lambda c: c.execute("UPDATE runs SET status = 'running', finished = NULL, pid = ?", (pid,)))


def test_a_run_of_a_process_that_is_gone_is_dead(keep, store, database):
    keep(python("a"))
    cut_off(database)
    assert [info.run_id for info in store.unfinished()] == ["r1"]


def test_a_run_of_this_process_is_not(keep, store, database):
    keep(python("a"))
    database.change(lambda c: c.execute("UPDATE runs SET status = 'running'"))
    assert store.unfinished() == []
    with pytest.raises(UsageError, match="r1 goes on; cancel it first"):
        store.delete("r1")
    assert store.prune() == 0


def test_another_process_that_got_the_same_number_is_not_taken_for_it(keep, store, database):
    keep(python("a"))
    database.change(lambda c: c.execute("UPDATE runs SET status = 'running', born = 'long ago'"))
    assert len(store.unfinished()) == 1


def test_a_run_on_another_machine_is_taken_to_go_on(keep, store, database):
    keep(python("a"))
    cut_off(database)
    database.change(lambda c: c.execute("UPDATE runs SET host = 'elsewhere'"))
    assert store.unfinished() == []


def test_a_run_is_gone_on_with_and_kept_as_one(keep, store):
    calls = []

    async def once():
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("first")
        return "ok"

    first = keep(python("a"), gb.Node.python("b", once, after="a"))
    stored = store.load("r1")
    second = keep(resumes=first, snapshot=stored.to_resume())
    assert second.status == "succeeded"
    loaded = store.load("r1")
    assert loaded.snapshot == second.snapshot
    assert (loaded.info.status, loaded.info.failed) == (RunStatus.SUCCEEDED, 0)
    assert [event.seq for event in store.events("r1")] == list(range(1, loaded.snapshot.seq + 1))


def test_a_run_that_went_on_elsewhere_is_kept_from_where_it_stood(keep, store, tmp_path):
    first = keep(python("a"), python("b", raises(ValueError("no"))))
    elsewhere = Database(tmp_path / "other.db")
    snapshot = store.load("r1").to_resume()
    head = RunHead(run_id="r1", workflow="simulated", snapshot=snapshot)
    kept = SimpleNamespace(workflow=first.workflow, snapshot=snapshot)
    Simulation(resumes=kept, recorder=RunRecorder(elsewhere, head))
    assert RunStore(elsewhere).load("r1").snapshot.nodes["a"].output == "a"
    elsewhere.close()


def test_the_same_id_twice_is_not_mixed_up(keep, store):
    keep(python("a"))
    again = keep(python("a", value="other"))
    assert "there is a run r1 already" in again.told_trouble[0]
    assert again.outputs == {"a": "other"}
    assert store.load("r1").snapshot.nodes["a"].output == "a"


# ---- what cannot be kept


class Connection:
    def __init__(self):
        self.lock = threading.Lock()


@dataclasses.dataclass
class Point:
    x: int


def test_a_node_whose_output_cannot_be_kept_is_done_again(keep, store):
    made = []

    async def connect():
        made.append(1)
        return Connection()

    async def read(c):
        if len(made) == 1:
            raise ValueError("down")
        return type(c).__name__

    first = keep(gb.Node.python("c", connect), python("other"), gb.Node.python("read", read))
    stored = store.load("r1")
    assert "Connection is no plain data" in stored.lost["c"]
    second = keep(resumes=first, snapshot=stored.to_resume())
    assert (second.outputs["read"], len(made)) == ("Connection", 2)
    assert "other" not in [event.node for event in second.told("node.started")]


def test_an_input_that_could_not_be_kept_has_to_be_given_anew(keep, store):
    first = keep(
        python("a", raises(ValueError("no")), after=()),
        gb.Node.python("b", on_loop_type),
        inputs={"made": Connection()},
    )
    assert first.outputs["b"] == "Connection"
    stored = store.load("r1")
    with pytest.raises(UsageError, match=r"the input 'made' could not be kept .*give it anew: inputs=\{'made': ...\}"):
        stored.to_resume()
    assert stored.to_resume({"made": 1}).inputs == {"made": 1}
    with pytest.raises(UsageError, match="had no input 'maid'; did you mean 'made'"):
        stored.to_resume({"maid": 1})


async def on_loop_type(made):
    return type(made).__name__


def test_values_of_the_users_own_classes_come_back_as_these(keep, store):
    keep(python("p", value=Point(3)))
    assert store.load().snapshot.nodes["p"].output == Point(3)


# ---- trouble on the way


def test_a_database_that_fails_is_told_once_and_the_run_goes_on(keep, database, store):
    seen = []

    async def spoil():
        database.change(lambda c: c.execute("DELETE FROM runs"))

    run = keep(
        python("a", seconds=1), gb.Node.python("b", spoil, after="a"), python("c", seconds=1, after="b"),
        python("d", after="c"),
        views=(seen.append,),
    )  # fmt: skip
    assert run.status == "succeeded"
    assert seen == run.events
    assert len(run.told_trouble) == 1
    assert "the run was deleted while it went on" in run.told_trouble[0]


def test_nothing_is_shown_and_nothing_follows_before_it_is_safe(keep, database):
    is_free = threading.Event()
    database.write(lambda _: is_free.wait(5))
    shown, seen = [], []

    async def watch(run):
        await asyncio.sleep(10)
        seen.append((run.snapshot.nodes["a"].state, run.snapshot.nodes["b"].state, len(shown)))
        is_free.set()

    run = keep(python("a", seconds=1), python("b", after="a"), script=watch, views=(shown.append,))
    assert seen == [("succeeded", "pending", 0)]
    assert (run.status, shown) == ("succeeded", run.events)


def test_what_took_no_time_is_followed_before_it_is_safe_and_shown_after(keep, database):
    is_free = threading.Event()
    database.write(lambda _: is_free.wait(5))
    shown, seen = [], []

    async def watch(run):
        await asyncio.sleep(0.5)
        seen.append((run.snapshot.nodes["b"].state, len(shown)))
        is_free.set()

    run = keep(python("a"), python("b", seconds=1, after="a"), script=watch, views=(shown.append,))
    assert seen == [("running", 0)]
    assert (run.status, shown) == ("succeeded", run.events)


# ---- damage


def test_a_damaged_event_is_told(keep, store, database):
    keep(python("a"))
    database.change(lambda c: c.execute("UPDATE events SET data = '{' WHERE kind = 'node.succeeded'"))
    with pytest.raises(StorageError, match="event 3 of the run r1 is damaged"):
        store.load("r1")


def test_a_missing_event_is_told(keep, store, database):
    keep(python("a"))
    database.change(lambda c: c.execute("DELETE FROM events WHERE kind = 'node.started'"))
    with pytest.raises(StorageError, match="does not fit"):
        store.load("r1")


def test_a_damaged_run_does_not_hide_the_others(keep, store, database, caplog):
    keep(python("a"), run_id="r1")
    keep(python("a"), run_id="r2")
    database.change(lambda c: c.execute("UPDATE runs SET status = 'lost' WHERE id = 'r2'"))
    assert [info.run_id for info in store.find()] == ["r1"]
    assert "'r2' is damaged" in caplog.text
    with pytest.raises(StorageError, match="'r2' is damaged"):
        store.load("r2")


def test_tags_that_are_damaged_are_none(keep, store, database):
    keep(python("a"), tags=["x"])
    database.change(lambda c: c.execute("UPDATE runs SET tags = ?", (json.dumps({"a": 1}),)))
    assert store.find()[0].tags == ()
    assert store.find(tag="x") == []


def test_events_that_say_only_their_node_are_one_row(keep, store, database):
    run = keep(*(python(f"n{number}", seconds=1) for number in range(50)), max_concurrency=3)
    rows = database.query("SELECT count(*) FROM events WHERE kind IN ('node.ready', 'node.started')")
    assert rows[0][0] < 50
    assert store.events("r1") == run.events
    assert store.load("r1").snapshot == run.snapshot


@pytest.mark.parametrize("data", ["[]]", "3", '[["a"]]', '[["a", "b"]]', "[[1, 2.0]]", "{}", "[[]]", '[["a", 1.0, 2]]'])
def test_a_damaged_row_of_several_events_is_told(keep, store, database, data):
    keep(*(python(f"n{number}") for number in range(9)), max_concurrency=2)
    database.change(lambda c: c.execute("UPDATE events SET data = ? WHERE kind = 'node.ready'", (data,)))
    with pytest.raises(StorageError, match=r"damaged|does not fit"):
        store.load("r1")
