# ruff: noqa: E501 (a table of values; a program in braces)
"""Spoils databases, and reads them: whatever is in them, only our own errors come of it, and no code is run.

`python -m tests.storage.spoiling 5000` does it that often.
"""

from __future__ import annotations

import codecs
import json
import logging
import random
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from contextlib import closing
from importlib import import_module
from pathlib import Path

import graphbit_nb as gb
from graphbit_nb.core import checking
from graphbit_nb.core.events import EVENT_TYPES
from graphbit_nb.core.instances import NAMES, RECORDS
from graphbit_nb.errors import GraphbitError
from graphbit_nb.session.definitions import outline_in, workflow_in
from graphbit_nb.storage.database import Database
from graphbit_nb.storage.runs import RunStore

COLUMNS = [
    ("events", "data"), ("events", "kind"), ("events", "node"), ("events", "time"), ("events", "seq"), ("runs", "status"),
    ("runs", "id"), ("runs", "tags"), ("runs", "options"), ("runs", "base"), ("runs", "pid"), ("runs", "started"),
    ("runs", "cost"), ("runs", "workflow_id"), ("runs", "total"), ("workflows", "definition"), ("workflows", "id"),
]  # fmt: skip
VALUES = [
    None, -1, 0, 2**62, 1.5, "", "x", "{}", "[]", "null", b"\x00\xff", '{"output": {"~": "data", "c": "os:system", "f": {}}}',
    '{"output": {"~": "model", "c": "builtins:object", "f": {}, "s": []}}', "[" * 3000, "é\u202e", "node.succeeded",
    "run.resumed", "succeeded", '{"~": "record", "c": "RunSnapshot", "f": {}}',
]  # fmt: skip
TAGS = [
    "data",
    "enum",
    "named",
    "model",
    "record",
    "tuple",
    "set",
    "numpy array",
    "pandas frame",
    "lost",
    "path",
    "int",
]
WATCHED = frozenset({"exec", "compile", "os.system", "os.exec", "subprocess.Popen", "import", "pickle.find_class"})


def make(where: Path) -> Path:
    """Make a home with a few runs of many kinds of nodes, and return the path of its database."""
    gb.init(home=where)
    inner = gb.WorkflowBuilder("inner")
    inner.add_node(gb.Node.python("n", lambda iteration: iteration))
    builder = gb.WorkflowBuilder("outer")
    builder.add_node(gb.Node.prompt("p", "Say {{ topic }}"))
    builder.add_node(gb.Node.python("each", lambda x: {"x": (x, {x}), "f": [0.5] * 20}, for_each="x in [1, 2, 3]"))
    builder.add_node(gb.Node.workflow("again", inner.build(), repeat_until="n >= 2", max_iterations=3, returns="n"))
    builder.add_node(gb.Node.human("sure", "{{ p }}?"))
    builder.add_node(gb.Node.python("reads", lambda o: type(o).__name__))
    builder.add_node(gb.Node.python("bad", lambda: 1 / 0, retry=2))
    workflow = builder.build()
    executor = gb.WorkflowExecutor(
        gb.LlmConfig.scripted({"*": "hello"}), retry=gb.RetryPolicy(max_attempts=2, base_delay=0), cache="disable"
    )
    for number in range(3):
        result = executor.execute(workflow, {"topic": "sea", "o": number or object()}, tags="t")
        if number == 1:
            executor.resume(result, answers={"sure": "yes"})
    gb.shutdown()
    return where / "graphbit.db"


def spoil(path: Path, chance: random.Random) -> str:
    """Change something in the file, and return what."""
    if chance.random() < 0.3:
        content = bytearray(path.read_bytes())
        how = chance.choice(["flip", "cut", "zero"])
        at = chance.randrange(len(content))
        if how == "flip":
            for _ in range(chance.choice([1, 8, 64])):
                content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        elif how == "cut":
            del content[at:]
        else:
            content[at : at + chance.choice([1, 100, 5000])] = b""
        path.write_bytes(content)
        return how
    table, column = chance.choice(COLUMNS)
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(f"SELECT DISTINCT {column} FROM {table}").fetchall()  # noqa: S608
        (old,) = chance.choice(rows)
        new = _changed(old, chance)
        try:
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE {column} IS ?", (new, old))  # noqa: S608
            connection.commit()
        except (sqlite3.IntegrityError, UnicodeEncodeError):
            return "refused by SQLite"
    return f"{table}.{column}"


def _changed(old, chance: random.Random):
    if not isinstance(old, str) or chance.random() < 0.4:
        return chance.choice(VALUES)
    if chance.random() < 0.6:
        try:
            data = json.loads(old)
        except ValueError:
            data = None
        if isinstance(data, dict | list) and data:
            return json.dumps(_mutated(data, chance))
    at = chance.randrange(len(old) + 1)
    return old[:at] + chance.choice(["", "x", '"', "{", "\x00", "9" * 400, "\\ud800"]) + old[at + chance.randrange(4) :]


def _mutated(data, chance: random.Random):
    """Return JSON with something else somewhere in it."""
    if isinstance(data, dict) and data and chance.random() < 0.75:
        key = chance.choice(list(data))
        if chance.random() < 0.15:
            return {name: value for name, value in data.items() if name != key}
        return {**data, key: _mutated(data[key], chance)}
    if isinstance(data, list) and data and chance.random() < 0.75:
        at = chance.randrange(len(data))
        return [*data[:at], _mutated(data[at], chance), *data[at + 1 :]]
    junk = [None, True, -1, 1e308, 10**30, "", "x", [], {}, [[]], {"~": chance.choice(TAGS)}]
    junk.append(
        {"~": chance.choice(TAGS), "c": chance.choice(["os:system", "Usage", "a:b"]), "f": {"x": 1}, "v": "x", "s": [1]}
    )
    return chance.choice(junk)


def read(path: Path) -> list[str]:
    """Do all that can be done with what is in the file; return which of our errors came of it."""
    told = []

    def attempt(call, *args, **more):
        try:
            return call(*args, **more)
        except GraphbitError as error:
            told.append(type(error).__name__)
            return None

    database = Database(path, patience=0.1)
    try:
        store = RunStore(database)
        attempt(store.unfinished)
        for info in attempt(store.find) or ():
            attempt(store.events, info.run_id)
            if (stored := attempt(store.load, info.run_id)) is not None:
                attempt(stored.to_resume)
                attempt(outline_in, stored.definition)
                attempt(workflow_in, stored.definition)
            attempt(store.tag, info.run_id, "seen")
        attempt(store.load, "last")
        attempt(store.prune, keep=1)
    finally:
        database.close()
    return told or ["nothing"]


def main(times: int) -> None:
    """Spoil and read so often; print what came of it."""
    chance = random.Random(times)
    found: Counter[str] = Counter()
    ran: list[str] = []
    with tempfile.TemporaryDirectory() as where:
        sound = make(Path(where) / "home")
        path = Path(where) / "spoilt.db"
        shutil.copy(sound, path)
        import_module("pandas")  # arrays and tables bring it in

        read(path)  # loads whatever is loaded late
        for codec in ("utf_16_be", "utf_16_le", "utf_32"):  # SQLite's message for a byte that says so
            codecs.lookup(codec)
        for cls in (*RECORDS.values(), *EVENT_TYPES.values()):  # their annotations are ours, and are read once
            checking._hints(cls, checking._Names(NAMES))
        is_on = [True]
        sys.addaudithook(lambda name, args: ran.append(f"{name} {args[:1]}") if name in WATCHED and is_on[0] else None)
        for _ in range(times):
            for beside in Path(where).glob("spoilt.db*"):
                beside.unlink()
            shutil.copy(sound, path)
            spoil(path, chance)
            found.update(read(path))
        is_on[0] = False
    print(f"{times} spoilt databases: {dict(found)}; code that ran: {ran[:5] or 'none'}")
    if ran:
        raise SystemExit(1)


if __name__ == "__main__":
    logging.disable()
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
