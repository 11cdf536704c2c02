"""The parent's side of the child process, with a stand-in for the child."""

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from graphbit_nb import errors
from graphbit_nb.providers.local import process
from graphbit_nb.providers.local.process import LocalServer, ServerOptions, acquire, default_threads, release

OPTIONS = ServerOptions(path="/m.gguf", name="m", threads=1, slots=1, context=512)
STARTED = """
import json, os, sys, time
options = json.loads(sys.stdin.readline())
with open(__file__ + ".log", "a") as log:
    log.write(json.dumps(options) + "\\n")
{act}
"""
SERVES = 'print(json.dumps({"address": "http://127.0.0.1:1"}), flush=True); sys.stdin.read()'

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is ended by POSIX signals")


@pytest.fixture
def child(tmp_path):
    servers = []

    def make(act=SERVES, **more):
        script = tmp_path / "child.py"
        script.write_text(STARTED.format(act=act))
        servers.append(LocalServer(OPTIONS, command=(sys.executable, str(script)), **more))
        return servers[-1]

    make.log = tmp_path / "child.py.log"
    yield make
    for server in servers:
        server.stop()


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_child_gets_its_options_and_a_key_of_its_own(child):
    server = child()
    first = server.start()
    server.stop()
    second = server.start()
    assert first.key != second.key
    log = child.log.read_text()
    assert '"path": "/m.gguf"' in log
    assert first.key.get_secret_value() in log
    assert first.key.get_secret_value() not in f"{first!r}{server!r}{vars(server)}"


def test_calls_at_the_same_time_start_one_child(child):
    server = child()
    with ThreadPoolExecutor(8) as pool:
        addresses = set(pool.map(lambda _: server.start(), range(8)))
    assert len(addresses) == 1
    assert len(child.log.read_text().splitlines()) == 1


def test_a_child_that_died_is_replaced(child):
    server = child()
    first = server.start()
    os.kill(first.pid, signal.SIGKILL)
    assert server.exit_code(5.0) == -signal.SIGKILL
    assert server.address is None
    assert server.start().pid != first.pid


def test_a_child_that_runs_has_no_exit_code(child):
    server = child()
    assert server.exit_code(0.0) is None
    server.start()
    assert server.exit_code(0.0) is None


def test_stopping_leaves_no_process(child):
    server = child()
    pid = server.start().pid
    server.stop()
    server.stop()
    assert server.address is None
    assert not is_alive(pid)


def test_a_child_that_does_not_end_by_itself_is_killed(child):
    server = child(SERVES + "; time.sleep(600)", stop_timeout=0.05)
    pid = server.start().pid
    server.stop()
    assert not is_alive(pid)


def test_a_child_that_is_not_ready_in_time_is_a_timeout_and_is_killed(child):
    server = child("time.sleep(600)", start_timeout=0.05)
    with pytest.raises(errors.ProviderTimeoutError, match=r"0\.05 seconds"):
        server.start()
    assert server.address is None


@pytest.mark.parametrize(
    ("kind", "said", "expected"),
    [
        ("ModuleNotFoundError", "No module named 'xllamacpp'", r'pip install "graphbit-nb\[local\]"'),
        ("ImportError", "libgomp.so.1: cannot open shared object file", "apt-get install libgomp1"),
        ("RuntimeError", "Failed to init server", "'/m.gguf' cannot be loaded: Failed to init server; no such tensor"),
    ],
)
def test_the_reason_of_a_failed_start_is_told_with_what_to_do(child, kind, said, expected):
    act = (
        f'print("0.00.01.2 E no such tensor", file=sys.stderr); print(json.dumps(dict(error={said!r}, kind={kind!r})))'
    )
    with pytest.raises(errors.ConfigurationError, match=expected):
        child(act).start()


def test_a_child_that_dies_at_its_start_may_be_tried_again(child):
    server = child('print("error: gone", file=sys.stderr, flush=True); os.kill(os.getpid(), 9)')
    with pytest.raises(errors.ProviderConnectionError, match=r"SIGKILL.*gone") as caught:
        server.start()
    assert caught.value.retryable


def test_a_processor_that_is_too_old_is_told(child):
    with pytest.raises(errors.ConfigurationError, match="AVX2"):
        child("os.kill(os.getpid(), 4)").start()


def test_a_child_that_babbles_is_told(child):
    with pytest.raises(errors.ConfigurationError, match="hello"):
        child("print('hello', flush=True)").start()


def test_a_command_that_does_not_exist_is_told():
    with pytest.raises(errors.ConfigurationError, match="could not be started"):
        LocalServer(OPTIONS, command=("/no/such/python",)).start()


def test_a_server_is_shared_until_its_last_user_gives_it_back(monkeypatch):
    stopped = []
    monkeypatch.setattr(LocalServer, "stop", lambda self: stopped.append(self))  # noqa: PLW0108 (a method)
    one, two = acquire(OPTIONS), acquire(OPTIONS)
    other = acquire(ServerOptions(path="/n.gguf", name="n", threads=1, slots=1, context=512))
    assert one is two
    assert other is not one
    release(OPTIONS)
    assert stopped == []
    release(OPTIONS)
    assert stopped == [one]
    release(other._options)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the affinity of Linux")
@pytest.mark.parametrize(
    ("cores", "quota", "threads"),
    [(1, "max 100000", 1), (2, "max 100000", 1), (4, None, 3), (64, "max 100000", 4), (64, "200000 100000", 1)],
)
def test_threads_leave_a_core_free_and_respect_what_we_may_use(monkeypatch, tmp_path, cores, quota, threads):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    file = tmp_path / "cpu.max"
    if quota is not None:
        file.write_text(quota)
    monkeypatch.setattr(process, "_CPU_QUOTA", file)
    assert default_threads() == threads
