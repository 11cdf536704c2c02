"""The embedded model itself: its real runtime, its real weights."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import httpx
import pytest
from faultserver import Listener, ask

from graphbit_nb import errors
from graphbit_nb.core.config import LlmConfig
from graphbit_nb.core.llm import Image, LlmClient, Message, ToolSpec
from graphbit_nb.providers.local import client as local_client
from graphbit_nb.providers.local import is_available, weights
from graphbit_nb.providers.local.client import LocalClient, LocalOptions
from graphbit_nb.providers.local.process import acquire, release

IN_CI = os.environ.get("CI") == "true"  # there, what is missing is a failure
NO_RUNTIME = not is_available() and not IN_CI
NO_WEIGHTS = weights.find() is None and not IN_CI

needs_model = [
    pytest.mark.local,
    pytest.mark.skipif(NO_RUNTIME, reason="the runtime is not installed: pip install 'graphbit-nb[local]'"),
    pytest.mark.skipif(NO_WEIGHTS, reason="the weights are not installed: graphbit-nb local install"),
]
WEATHER = ToolSpec(
    "get_weather",
    "Look up the weather of a city",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
ADD = ToolSpec(
    "add",
    "Add two numbers",
    {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}, "required": ["a", "b"]},
)
CONFIG = LlmConfig.local(context=1024, slots=2)
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}


@pytest.fixture(scope="module")
def shared_child():
    """One child for all tests: a client alone would end it with itself."""
    options = LocalClient.from_config(CONFIG)._server_options("smollm2")
    yield acquire(options)
    release(options)


@pytest.fixture
async def local(shared_child):
    client = LocalClient.from_config(CONFIG)
    yield client
    await client.aclose()


async def busy_slots(server):
    headers = {"Authorization": f"Bearer {server.address.key.get_secret_value()}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
        slots = (await client.get(f"{server.address.url}/slots")).json()
    return sum(slot["is_processing"] for slot in slots)


async def until(condition):
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.01)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_unknown_options_are_answered_with_the_nearest():
    with pytest.raises(errors.ConfigurationError, match="did you mean 'threads'"):
        LocalOptions.parse({"thread": 1})


@pytest.mark.parametrize("options", [{"slots": 0}, {"context": "many"}, {"threads": True}, {"slots": None}])
def test_options_are_whole_numbers_above_nothing(options):
    with pytest.raises(errors.ConfigurationError, match=next(iter(options))):
        LocalOptions.parse(options)


def test_a_missing_runtime_is_told_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(local_client, "is_available", lambda: False)
    with pytest.raises(errors.ConfigurationError, match=r'pip install "graphbit-nb\[local\]"'):
        LocalClient()


def test_missing_weights_are_told_when_the_client_is_made_and_nothing_is_fetched(monkeypatch, tmp_path):
    monkeypatch.setattr(local_client, "is_available", lambda: True)
    monkeypatch.setenv("GRAPHBIT_MODELS", str(tmp_path))
    with pytest.raises(errors.ConfigurationError, match="graphbit-nb local install"):
        LocalClient()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (ask(), (0.0, 1, 256)),
        (ask(sample=2), (0.7, 3, 256)),
        (ask(sample=2, temperature=0.2, seed=40, max_tokens=9), (0.2, 42, 9)),
    ],
)
def test_answers_are_repeatable_and_further_samples_differ(request_, expected):
    sent = local_client._with_defaults(request_, "m")
    assert (sent.temperature, sent.seed, sent.max_tokens) == expected
    assert sent.sample == 0


class TestWithTheModel:
    pytestmark = needs_model

    async def test_it_answers_and_tells_its_tokens(self, local):
        assert isinstance(local, LlmClient)
        listener = Listener()
        got = await local.generate(ask("What is a river? One sentence.", max_tokens=24), listener)
        assert len(got.text) > 10
        assert "".join(listener.tokens) == got.text
        assert len(listener.tokens) > 3
        assert (got.provider, got.model) == ("local", "smollm2")
        assert got.usage.output_tokens <= 24
        assert 0 < got.first_token <= got.latency

    async def test_the_same_request_gets_the_same_answer_and_another_sample_another(self, local):
        asked = [ask("Name a colour and say why.", max_tokens=24, sample=n) for n in (0, 0, 1, 2)]
        first, again, *others = [(await local.generate(request)).text for request in asked]
        assert first == again
        assert any(other != first for other in others)

    async def test_an_answer_fits_its_schema(self, local):
        got = await local.generate(ask("Alice is 31 years old.", schema=PERSON))
        value = json.loads(got.text)
        assert set(value) == {"name", "age"}
        assert isinstance(value["age"], int)

    @pytest.mark.parametrize(
        ("question", "tool", "arguments"),
        [
            ("What is the weather in Oslo?", "get_weather", {"city": "Oslo"}),
            ("What is 17 plus 25?", "add", {"a": 17, "b": 25}),
        ],
    )
    async def test_it_chooses_a_tool_and_its_arguments_and_shows_nothing_of_the_json(
        self, local, question, tool, arguments
    ):
        listener = Listener()
        got = await local.generate(ask(question, tools=(WEATHER, ADD)), listener)
        assert [(call.name, call.arguments) for call in got.tool_calls] == [(tool, arguments)]
        assert (got.text, listener.tokens) == ("", [])

    async def test_it_answers_with_what_a_tool_has_found(self, local):
        request = ask("What is the weather in Oslo?", tools=(WEATHER, ADD))
        call = await local.generate(request)
        result = Message("tool", "4 degrees and rain", tool_call_id=call.tool_calls[0].id)
        listener = Listener()
        asked = replace(request, messages=(*request.messages, call.as_message(), result))
        got = await local.generate(asked, listener)
        assert "4 degrees" in got.text
        assert listener.tokens == [got.text]

    async def test_an_answer_costs_nothing(self, local):
        assert (await local.generate(ask(max_tokens=1))).cost == 0.0

    @pytest.mark.parametrize("tools", [(), (ADD,)], ids=["plain", "with tools"])
    async def test_an_image_is_refused_with_what_to_do(self, local, tools):
        request = replace(ask(tools=tools), messages=(Message("user", "what?", images=(Image(data=b"png"),)),))
        with pytest.raises(errors.BadRequestError, match="local has no images: leave out images, or ask another"):
            await local.generate(request)

    async def test_a_prompt_that_is_too_long_is_told_in_numbers_with_what_to_do(self, local):
        with pytest.raises(errors.ContextTooLongError, match=r"\d{4} tokens.*1024.*LlmConfig\.local\(context="):
            await local.generate(ask("word " * 2000))

    async def test_cancelling_frees_the_slot(self, local, shared_child):
        started = asyncio.Event()

        class Told(Listener):
            def token(self, text):
                started.set()

        story = ask("Count from one to a thousand in words.", max_tokens=900)
        call = asyncio.create_task(local.generate(story, Told()))
        await started.wait()
        assert await busy_slots(shared_child) == 1
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

        async def is_free():
            return await busy_slots(shared_child) == 0

        await until(is_free)

    async def test_a_server_without_the_key_is_not_served(self, local, shared_child):
        await local.generate(ask(max_tokens=1))
        async with httpx.AsyncClient(trust_env=False) as stranger:
            got = await stranger.post(f"{shared_child.address.url}/v1/chat/completions", json={"messages": []})
        assert got.status_code == 401

    async def test_a_killed_process_is_started_again_by_the_next_call(self, local, shared_child):
        await local.generate(ask(max_tokens=1))
        pid = shared_child.address.pid
        os.kill(pid, signal.SIGKILL)
        assert shared_child.exit_code(5.0) is not None
        assert (await local.generate(ask("Hello", max_tokens=4))).text
        assert shared_child.address.pid != pid

    async def test_a_process_killed_in_the_midst_of_a_call_is_a_connection_error(self, local, shared_child):
        class Murderer(Listener):
            def token(self, text):
                os.kill(shared_child.address.pid, signal.SIGKILL)
                self.token = self.tokens.append

        with pytest.raises(errors.ProviderConnectionError, match=r"SIGKILL.*starts it again") as caught:
            await local.generate(ask("Count from one to a thousand.", max_tokens=500), Murderer())
        assert caught.value.retryable

    async def test_first_calls_at_the_same_time_start_one_process_and_closing_ends_it(self):
        config = LlmConfig.local(context=256, slots=1)
        one, two = LocalClient.from_config(config), LocalClient.from_config(config)
        await asyncio.gather(*(client.generate(ask(max_tokens=1)) for client in (one, two, one)))
        server = next(iter(one._servers.values()))
        assert next(iter(two._servers.values())) is server
        pid = server.address.pid
        await one.aclose()
        assert is_alive(pid)
        await two.aclose()
        assert not is_alive(pid)

    async def test_a_damaged_model_file_says_what_is_wrong_with_it(self, tmp_path):
        with weights.find().open("rb") as file:
            (tmp_path / "cut.gguf").write_bytes(file.read(3_000_000))
        client = LocalClient.from_config(LlmConfig.local(model=str(tmp_path / "cut.gguf")))
        with pytest.raises(errors.ConfigurationError, match="corrupted or incomplete"):
            await client.generate(ask())
        await client.aclose()

    @pytest.mark.parametrize("ending", ["os.kill(os.getpid(), 9)", "sys.exit()"])
    async def test_no_process_outlives_its_parent(self, ending, shared_child):
        code = (
            "import os, sys; from graphbit_nb.providers.local.process import ServerOptions, acquire; "
            f"options = ServerOptions(path={shared_child._options.path!r}, name='m', threads=1, slots=1, context=256); "
            f"print(acquire(options).start().pid, flush=True); {ending}"
        )
        parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=subprocess.PIPE)
        out, _ = await parent.communicate()

        async def is_gone():
            return not is_alive(int(out))

        await until(is_gone)

    async def test_what_is_known_of_the_model_needs_no_call(self):
        info = LocalClient.from_config(CONFIG).model_info()
        assert (info.provider, info.name, info.context_window) == ("local", "smollm2", 1024)
        assert (info.structured_output, info.always_streams) == ("grammar", True)
