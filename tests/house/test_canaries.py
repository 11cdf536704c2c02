"""A canary key goes through every path of a run, with a provider that says it back, and is in no file or output."""

import base64
import io
import json
import logging
import sqlite3
from contextlib import closing

import pytest
from canarykit import asking, canary, echoing, holds, spelt, talk

import graphbit_nb as gb
from graphbit_nb.telemetry.current import turn_off

INPUTS = {"topic": "hello"}
FAST = gb.RetryPolicy(max_attempts=2, base_delay=0.001, max_delay=0.01)


@pytest.fixture
def server():
    with echoing() as some:
        yield some


@pytest.fixture(params=["argument", "store", "environment", "header", "format"])
def key(request, monkeypatch, server):
    """A key that is given in one of the ways; `config(model)` asks with it."""
    found = canary("sk-proj-{}" if request.param == "format" else "{}")
    if request.param == "store":
        gb.SecureConfig().set("openai", found)
    elif request.param == "environment":
        monkeypatch.setenv("OPENAI_API_KEY", found)
    server.config = lambda model: (
        asking(server, model, found)
        if request.param in ("argument", "format")
        else asking(server, model, headers={"Authorization": f"Bearer {found}"})
        if request.param == "header"
        else asking(server, model)
    )
    return found


@pytest.fixture
def logs():
    """Everything that any logger writes, at DEBUG."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before)


MODELS = ["refuses", "stutters", "breaks", "tells"]


def run(server, model, **how):
    result = gb.WorkflowExecutor(server.config(model), retry=FAST, **how).execute(talk(), INPUTS)
    assert server.heard, "the provider was not asked"
    return result


def test_the_search_finds_a_key_however_it_is_spelt(tmp_path):
    found = canary()
    for one in spelt(found):
        assert holds(b"before" + one + b"after", found) == {found}
    for before in ("", "u", "us", "user:"):
        assert holds(base64.b64encode(f"{before}{found}:x".encode()), found) == {found}
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_text(found)
    assert holds(tmp_path, found) == {found}


@pytest.mark.parametrize("model", MODELS)
def test_the_provider_hears_the_key_and_no_file_of_the_run_holds_it(server, key, home, model):
    run(server, model)
    assert set(server.heard) == {key}
    assert (home / "graphbit.db").exists()
    assert holds(home, key) == set()


def test_neither_does_the_database_before_its_log_is_merged(server, key, home):
    run(server, "tells")
    with closing(sqlite3.connect(home / "graphbit.db")) as reader:  # which keeps the log where it is
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchone()
        run(server, "tells")
        assert (home / "graphbit.db-wal").exists()
        assert holds(home, key) == set()


def test_a_value_that_is_handed_on_in_the_process_is_not_changed(server, key):
    result = run(server, "tells")
    assert result.outputs["second"] == f"heard: you sent {key}"


def test_a_run_from_the_database_says_that_something_was_taken_out(server, key):
    result = run(server, "tells")
    assert gb.get_run(result.run_id).outputs["second"] == "heard: you sent [redacted]"


def test_an_answer_with_a_key_is_not_remembered(server, key):
    run(server, "tells")
    assert run(server, "tells").outputs["first"] == f"you sent {key}"
    assert server.counts["tells"] == 2


@pytest.mark.parametrize("model", MODELS)
def test_no_error_tells_it(server, key, model):
    result = run(server, model)
    texts = [repr(result), str(result), result.summary(), repr(result.errors), str(result.snapshot.reason)]
    texts += [repr(node.error) for node in result.nodes.values()]
    texts += [repr([attempt.error for attempt in node.attempts]) for node in result.nodes.values()]
    if result.status == "failed":
        with pytest.raises(gb.RunFailedError) as raised:
            result.raise_for_status()
        texts += [str(raised.value), repr(raised.value)]
    assert holds("\n".join(texts), key) == set()


def test_the_error_of_a_bad_key_names_the_safe_way(server, key):
    (error,) = run(server, "refuses").errors.values()
    assert error.type == "AuthenticationError"
    assert "%graphbit keys set openai" in str(error)
    assert "[redacted]" in str(error)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("form", ["json", "console"])
def test_no_log_line_tells_it_even_with_all_content(server, key, tmp_path, model, form):
    path = tmp_path / "graphbit.log"
    gb.init(log_level="debug", log_format=form, log_file=path, log_content=True)
    try:
        run(server, model)
    finally:
        turn_off()
    lines = path.read_text().splitlines()
    assert len(lines) > 3
    assert holds(path, key) == set()
    if form == "json":
        assert all(isinstance(json.loads(line), dict) for line in lines)


@pytest.mark.parametrize("model", MODELS)
def test_no_logger_of_any_library_tells_it_at_debug(server, key, logs, model):
    run(server, model)
    assert holds(logs.getvalue(), key) == set()


@pytest.mark.parametrize("model", ["refuses", "tells"])
def test_neither_do_the_loggers_of_httpx_which_tell_headers(server, key, logs, model, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "httpx_aiohttp", None)
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    gb.shutdown()
    run(server, model)
    gb.shutdown()
    assert "httpcore" in logs.getvalue()
    assert "x-your-key" in logs.getvalue()
    assert holds(logs.getvalue(), key) == set()


@pytest.mark.parametrize("model", MODELS)
def test_no_span_carries_it(server, key, model):
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    gb.init(tracing=provider, trace_content=True)
    try:
        run(server, model)
    finally:
        turn_off()
    told = "\n".join(span.to_json() for span in spans.get_finished_spans())
    assert "gen_ai.input.messages" in told
    assert holds(told, key) == set()


@pytest.mark.parametrize("model", MODELS)
def test_no_figure_is_labelled_with_it(server, key, model):
    from graphbit_nb.telemetry.exposition import exposition

    run(server, model)
    text = exposition(gb.metrics())
    assert "graphbit_runs_total" in text
    assert holds(text, key) == set()
    assert holds(repr(gb.metrics().figures()), key) == set()


@pytest.mark.parametrize("model", MODELS)
def test_no_cassette_holds_it_and_it_still_plays(server, key, tmp_path, model):
    path = tmp_path / "tape.cassette.jsonl"
    recorded = run(server, model, cassette=path)
    assert holds(path, key) == set()
    asked = len(server.heard)
    played = run(server, model, cassette=gb.Cassette(path, "none"))
    assert played.status == recorded.status
    assert len(server.heard) == asked


def test_a_key_in_a_prompt_and_in_an_input_is_in_no_file(server, key, home, tmp_path):
    path = tmp_path / "tape.cassette.jsonl"
    executor = gb.WorkflowExecutor(server.config("echoes"), retry=FAST, cassette=path)
    result = executor.execute(talk(prompt=f"My key is {key}. Say {{{{ topic }}}}."), {"topic": f"key {key}"})
    assert result.status == "succeeded"
    assert holds(home, key) == set()
    assert holds(path, key) == set()


def test_what_a_node_prints_and_raises_is_kept_without_it(server, key, home):
    builder = gb.WorkflowBuilder("prints")
    builder.add_node(gb.Node.prompt("first", "Say {{ topic }}."))

    def second(first):
        print("the key is", first)
        raise RuntimeError(f"it was {first}")

    builder.add_node(gb.Node.python("second", second))
    executor = gb.WorkflowExecutor(server.config("tells"), retry=FAST, echo=False)
    result = executor.execute(builder.build(), INPUTS)
    assert result.status == "failed"
    assert "it was you sent [redacted]" in str(result.errors["second"])
    assert holds(home, key) == set()


def test_another_key_of_the_environment_that_a_node_gives_away_is_not_kept(server, home, monkeypatch):
    other, own = canary(), canary()
    monkeypatch.setenv("MISTRAL_API_KEY", other)
    builder = gb.WorkflowBuilder("looks")
    builder.add_node(gb.Node.prompt("first", "Say {{ topic }}."))

    def second(first):
        import os

        return dict(os.environ)

    builder.add_node(gb.Node.python("second", second))
    result = gb.WorkflowExecutor(asking(server, "fine", own), retry=FAST).execute(builder.build(), INPUTS)
    assert result.outputs["second"]["MISTRAL_API_KEY"] == other
    assert holds(home, other) == set()
