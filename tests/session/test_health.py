"""Whether what runs need is there."""

import http.server
import json
import sqlite3
import threading
import time

import pytest

import graphbit_nb as gb
from graphbit_nb.providers.catalog import PRESETS
from graphbit_nb.session import health_machine
from graphbit_nb.session.health import health_check
from graphbit_nb.session.home import DATABASE, expected_home

KEY = "sk-" + "k3y9" * 10


@pytest.fixture(autouse=True)
def _nobody_is_asked(monkeypatch):
    """No key is there, and no server of one's own."""
    for preset in PRESETS.values():
        for variable in filter(None, (preset.key_variable, preset.address_variable)):
            monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("GRAPHBIT_DOTENV", "0")
    monkeypatch.setattr(
        "graphbit_nb.providers.catalog.PRESETS", {n: p for n, p in PRESETS.items() if p.needs_key or n == "local"}
    )


class Server:
    """Answers every GET with the same."""

    def __init__(self, status=200, body=None, wait=None):
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                if wait is not None:
                    wait.wait(20)
                data = json.dumps(body or {"data": [{"id": "m"}]}).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.config = gb.LlmConfig.openai("m", api_key=KEY, base_url=f"http://127.0.0.1:{self.server.server_port}/v1")

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def serve():
    servers = []

    def make(**facts):
        servers.append(Server(**facts))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def asked(report):
    (found,) = [check for check in report.checks if check.what.startswith("provider")]
    return found


def test_a_provider_is_asked_for_its_models_and_for_nothing_else(serve):
    server = serve()
    found = asked(health_check(configs=[server.config]))
    assert (found.state, found.said) == ("ok", "reachable, 1 models")
    assert server.asked == ["/v1/models"]


def test_a_key_that_is_not_accepted_is_said_without_the_key(serve):
    report = health_check(configs=[serve(status=401, body={"error": {"message": f"bad key {KEY}"}}).config])
    assert asked(report).state == "failed"
    assert not report.ok
    assert KEY not in repr(report)


def test_a_provider_that_hangs_holds_nobody_up(serve):
    wait = threading.Event()
    report = health_check(0.3, configs=[serve(wait=wait).config])
    wait.set()
    assert asked(report).state == "failed"
    assert "within 0.3 s" in asked(report).said


def test_without_keys_nobody_is_asked_and_that_is_no_failure():
    report = health_check()
    assert report["no key"].state == "off"
    assert "anthropic" in report["no key"].said


def test_looking_makes_no_home():
    report = health_check()
    assert report["store"].state == "ok"
    assert not (expected_home() / DATABASE).exists()


def run_once():
    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.prompt("a", "x"))
    gb.WorkflowExecutor(gb.LlmConfig.scripted({"a": "y"})).execute(builder.build())


def test_the_store_is_written_to_and_nothing_of_it_stays():
    run_once()
    assert health_check()["store"].said == f"{DATABASE} can be written"
    with sqlite3.connect(expected_home() / DATABASE) as connection:
        assert connection.execute("SELECT count(*) FROM workflows WHERE id = 'health'").fetchone() == (0,)


def test_a_store_that_is_damaged_has_failed():
    path = expected_home() / DATABASE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"this is no database, but long enough to be one" * 100)
    report = health_check()
    assert report["store"].state == "failed"
    assert path.read_bytes().startswith(b"this is no database")


def test_little_room_on_the_disk_is_said(monkeypatch):
    full = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(health_machine.shutil, "disk_usage", lambda _: full)
    assert health_check()["disk"].state == "failed"


def test_a_check_that_breaks_is_told_and_breaks_nothing(monkeypatch):
    def broken():
        raise RuntimeError(f"token {KEY}")

    monkeypatch.setattr(health_machine, "local", broken)
    found = health_check()["local model"]
    assert found.state == "failed"
    assert KEY not in found.said


def test_what_never_answers_is_late(monkeypatch):
    gate = threading.Event()
    monkeypatch.setattr(health_machine, "disk", lambda: gate.wait(30) and ("ok", ""))
    began = time.monotonic()
    report = health_check(0.3)
    gate.set()
    assert report["disk"].said == "no answer within 0.3 s"
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("timeout", [0, -1, True, "3", 1e9, float("nan")])
def test_a_bad_time_is_refused(timeout):
    with pytest.raises(gb.UsageError, match="timeout"):
        health_check(timeout)


def test_what_is_no_config_is_refused():
    with pytest.raises(gb.UsageError, match="LlmConfig"):
        health_check(configs=["openai"])


def test_the_report_prints_a_line_for_each_check():
    lines = repr(health_check()).splitlines()
    assert lines[0].startswith("health: ")
    assert any(line.startswith("+ disk") for line in lines)
    assert "python 3" in lines[-1]
