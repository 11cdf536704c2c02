"""Log lines: what they say, and what they never say."""

import json
import logging
import os
import stat
from pathlib import Path

import pytest
from simulation import Simulation, python, raises

import graphbit_nb as gb
from graphbit_nb.core import events as e
from graphbit_nb.core.events import EVENT_TYPES
from graphbit_nb.telemetry import loglines
from graphbit_nb.telemetry.logfile import LogFile
from graphbit_nb.telemetry.logs import Logs

KEY = "sk-proj-abcdefghijklmnop0123456789"


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_lines_are_one_object_each_with_run_node_and_attempt(logged, flaky):
    logs, stream = logged(format="json")
    run = Simulation(gb.Node.prompt("a", "x"), client=flaky(fails=lambda _: 1), sinks=(logs.sink(),))
    found = lines(stream)
    assert [line["event"] for line in found] == [event.kind for event in run.events]
    assert {line["run"] for line in found} == {run.snapshot.run_id}
    assert {line["workflow"] for line in found} == {"simulated"}
    attempts = [(line["event"], line.get("attempt")) for line in found if "node" in line]
    assert attempts == [
        ("node.started", None), ("prompt.rendered", None), ("llm.requested", 1), ("retry.scheduled", 1),
        ("node.resumed", 1), ("llm.requested", 2), ("llm.responded", 2), ("node.succeeded", 2),
    ]  # fmt: skip


def test_tries_of_code_are_counted_as_well(logged):
    logs, stream = logged(format="json")
    Simulation(python("a", raises(KeyError("x")), retry=3), sinks=(logs.sink(),))
    attempts = [(line["event"], line.get("attempt")) for line in lines(stream) if line.get("node")]
    assert attempts == [
        ("node.started", None), ("retry.scheduled", 1), ("node.resumed", 2), ("retry.scheduled", 2),
        ("node.resumed", 3), ("node.failed", 3),
    ]  # fmt: skip


def test_a_lines_time_is_that_of_the_event(logged):
    logs, stream = logged(format="json")
    Simulation(python("a", seconds=1.5), sinks=(logs.sink(),))
    times = {line["event"]: line["time"] for line in lines(stream)}
    assert times["node.started"] == "1970-01-01T00:00:00.000000Z"
    assert times["node.succeeded"] == "1970-01-01T00:00:01.500000Z"


def test_a_person_reads_one_line_an_event(logged):
    logs, stream = logged("info")
    Simulation(python("a", raises(KeyError("x"))), sinks=(logs.sink(),))
    shown = stream.getvalue().splitlines()
    assert len(shown) == 3
    assert "node.failed" in shown[1]
    assert "error=KeyError" in shown[1]
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize(
    ("level", "kinds"),
    [
        ("info", ["run.started", "node.succeeded", "node.failed", "run.finished"]),
        ("warning", ["node.failed", "run.finished"]),
        ("critical", []),
    ],
)
def test_lower_levels_are_left_out(logged, level, kinds):
    logs, stream = logged(level, format="json")
    Simulation(python("a"), python("b", raises(KeyError("x")), after="a"), sinks=(logs.sink(),))
    assert [line["event"] for line in lines(stream)] == kinds


def everything(secret):
    """Return one event of each kind, with the secret in every text that somebody wrote."""
    error = e.ErrorInfo("ValueError", secret, place="cell 1, line 2")
    usage = gb.Usage(input_tokens=1, output_tokens=1, calls=1)
    message = gb.Message("user", secret)
    rows = [
        (e.RunStarted, "w", ("a",), {"topic": secret}), (e.RunResumed, ("a",)), (e.RunUnkept, "disk full"),
        (e.NodeReady, "a"), (e.NodeStarted, "a"), (e.NodeResumed, "a"), (e.NodeExpanded, "a", "items", ("a[0]",)),
        (e.NodeWaiting, "a", secret), (e.NodePrinted, "a", secret), (e.PromptRendered, "a", (message,), ((),)),
        (e.LlmRequested, "a", "fake", "m", {"temperature": 0.5, "stop": (secret,)}), (e.LlmToken, "a", secret),
        (e.LlmResponded, "a", secret, "stop", usage, "m", "r", 0.1, 0.2, 0.3),
        (e.RetryScheduled, "a", 1, 0.5, error), (e.RateLimited, "a", "fake", 1.0, 2),
        (e.CircuitChanged, "a", "fake", "open", secret),
        (e.ToolCalled, "a", "c", "t", {"q": secret}, secret, error, 0.0),
        (e.ContentFlagged, "a", "prompt", "personal data", "email", 1, secret, False),
        (e.OutputRejected, "a", error), (e.FallbackAsked, "a", error), (e.NodeSucceeded, "a", secret, error),
        (e.NodeCached, "a", secret, "cache"), (e.NodeFailed, "a", error), (e.NodeSkipped, "a", "b failed"),
        (e.NodeCancelled, "a", "cancelled"), (e.RunFinished, gb.RunStatus.FAILED, "a failed"),
    ]  # fmt: skip
    return [kind("run", number, 0.0, *fields) for number, (kind, *fields) in enumerate(rows, start=1)]


def test_every_kind_of_event_has_its_line(logged):
    logs, stream = logged(format="json")
    sink = logs.sink()
    for event in everything("x"):
        sink(event)
    assert {line["event"] for line in lines(stream)} == set(EVENT_TYPES)


@pytest.mark.parametrize("form", ["console", "json"])
def test_what_users_and_models_wrote_is_not_logged(logged, form):
    logs, stream = logged(format=form)
    sink = logs.sink()
    for event in everything("the whole secret story"):
        sink(event)
    assert "secret" not in stream.getvalue()


@pytest.mark.parametrize("form", ["console", "json"])
def test_what_they_wrote_is_logged_when_it_is_asked_for_and_keys_never(logged, form):
    logs, stream = logged(format=form, content=True)
    sink = logs.sink()
    for event in everything(f"the story of {KEY} here"):
        sink(event)
    assert stream.getvalue().count("the story of") >= 12
    assert KEY not in stream.getvalue()


def test_no_level_is_higher_than_what_the_table_of_levels_says():
    for event in everything("x"):
        assert loglines.line_of(event)[0] <= loglines.level_of(type(event)), event.kind


def test_what_a_service_said_is_logged(logged):
    logs, stream = logged("warning", format="json")
    error = e.ErrorInfo("RateLimitError", f"too fast; key {KEY}", provider="fake", status=429, request_id="r-1")
    logs.sink()(e.RetryScheduled("run", 1, 0.0, "a", 1, 2.0, error))
    (line,) = lines(stream)
    assert (line["error"], line["status"], line["request_id"], line["delay"]) == ("RateLimitError", 429, "r-1", 2.0)
    assert line["message"] == "too fast; key [redacted]"


def test_a_text_that_is_very_long_is_cut(logged):
    logs, stream = logged(format="json", content=True)
    logs.sink()(e.NodePrinted("run", 1, 0.0, "a", "x" * 1_000_000))
    assert len(stream.getvalue()) < 11_000


def test_the_packages_own_warnings_come_into_the_same_lines(logged):
    logs, stream = logged("warning", format="json")
    logs.install()
    logs.install()
    logging.getLogger("graphbit_nb").warning("%s is odd, %s", "it", KEY)
    logging.getLogger("graphbit_nb.inner").info("not told")
    logging.getLogger("graphbit_nb").error("broken", exc_info=ValueError(KEY))
    first, second = lines(stream)
    assert (first["event"], first["level"], first["logger"]) == ("it is odd, [redacted]", "warning", "graphbit_nb")
    assert "ValueError" in second["exception"]
    assert KEY not in stream.getvalue()


def test_closing_takes_everything_back():
    logger = logging.getLogger("graphbit_nb")
    before = (list(logger.handlers), logger.level)
    logs = Logs("debug")
    logs.install()
    assert logger.level == logging.DEBUG
    logs.close()
    assert (list(logger.handlers), logger.level) == before


def test_structlogs_own_settings_are_left_alone(logged):
    import structlog

    before = structlog.get_config()
    logged(format="json")
    assert structlog.get_config() == before


def test_a_file_is_made_with_its_directories_and_for_its_owner_alone(tmp_path):
    path = tmp_path / "logs" / "today.log"
    logs = Logs("info", format="json", file=path)
    Simulation(python("a"), sinks=(logs.sink(),))
    assert logs.path == str(path)
    assert json.loads(path.read_text().splitlines()[0])["event"] == "run.started"
    logs.close()
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_is_added_to(tmp_path):
    path = tmp_path / "a.log"
    for _ in range(2):
        file = LogFile(path)
        file.write("line\n")
        file.close()
    assert path.read_text() == "line\nline\n"


def test_a_file_that_has_grown_too_large_is_put_aside(tmp_path):
    file = LogFile(tmp_path / "a.log", most=20)
    for number in range(6):
        file.write(f"line {number}\n")
    file.close()
    assert (tmp_path / "a.log").read_text() == "line 4\nline 5\n"
    assert (tmp_path / "a.log.1").read_text() == "line 2\nline 3\n"
    assert {path.name for path in tmp_path.iterdir()} == {"a.log", "a.log.1"}


def test_a_stream_that_breaks_does_not_break_the_run():
    class Broken:
        def write(self, text):
            raise OSError("disk full")

    logs = Logs("debug", file=Broken())
    run = Simulation(python("a"), sinks=(logs.sink(),))
    assert run.status == "succeeded"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"level": "debgu"}, "log_level='debgu'; did you mean 'debug'"),
        ({"level": None}, "log_level=None"),
        ({"format": "jsn"}, "log_format='jsn'; did you mean 'json'"),
        ({"file": 5}, "log_file=5: give the path of a file, or a stream"),
        ({"file": ""}, "log_file='': give the path"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments, message):
    with pytest.raises(gb.UsageError, match=message):
        Logs(**arguments)


def test_a_file_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "file" / "inner.log"):
        with pytest.raises(gb.UsageError, match=r"log_file=.*cannot be written"):
            Logs(file=Path(path))
