"""A process that is killed loses nothing that it has shown, and a disk that fails spoils nothing."""

import random
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from killing import NODES, kill_and_go_on
from simulation import Simulation, python

import graphbit_nb as gb
from graphbit_nb.storage.database import Database
from graphbit_nb.storage.recorder import RunHead, RunRecorder
from graphbit_nb.storage.runs import RunStore

chance = random.Random(5)


@pytest.mark.parametrize("count", [0, *(chance.randrange(NODES) for _ in range(4))])
def test_after_a_kill_only_what_was_in_flight_is_asked_again(tmp_path, count):
    outcome = kill_and_go_on(tmp_path, count, chance.uniform(0, 0.02))
    assert outcome.is_right, outcome


@contextmanager
def small_disk(size="1m"):
    with tempfile.TemporaryDirectory() as where:
        mounted = subprocess.run(
            ["/bin/mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", where], check=False, capture_output=True
        )
        if mounted.returncode:
            pytest.skip(f"no small disk can be made here: {mounted.stderr.decode().strip()}")
        try:
            yield Path(where)
        finally:
            subprocess.run(["/bin/umount", "-l", where], check=True)


def sound(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchone()[0]


def test_a_full_disk_is_told_and_the_run_goes_on_in_memory(monkeypatch):
    builder = gb.WorkflowBuilder("large")
    for number in range(40):
        after = [f"n{number - 1}"] if number else []
        builder.add_node(gb.Node.prompt(f"n{number}", "Say much.", after=after))
    script = gb.LlmConfig.scripted({"*": lambda _: random.Random(7).randbytes(60_000).hex()})
    with small_disk() as disk:
        monkeypatch.setenv("GRAPHBIT_HOME", str(disk))
        result = gb.WorkflowExecutor(script, cache="disable").execute(builder.build())
        assert result.is_success()
        assert len(result.outputs) == 40
        assert "the disk is full; free some space" in result.snapshot.unkept
        kept = gb.get_run()
        done = [name for name, node in kept.nodes.items() if node.state.has_output]
        assert 0 < len(done) < 40
        assert all(kept.outputs[name] == result.outputs[name] for name in done)
        gb.shutdown()
        assert sound(disk / "graphbit.db") == "ok"


def test_a_lock_that_stays_is_told_and_the_run_goes_on_in_memory(tmp_path):
    path = tmp_path / "graphbit.db"
    database = Database(path, patience=0.2)
    other = sqlite3.connect(path, isolation_level=None)
    told, seen = [], []

    async def lock():
        database.flush()
        other.execute("BEGIN IMMEDIATE")

    head = RunHead(run_id="r1", workflow="simulated")
    run = Simulation(
        python("a", seconds=1), gb.Node.python("lock", lock, after="a"), python("b", seconds=1, after="lock"),
        recorder=RunRecorder(database, head, told.append), run_id="r1", views=(seen.append,),
    )  # fmt: skip
    assert (run.status, seen) == ("succeeded", run.events)
    assert [text.partition("; ")[2] for text in told] == ["end that program"]
    other.execute("COMMIT")
    other.close()
    assert RunStore(database).load("r1").snapshot.nodes["a"].output == "a"
    database.close()
    assert sound(path) == "ok"


RUNS = """
import sys
import graphbit_nb as gb
builder = gb.WorkflowBuilder("w" + sys.argv[1])
for number in range(20):
    builder.add_node(gb.Node.python(f"n{number}", lambda n=number: n, after=[f"n{number - 2}"] if number > 1 else []))
workflow = builder.build()
executor = gb.WorkflowExecutor(cache="disable")
wrong = []
for _ in range(int(sys.argv[2])):
    result = executor.execute(workflow)
    if not result.is_success() or result.snapshot.unkept:
        wrong.append(result.snapshot.unkept)
gb.shutdown()
print(wrong)
"""


def test_two_processes_run_against_one_file_and_lose_nothing(home):
    both = [
        subprocess.Popen(
            [sys.executable, "-c", RUNS, name, "25"], env={"GRAPHBIT_HOME": str(home)}, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )
        for name in "ab"
    ]  # fmt: skip
    assert [process.communicate(timeout=120) for process in both] == [("[]\n", "")] * 2
    for name in "ab":
        runs = gb.runs(f"w{name}", limit=None)
        assert len(runs) == 25
        assert {info.done for info in runs} == {20}
        assert all(len(gb.get_run(info.run_id).outputs) == 20 for info in runs[:5])
    gb.shutdown()
    assert sound(home / "graphbit.db") == "ok"
