"""One file, many threads and processes: what is committed is there, and what is not ours is left alone."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading

import pytest

from graphbit_nb.errors import StorageError
from graphbit_nb.storage import connections
from graphbit_nb.storage.database import Database
from graphbit_nb.storage.schema import APPLICATION_ID, VERSION


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "graphbit.db"


@pytest.fixture
def database(path):
    found = Database(path, patience=0.2)
    yield found
    found.close()


def add(number):
    return lambda connection: connection.execute(
        "INSERT INTO events (run, seq, kind, time) VALUES (0, ?, 'x', 0)", (number,)
    )


def numbers(database):
    return [row["seq"] for row in database.query("SELECT seq FROM events ORDER BY seq")]


# ---- writing and reading


def test_the_file_and_its_directory_are_made_for_their_owner_alone(database, path):
    database.check()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert database.query("PRAGMA application_id")[0][0] == APPLICATION_ID
    assert database.query("PRAGMA user_version")[0][0] == VERSION
    assert database.query("PRAGMA journal_mode")[0][0] == "wal"


def test_a_write_is_committed_before_it_is_told_to_be(database, path):
    seen = []

    def done(error):
        other = sqlite3.connect(path)
        seen.append((error, other.execute("SELECT count(*) FROM events").fetchone()[0]))
        other.close()

    database.write(add(1), done)
    database.flush()
    assert seen == [(None, 1)]


def test_writes_are_done_in_the_order_given(database):
    order = []
    for number in range(500):
        database.write(add(number), lambda _, number=number: order.append(number))
    database.flush()
    assert order == numbers(database) == list(range(500))


def test_what_waits_is_one_transaction(database):
    has_begun, is_free = threading.Event(), threading.Event()
    commits = []
    database.write(lambda c: (c.set_trace_callback(commits.append), has_begun.set(), is_free.wait(5)))
    has_begun.wait(5)
    for number in range(100):
        database.write(add(number))
    is_free.set()
    database.flush()
    assert [line for line in commits if line.startswith(("BEGIN", "COMMIT"))] == ["COMMIT", "BEGIN IMMEDIATE", "COMMIT"]


def test_a_job_that_fails_takes_nothing_along(database):
    is_free = threading.Event()
    told = {}

    def bad(connection):
        add(3)(connection)
        raise ValueError("bad")

    database.write(lambda _: is_free.wait(5))
    for name, job in (("first", add(1)), ("bad", bad), ("last", add(2))):
        database.write(job, lambda error, name=name: told.update({name: error}))
    is_free.set()
    database.flush()
    assert numbers(database) == [1, 2]
    assert told["first"] is told["last"] is None
    assert isinstance(told["bad"], ValueError)


def test_a_statement_that_is_wrong_is_told_in_plain_words(database):
    with pytest.raises(StorageError, match="no such table: nowhere"):
        database.change(lambda connection: connection.execute("INSERT INTO nowhere VALUES (1)"))
    database.change(add(1))
    assert numbers(database) == [1]


def test_a_change_returns_what_its_job_gave(database):
    assert database.change(lambda connection: add(7)(connection).rowcount) == 1


def test_a_question_is_answered_on_the_reading_thread(database):
    database.change(add(1))
    found = database.read(lambda connection: (threading.current_thread().name, connection.execute(
        "SELECT count(*) FROM events").fetchone()[0]))  # fmt: skip
    assert found.result(5) == ("graphbit-reader", 1)


def test_readers_cannot_write(database):
    with pytest.raises(StorageError):
        database.query("DELETE FROM events")
    with pytest.raises(StorageError):
        database.read(lambda connection: connection.execute("DELETE FROM events")).result(5)


def test_closing_writes_what_waits(database, path):
    for number in range(50):
        database.write(add(number))
    database.close()
    database.close()
    assert len(numbers(Database(path))) == 50
    with pytest.raises(StorageError, match="was closed"):
        database.query("SELECT 1")
    with pytest.raises(StorageError, match="was closed"):
        database.write(add(1))


def test_a_file_that_is_moved_away_is_made_anew(database, path, tmp_path):
    database.change(add(1))
    path.rename(tmp_path / "away.db")
    for beside in path.parent.glob("graphbit.db-*"):
        beside.unlink()
    database.change(add(2))
    other = Database(path)
    assert numbers(other) == [2]
    other.close()


# ---- other threads and processes


def test_many_threads_may_write(database):
    def work(start):
        for number in range(start, start + 100):
            database.change(add(number))

    threads = [threading.Thread(target=work, args=(1000 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(numbers(database)) == 400


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_writes_with_a_connection_of_its_own(database):
    database.change(add(1))
    child = os.fork()
    if child == 0:
        try:
            database.change(add(2))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    database.change(add(3))
    assert numbers(database) == [1, 2, 3]


def test_a_lock_of_another_process_is_waited_for(path):
    database = Database(path, patience=30)
    database.check()
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    told = []
    database.write(add(1), told.append)
    release = threading.Timer(0.2, lambda: other.execute("COMMIT"))
    release.start()
    database.flush()
    assert told == [None]
    other.close()
    database.close()


def test_a_lock_that_stays_is_told(database, path):
    database.check()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match=r"was locked by another program for more than 0\.2 s; end that program"):
        database.change(add(1))
    other.execute("COMMIT")
    other.close()
    database.change(add(2))
    assert numbers(database) == [2]


WRITER = """
import sys
from pathlib import Path
from graphbit_nb.storage.database import Database
database = Database(Path(sys.argv[1]))
start = int(sys.argv[2])
failed = []
for number in range(start, start + 300):
    database.write(lambda c, n=number: c.execute(
        "INSERT INTO events (run, seq, kind, time) VALUES (0, ?, 'x', 0)", (n,)), lambda e: e and failed.append(e))
    if number % 3 == 0:
        database.flush()
database.close()
print(failed)
"""


def test_processes_that_begin_at_once_make_one_file_and_lose_nothing(path):
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(1000 * n)], stdout=subprocess.PIPE, text=True)
        for n in range(3)
    ]
    assert [writer.communicate(timeout=60)[0].strip() for writer in writers] == ["[]"] * 3
    database = Database(path)
    assert len(numbers(database)) == 900
    assert database.query("PRAGMA integrity_check")[0][0] == "ok"
    database.close()


VISITOR = """
import sqlite3, sys
from pathlib import Path
from graphbit_nb.storage.database import Database
visitor = Database(Path(sys.argv[1]))
visitor.change(lambda c: c.execute("INSERT INTO events (run, seq, kind, time) VALUES (0, 100, 'x', 0)"))
visitor.close()
"""


def test_opening_it_to_read_gives_no_lock_up_so_that_a_visitor_leaves_the_log_alone(path):
    database = Database(path)
    database.change(add(1))
    assert numbers(database) == [1]
    subprocess.run([sys.executable, "-c", VISITOR, str(path)], check=True, timeout=60)
    assert path.with_name("graphbit.db-wal").exists()
    database.change(add(2))
    looker = sqlite3.connect(path)
    assert [row[0] for row in looker.execute("SELECT seq FROM events ORDER BY seq")] == [1, 2, 100]
    looker.close()
    database.close()


# ---- files that are not ours, or not whole


def refused(path, match):
    before = path.read_bytes()
    database = Database(path)
    with pytest.raises(StorageError, match=match):
        database.check()
    with pytest.raises(StorageError, match=match):
        database.query("SELECT 1")
    database.close()
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path):
    path = tmp_path / "graphbit.db"
    path.write_text("my notes, which are precious\n" * 100)
    refused(path, "no database of graphbit_nb; move it away")


def test_the_database_of_another_program_is_refused_and_kept(tmp_path):
    path = tmp_path / "graphbit.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE mine (x)")
    other.commit()
    other.close()
    refused(path, "the database of another program")


def test_a_newer_schema_is_refused(tmp_path):
    path = tmp_path / "graphbit.db"
    Database(path).check()
    other = sqlite3.connect(path)
    other.execute(f"PRAGMA user_version = {VERSION + 1}")
    other.close()
    refused(path, "newer graphbit_nb")


def test_a_file_that_was_cut_off_is_refused(tmp_path):
    path = tmp_path / "graphbit.db"
    database = Database(path)
    database.check()
    database.close()
    path.write_bytes(path.read_bytes()[:5000])
    refused(path, "cut off: 5,000 of")


def test_a_directory_in_its_place_is_refused(tmp_path):
    (tmp_path / "graphbit.db").mkdir()
    with pytest.raises(StorageError, match="cannot be opened"):
        Database(tmp_path / "graphbit.db").check()


def test_a_directory_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"cannot be opened: .*GRAPHBIT_HOME"):
        Database(tmp_path / "file" / "graphbit.db").check()


# ---- versions


def test_an_older_file_is_brought_up_to_date(path, monkeypatch):
    database = Database(path)
    database.change(add(1))
    database.close()
    monkeypatch.setattr(
        connections, "MIGRATIONS", (*connections.MIGRATIONS, ("ALTER TABLE runs ADD COLUMN mood TEXT",))
    )
    monkeypatch.setattr(connections, "VERSION", VERSION + 1)
    database = Database(path)
    database.check()
    assert database.query("PRAGMA user_version")[0][0] == VERSION + 1
    assert database.query("SELECT mood FROM runs") == []
    assert numbers(database) == [1]
    database.close()


def test_a_migration_that_fails_leaves_the_file_as_it_was(path, monkeypatch):
    database = Database(path)
    database.change(add(1))
    database.close()
    steps = ("ALTER TABLE runs ADD COLUMN mood TEXT", "CREATE TABLE runs (x)")
    monkeypatch.setattr(connections, "MIGRATIONS", (*connections.MIGRATIONS, steps))
    monkeypatch.setattr(connections, "VERSION", VERSION + 1)
    with pytest.raises(StorageError, match="table runs already exists"):
        Database(path).check()
    monkeypatch.undo()
    database = Database(path)
    assert numbers(database) == [1]
    assert not [row for row in database.query("PRAGMA table_info(runs)") if row["name"] == "mood"]
    database.close()
