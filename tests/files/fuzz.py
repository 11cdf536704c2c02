"""Spoils good files at random: whatever comes of it either loads or is refused with the place, and soon.

``python -m tests.files.fuzz 10000`` runs that many; the suite runs a few hundred.
"""

from __future__ import annotations

import copy
import importlib.util
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from graphbit_nb.errors import GraphbitError
from graphbit_nb.files.json_text import write_json
from graphbit_nb.files.schema import plain_data
from graphbit_nb.files.writing import to_document
from graphbit_nb.files.yaml_text import write_yaml
from graphbit_nb.graph.workflow import Workflow
from graphbit_nb.session.files import load

LONGEST = 10  # seconds for one file
JUNK = [
    None,
    True,
    False,
    0,
    -1,
    10**30,
    10**400,
    1.5,
    -0.0,
    1e308,
    "",
    " ",
    "x",
    "{{",
    "{{ x }}",
    "{% if %}",
    "a=b",
    "a|b",
    "draft",
    "@system",
    "@user\n",
    "\0",
    "\u202e",
    "\U0001f600",
    "yes",
    "1",
    "[",
    "lambda: 0",
    "lambda x: x",
    "os",
    "def",
    "list[",
    "dict[str, Foo]",
    "Literal[()]",
    "a" * 5000,
    [],
    [[]],
    {},
    {"": ""},
    {"name": "x"},
    ["draft"],
    [None],
    {"provider": "openai"},
    {"max_attempts": -1},
    {"value": 1, "ask": 2},
    {"type": "int", "label": ""},
    [["a", "b", "c", "d"]],
    "x in y",
    "x in",
    "draft.x[0]",
    "a.b.c",
    "workflow",
    "python",
    "import os\n",
    "raise ValueError",
    "*",
    "&a",
    "!!int",
]
SPLICES = [
    b"&a ",
    b"*a",
    b"!!python/object/apply:os.system ['x'] ",
    b"!!binary ",
    b"<<: ",
    b"? ",
    b"---\n",
    b"...\n",
    b"%YAML 3\n",
    b"%TAG ! x\n",
    b"\t",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\x00",
    b"\r",
    b"\xc2\x85",
    b"|",
    b">-\n",
    b"'",
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b": ",
    b"- ",
    b"#",
    b".nan",
    b".inf",
    b"NaN",
    b"1e999",
    b"0x",
    b"\\",
    b"\\ud800",
    b"[" * 200,
    b"{a: " * 200,
    b"\n",
    b",",
]


def good_documents() -> list[dict]:
    """Return the data of good files."""
    spec = importlib.util.spec_from_file_location("library", Path(__file__).with_name("library.py"))
    library = importlib.util.module_from_spec(spec)
    sys.modules["library"] = library
    spec.loader.exec_module(library)
    return [plain_data(to_document(make())) for make in (library.text_workflow, library.code_workflow)]


def spoiled(data: dict, rng: random.Random) -> tuple[bytes, str]:
    """Return a file that was changed in several ways, and its suffix."""
    data = copy.deepcopy(data)
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3, 5])):
        _spoil_data(data, rng)
    suffix = rng.choice(["json", "yaml"])
    text = write_json(data) if suffix == "json" else write_yaml(data)
    content = bytearray(text.encode("utf-8", "surrogatepass"))
    for _ in range(rng.choice([0, 0, 0, 1, 1, 2, 4])):
        _spoil_bytes(content, rng)
    return bytes(content), suffix


def _spoil_data(data: dict, rng: random.Random) -> None:
    holders = []
    stack = [data]
    while stack:
        found = stack.pop()
        if isinstance(found, dict | list):
            holders.append(found)
            stack.extend(found.values() if isinstance(found, dict) else found)
    holder = rng.choice([holder for holder in holders if holder] or [data])
    key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder))) if holder else None
    match rng.randrange(6):
        case 0 if key is not None:
            del holder[key]
        case 1 if isinstance(holder, dict) and key is not None:
            holder[rng.choice([str(key)[1:], str(key) + "s", "kind", "name", "inputs", "x"])] = holder.pop(key)
        case 2 if key is not None:
            holder[key] = [holder[key]] if rng.random() < 0.5 else {"x": holder[key]}
        case 3 if key is not None:
            other = rng.choice(holders)
            inside = list(other.values()) if isinstance(other, dict) else other
            holder[key] = copy.deepcopy(rng.choice(inside or [None]))
        case 4 if isinstance(holder, list):
            holder.append(copy.deepcopy(rng.choice(holder) if holder and rng.random() < 0.7 else rng.choice(JUNK)))
        case _:
            if key is not None:
                holder[key] = copy.deepcopy(rng.choice(JUNK))


def _spoil_bytes(content: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(content) + 1)
    match rng.randrange(5):
        case 0:
            del content[at : at + rng.choice([1, 2, 10, 1000])]
        case 1:
            del content[at:]
        case 2:
            content[at:at] = rng.choice(SPLICES)
        case 3:
            content[at : at + 1] = bytes([rng.randrange(256)])
        case _:
            end = at + rng.randrange(200)
            content[at:at] = content[at:end]


def _too_long(number: int, frame: object) -> None:
    raise TimeoutError(f"more than {LONGEST} seconds")


def run(count: int, seed: int = 0) -> Counter[str]:
    """Spoil and load that many files; return how they ended.

    Raises:
        AssertionError: one of them ended in another way than it may; the message has its seed and its text.
    """
    documents = good_documents()
    ends: Counter[str] = Counter()
    before = signal.signal(signal.SIGALRM, _too_long)
    try:
        with tempfile.TemporaryDirectory() as directory:
            for number in range(seed, seed + count):
                rng = random.Random(number)
                content, suffix = spoiled(rng.choice(documents), rng)
                path = Path(directory) / f"flow.{suffix}"
                path.write_bytes(content)
                signal.alarm(LONGEST)
                try:
                    loaded = load(path, trust=rng.random() < 0.7)
                    assert isinstance(loaded, Workflow)
                    ends["loaded"] += 1
                except GraphbitError as error:
                    if "flow." not in str(error):
                        raise AssertionError(f"seed {number}: no place: {error}\n{content!r}") from error
                    ends[type(error).__name__] += 1
                except Exception as error:
                    raise AssertionError(f"seed {number}: {type(error).__name__}: {error}\n{content!r}") from error
                finally:
                    signal.alarm(0)
    finally:
        signal.signal(signal.SIGALRM, before)
    return ends


if __name__ == "__main__":
    started = time.perf_counter()
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(dict(run(wanted)), f"{time.perf_counter() - started:.1f} s")
