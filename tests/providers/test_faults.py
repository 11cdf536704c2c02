"""Every fault of the table in every interface, streamed and not, seen from a run."""

import socket

import pytest
from faults import ALLOWED, FAULTS, PAGE, WAIT, begun, cases, page_with, table
from faultserver import KEY, in_virtual_time, serving
from faultserver_shapes import SHAPES

import graphbit_nb as gb
from graphbit_nb.core.snapshot import RunSnapshot
from graphbit_nb.providers.catalog import PRESETS
from graphbit_nb.providers.hints import hint_for

AT_ONCE = gb.RetryPolicy(max_attempts=ALLOWED, base_delay=0)
CASES = [pytest.param(*case, id=f"{case[0]}-{case[1].name}-{'streamed' if case[2] else 'whole'}") for case in cases()]


class View:
    """Sees every event, and so wants tokens."""

    def __init__(self):
        self.events = []

    def __call__(self, event):
        self.events.append(event)

    def of(self, kind, node="faulty"):
        return [event for event in self.events if event.kind == kind and getattr(event, "node", None) == node]


def config_of(shape, url, **more):
    key = None if shape.provider == "ollama" else KEY
    given = {"options": {"check_model": False}, "timeout": 30.0, **more}
    return gb.LlmConfig(provider=shape.provider, model="fake-1", base_url=url, api_key=key, **given)


def workflow_of(faulty, healthy):
    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.prompt("faulty", "faulty", provider=faulty))
    builder.add_node(gb.Node.prompt("sibling", "sibling", provider=healthy))
    return builder.build()


def said_to(seen):
    return seen.body["messages"][-1]["content"]


def tried(name, shape, streams):
    """Run a node that meets the fault beside one that does not; return server, result and view."""
    return in_virtual_time(_tried(FAULTS[name], shape, streams))


async def _tried(fault, shape, streams):
    view = View()
    async with serving() as server:
        result = await _run(server, fault, shape, streams, view)
    return server, result, view


async def _run(server, fault, shape, streams, view):

    def choose(seen):
        return fault.act(shape, streams) if "faulty" in str(said_to(seen)) else shape.says("fine", streams=streams)

    server.choose = choose
    faulty = config_of(shape, nowhere() if fault.nobody else server.url, **fault.settings)
    executor = gb.WorkflowExecutor(retry=AT_ONCE, breaker=False, storage="memory")
    workflow = workflow_of(faulty, config_of(shape, server.url))
    return await executor.run(workflow, loop="current", views=(view,) if streams else ())


def nowhere():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


@pytest.mark.parametrize(("name", "shape", "streams"), CASES)
def test_a_fault_is_told_as_what_it_is_and_tried_again_as_the_policy_says(name, shape, streams):
    fault = FAULTS[name]
    expected = fault.error_for(shape)
    server, result, _ = tried(name, shape, streams)
    assert result.nodes["sibling"].output == "fine"
    calls = [seen for seen in server.seen if "faulty" in str(said_to(seen))]
    assert len(calls) == (0 if fault.nobody else fault.calls_for(shape))
    assert all(seen.body.get("stream", False) is streams for seen in calls)
    if expected is None:
        assert (result.status, result.errors) == ("succeeded", {})
        assert "Hello" in result.outputs["faulty"]
        return
    error = result.errors["faulty"]
    assert (error.type, error.attempts) == (expected.__name__, fault.calls_for(shape))
    assert (result.status, result.nodes["sibling"].state) == ("failed", "succeeded")
    assert error.message.startswith(f"{shape.provider} ")
    assert error.message.endswith(f"; {hint_for(expected, PRESETS[shape.provider].hints)}")
    assert KEY not in error.message


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
@pytest.mark.parametrize("how", ["in seconds", "as a date"])
def test_what_a_provider_asks_us_to_wait_is_waited(how, shape):
    _, _, view = tried(f"429, `Retry-After` {how}", shape, streams=True)
    retries = view.of("retry.scheduled")
    assert len(retries) == ALLOWED - 1
    assert all(WAIT - 5 < event.delay <= WAIT for event in retries)  # a date has whole seconds


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
@pytest.mark.parametrize("name", ["100 MB, as its headers say", "100 MB, unannounced", "500 with 100 MB"])
def test_an_answer_that_is_too_large_is_not_read_to_its_end(name, shape):
    server, _, _ = tried(name, shape, streams=True)
    assert server.sent / ALLOWED < 48 * 1024 * 1024


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_stream_that_is_cut_takes_back_what_was_shown_before_it_is_tried_again(shape):
    _, _, view = tried("reset after the headers", shape, streams=True)
    kinds = [event.kind for event in view.events if getattr(event, "node", None) == "faulty"]
    story = [kind for kind in kinds if kind in {"llm.token", "retry.scheduled", "node.failed"}]
    assert story == ["llm.token", "retry.scheduled"] * (ALLOWED - 1) + ["llm.token", "node.failed"]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
async def test_after_a_cut_stream_only_the_second_answer_is_shown(server, shape):
    first = shape.stream(*begun(shape.events("Hello", " world")), then="reset")
    server.will(first, shape.says("Goodbye now", streams=True))
    view = View()
    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.prompt("faulty", "hi", provider=config_of(shape, server.url)))
    result = await gb.WorkflowExecutor(retry=AT_ONCE).run(builder.build(), views=(view,))
    assert result.outputs == {"faulty": "Goodbye now"}
    snapshot = RunSnapshot()
    shown = [(event.kind, snapshot.apply(event).index["faulty"].streamed) for event in view.events]
    at = shown.index(("retry.scheduled", ""))
    assert shown[at - 1] == ("llm.token", "Hello")
    assert "".join(text for _, text in shown[at:]).replace("Goodbye now", "") == ""


def test_the_page_shows_the_table_that_the_tests_run():
    assert PAGE.read_text(encoding="utf-8") == page_with(table()), "python tests/providers/faults.py writes it anew"
