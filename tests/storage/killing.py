# ruff: noqa: E501, UP032 (a table of values; a program in braces)
"""Kills a process in the middle of a run, has another one go on with it, and counts what was asked twice.

`python -m tests.storage.killing 50` does it at fifty random moments.
"""

from __future__ import annotations

import json
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NODES, SLOTS = 200, 8

PROGRAM = """
import sys
import graphbit_nb as gb

url, do = sys.argv[1:3]
builder = gb.WorkflowBuilder("layers")
for number in range({nodes}):
    below = [f"{{{{{{{{ n{{n}} }}}}}}}}" for n in (number - 20, number - 13) if n >= 0 and number >= 20]
    builder.add_node(gb.Node.prompt(f"n{{number}}", f"node {{number}}: " + " ".join(below)))
workflow = builder.build()
config = gb.LlmConfig.openai_compatible(base_url=url, model="m", options={{"check_model": False}})
executor = gb.WorkflowExecutor(config, max_concurrency={slots}, cache="disable", retry=1)

def show(event):
    if event.kind == "node.succeeded":
        sys.stdout.write(event.node + "\\n")
        sys.stdout.flush()

if do == "run":
    result = executor.execute(workflow, views=(show,))
else:
    result = executor.resume("last", workflow=workflow, views=(show,))
unkept = result.snapshot.unkept
gb.shutdown()
sys.stderr.write(f"{{result.status}} {{len(result.outputs)}} {{unkept}}\\n")
""".format(nodes=NODES, slots=SLOTS)


class Counting(ThreadingHTTPServer):
    """Answers chat completions after a few milliseconds, and counts which node asked how often."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, seconds: float = 0.004):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seconds = seconds
        self.counts: Counter[str] = Counter()
        self.lock = threading.Lock()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request, client_address):
        """A client that was killed is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        name = "n" + re.match(r"node (\d+):", body["messages"][-1]["content"])[1]
        with self.server.lock:
            self.server.counts[name] += 1
        time.sleep(self.server.seconds)
        answer = {
            "id": "1", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": name}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6},
        }  # fmt: skip
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args):
        """Say nothing."""


@contextmanager
def counting():
    """A server while it is needed."""
    server = Counting()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def process(server, home, do):
    """Start a process that runs the workflow, or goes on with the last run."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, server.url, do],
        env={"GRAPHBIT_HOME": str(home), "PATH": ""}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def integrity(home):
    """Ask SQLite whether the file is sound."""
    with closing(sqlite3.connect(Path(home) / "graphbit.db")) as connection:
        return connection.execute("PRAGMA integrity_check").fetchone()[0]


@dataclass
class Outcome:
    """What came of one kill.

    Attributes:
        shown: Nodes whose answers were shown before it.
        sound: What SQLite said of the file after it.
        ended: What the process that went on said of its result.
        counts: How often each node asked.
    """

    shown: set
    sound: str
    ended: str
    counts: Counter

    @property
    def shown_twice(self):
        """Nodes that were asked again though their answer had been shown."""
        return sorted(name for name in self.shown if self.counts[name] != 1)

    @property
    def repeated(self):
        """How many calls were made more than once."""
        return sum(self.counts.values()) - len(self.counts)

    @property
    def came_too_late(self):
        """Whether the run had ended before it was killed."""
        return len(self.shown) == NODES and self.ended.endswith("has succeeded; there is nothing left to do")

    @property
    def is_right(self):
        return (
            self.sound == "ok"
            and (self.ended == f"succeeded {NODES} None" or self.came_too_late)
            and len(self.counts) == NODES
            and not self.shown_twice
            and self.repeated <= SLOTS
        )


def kill_and_go_on(home, count, delay):
    """Kill the run once it has shown so many nodes and a little more time has passed; go on with it in another process.

    Args:
        home: Where it is kept.
        count: Number of nodes shown, below `NODES`.
        delay: Seconds more.
    """
    with counting() as server:
        child = process(server, home, "run")
        lines = [child.stdout.readline() for _ in range(count)]
        while not count and not server.counts:  # it has to have begun
            time.sleep(0.001)
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        lines += child.communicate()[0].splitlines(keepends=True)
        shown = {line.strip() for line in lines if line.endswith("\n")}
        sound = integrity(home)
        ended = process(server, home, "resume").communicate(timeout=120)[1].strip().split("\n")[-1]
        return Outcome(shown, sound, ended, Counter(server.counts))


def main(times):
    """Kill at so many random moments; print what came of it."""
    chance = random.Random(times)
    wrong = repeated = 0
    for number in range(times):
        with tempfile.TemporaryDirectory() as home:
            outcome = kill_and_go_on(home, chance.randrange(NODES), chance.uniform(0, 0.02))
        wrong += not outcome.is_right
        repeated = max(repeated, outcome.repeated)
        print(
            f"{number + 1}: {len(outcome.shown)} shown, {outcome.repeated} calls repeated, {outcome.sound}, {outcome.ended}"
            + ("" if outcome.is_right else f"  WRONG: {outcome.shown_twice}"),
            flush=True,
        )
    print(f"{times} kills, {wrong} wrong, at most {repeated} of {SLOTS} calls repeated")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
