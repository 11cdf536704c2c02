"""Which models a provider lists: asked over HTTP, remembered for a while, and unknown when anything goes wrong."""

import asyncio
import json
import logging
import subprocess
import sys

import pytest
from faultserver import KEY, FaultServer, Seen, answer, flood, hang, make_client, reset

from graphbit_nb import errors
from graphbit_nb.core.config import LlmConfig
from graphbit_nb.core.llm import ModelInfo
from graphbit_nb.providers.clients import LlmClientManager
from graphbit_nb.providers.model_lists import ModelLists
from graphbit_nb.providers.presets import resolve
from graphbit_nb.providers.registry import ProviderRegistry
from graphbit_nb.providers.resilient import ResilientClient
from graphbit_nb.providers.scripted import ScriptedClient
from graphbit_nb.reliability.retry import RetryPolicy
from graphbit_nb.testing import run_in_virtual_time


def listing(*names):
    return answer({"object": "list", "data": [{"id": name, "object": "model"} for name in names]})


class ListServer(FaultServer):
    """Answers questions that have no body, which is what asking for a list is."""

    async def serve(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:] if line)}
                method, path, _ = head[0].split()
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.seen.append(Seen(path, {**headers, "method": method}, json.loads(body or b"null")))
                self.asked.set()
                act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
                await act(self, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Lister:
    """A client that only lists: each item of the script is a list of names or an error to raise."""

    def __init__(self, *script, delay=0.0):
        self.script = list(script)
        self.delay = delay
        self.asked = 0

    async def list_models(self):
        self.asked += 1
        await asyncio.sleep(self.delay)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, BaseException):
            raise step
        return step


@pytest.fixture
async def server():
    some = ListServer()
    listening = await asyncio.start_server(some.serve, "127.0.0.1", 0)
    some.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    yield some
    listening.close()
    await some.stop()
    await listening.wait_closed()


@pytest.fixture
async def manager():
    some = LlmClientManager(lists=ModelLists(longest_wait=30.0, clock=Clock()))
    yield some
    await some.aclose()


@pytest.fixture
async def hasty_manager():
    some = LlmClientManager(lists=ModelLists(longest_wait=0.05))
    yield some
    await some.aclose()


def compatible(server, model="m", **more):
    return LlmConfig(provider="openai_compatible", base_url=server.url, model=model, **{"api_key": KEY, **more})


# ---- asking


async def test_the_names_are_read_from_the_providers_list(server, client):
    server.will(listing("a", "b", "a"))
    assert await client.list_models() == ("a", "b")
    [seen] = server.seen
    assert (seen.headers["method"], seen.path, seen.body) == ("GET", "/v1/models", None)
    assert seen.headers["authorization"] == f"Bearer {KEY}"


async def test_the_headers_of_the_config_are_sent_along(server, pools):
    server.will(listing("a"))
    await make_client(server, pools, headers={"x-team": "blue"}).list_models()
    assert server.seen[0].headers["x-team"] == "blue"


async def test_anthropic_is_asked_in_its_own_words(server, pools):
    server.will(answer({"data": [{"type": "model", "id": "claude-x"}], "has_more": False}))
    assert await make_client(server, pools, provider="anthropic").list_models() == ("claude-x",)
    [seen] = server.seen
    assert seen.path == "/v1/models?limit=1000"
    assert (seen.headers["x-api-key"], seen.headers["anthropic-version"]) == (KEY, "2023-06-01")
    assert "authorization" not in seen.headers


async def test_without_a_key_the_question_is_not_signed(server, pools):
    server.will(listing("a"))
    await make_client(server, pools, provider="vllm", api_key=None).list_models()
    assert "authorization" not in server.seen[0].headers


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ([{"id": "a"}, {"id": "b"}], ("a", "b")),
        ({"data": None}, ()),
        ({"data": []}, ()),
        ({"data": [{"id": "a"}, {"id": 7}, {}, "b", None, {"id": ""}, {"id": "x\ny"}, {"id": "y" * 500}]}, ("a",)),
        ({"data": [{"id": "a"}, {"id": f"model-{KEY}"}]}, ("a",)),
    ],
    ids=["a bare list", "none, as Ollama says it", "none", "entries that are no names", "an echo of the key"],
)
async def test_lists_in_other_shapes(server, client, body, names):
    server.will(answer(body))
    assert await client.list_models() == names


@pytest.mark.parametrize("key", ["x", "ollama", "EMPTY"])
async def test_what_stands_for_a_key_may_be_part_of_a_name(server, pools, key):
    server.will(listing(f"mi{key}tral"))
    assert await make_client(server, pools, api_key=key).list_models() == (f"mi{key}tral",)


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (answer({"error": {"message": f"no key {KEY}"}}, 401), errors.AuthenticationError),
        (answer({"detail": "Not Found"}, 404), errors.NotFoundError),
        (answer("broken", 500), errors.ServerError),
        (answer("", 302, {"location": "https://elsewhere/"}), errors.NotFoundError),
        (answer("<html>hello</html>"), errors.ProtocolError),
        (answer("{not json"), errors.ProtocolError),
        (answer("7"), errors.ProtocolError),
        (answer({"hello": "there"}), errors.ProtocolError),
        (answer({"data": {"a": 1}}), errors.ProtocolError),
        (answer({"data": [{"id": "a"}], "has_more": True}), errors.ProtocolError),
        (answer({"error": {"code": "model_not_found"}}), errors.NotFoundError),
        (flood(256 * 1024), errors.ResponseTooLargeError),
        (reset, errors.ProviderConnectionError),
    ],
    ids=[
        *("401", "404", "500", "redirect", "html", "garbage", "number", "no list", "table", "in part", "error in 200"),
        *("huge", "reset"),
    ],
)
async def test_what_goes_wrong_is_one_of_our_errors_without_the_key(server, client, act, kind):
    server.will(act)
    with pytest.raises(errors.ProviderError) as caught:
        await client.list_models()
    assert type(caught.value) is kind
    assert KEY not in f"{caught.value}{caught.value.body}"


async def test_a_list_is_not_read_beyond_its_own_limit(server, pools, monkeypatch):
    monkeypatch.setattr("graphbit_nb.providers.http.LONGEST_LIST", 1024)
    server.will(listing(*(f"model-{n}" for n in range(100))))
    with pytest.raises(errors.ProtocolError, match="more than 1,024 bytes"):
        await make_client(server, pools).list_models()


# ---- who lists


@pytest.mark.parametrize(
    "config",
    [
        LlmConfig.openai("m", api_key="sk-1", base_url="https://mine.openai.azure.com/openai/v1"),
        LlmConfig.openai("m", api_key="sk-1", options={"check_model": False}),
    ],
    ids=["azure, where customers name the models", "switched off"],
)
async def test_no_list_is_asked_for_where_it_cannot_be_relied_on(manager, config):
    assert await manager.client(config).list_models() == ()
    assert resolve(config, {}).body == {}


def test_the_switch_is_true_or_false():
    with pytest.raises(errors.ConfigurationError, match="check_model must be True or False, not 'no'"):
        resolve(LlmConfig.ollama("m", options={"check_model": "no"}), {})


async def test_the_resilient_client_asks_once_whatever_its_policy(server, client):
    server.will(answer("broken", 503), listing("a"))
    resilient = ResilientClient(client, RetryPolicy(max_attempts=5))
    with pytest.raises(errors.OverloadedError):
        await resilient.list_models()
    assert await resilient.list_models() == ("a",)
    assert await ResilientClient(ScriptedClient({}), RetryPolicy()).list_models() == ()


async def test_a_script_has_no_list(manager):
    config = LlmConfig.scripted({"*": "x"})
    assert await manager.models_of(config) is None


async def test_a_custom_client_without_a_list_is_unknown(manager, monkeypatch):
    class Own(ScriptedClient):
        def model_info(self):
            return ModelInfo(provider="mine", name="m")

    monkeypatch.setattr(ProviderRegistry, "_found", {"mine": lambda _: Own({})})
    config = LlmConfig(provider="mine", model="m")
    assert await manager.models_of(config) is None


def test_asking_after_the_list_of_a_script_loads_no_http_library():
    code = (
        "import sys, asyncio; from graphbit_nb.session.clients import RunClients; "
        "from graphbit_nb.providers.clients import LlmClientManager; "
        "from graphbit_nb.core.config import LlmConfig; from graphbit_nb import Node; "
        "clients = RunClients(LlmClientManager(), LlmConfig.scripted({'*': 'x'})); "
        "asyncio.run(clients.check_models([Node.prompt('a', 'x')])); "
        "print({'httpx', 'xllamacpp'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"


# ---- the manager: unknown is never an error


async def test_models_of_one_place_are_asked_for_once(manager, server):
    server.will(listing("a"))
    configs = [compatible(server, name) for name in "abc"]
    assert await asyncio.gather(*map(manager.models_of, configs)) == [("a",)] * 3
    assert await manager.models_of(compatible(server, "d", timeout=9.0, options={"seed": 1})) == ("a",)
    assert len(server.seen) == 1


@pytest.mark.parametrize("other", [{"api_key": "sk-another-key-0123456789"}, {"headers": {"x-org": "b"}}])
async def test_another_key_may_see_another_list(manager, server, other):
    server.will(listing("a"), listing("b"))
    assert await manager.models_of(compatible(server)) == ("a",)
    assert await manager.models_of(compatible(server, **other)) == ("b",)


@pytest.mark.parametrize(
    "act",
    [answer("", 401), answer("", 404), answer("", 500), answer("{"), listing(), flood(5 * 1024 * 1024), reset],
    ids=["401", "404", "500", "garbage", "empty", "huge", "reset"],
)
async def test_whatever_goes_wrong_the_list_is_unknown(manager, server, act):
    server.will(act)
    assert await manager.models_of(compatible(server)) is None


async def test_a_place_where_nobody_listens_is_unknown(manager):
    config = LlmConfig.openai_compatible(base_url="http://127.0.0.1:9/v1", model="m")
    assert await manager.models_of(config) is None


async def test_a_server_that_hangs_is_unknown(hasty_manager, server):
    server.will(hang)
    assert await hasty_manager.models_of(compatible(server)) is None


async def test_it_is_logged_for_debugging_only_and_without_the_key(manager, server, caplog):
    server.will(answer({"error": {"message": f"no such key {KEY}"}}, 401))
    with caplog.at_level(logging.DEBUG, "graphbit_nb"):
        await manager.models_of(compatible(server))
    records = [record for record in caplog.records if record.name == "graphbit_nb"]
    assert [record.levelname for record in records] == ["DEBUG"]
    assert "AuthenticationError" in caplog.text
    assert KEY not in caplog.text


async def test_closing_the_manager_hangs_up_on_who_is_asked(manager, server):
    server.will(hang)
    waiting = asyncio.create_task(manager.models_of(compatible(server)))
    await server.asked.wait()
    await manager.aclose()
    assert await waiting is None
    await server.hung_up.wait()


# ---- memory


async def test_a_list_is_believed_for_ten_minutes():
    clock, client = Clock(), Lister(("a",), ("b",))
    lists = ModelLists(clock=clock)
    seen = []
    for now in (0.0, 599.0, 600.0):
        clock.now = now
        seen.append(await lists.of("here", client))
    assert seen == [("a",), ("a",), ("b",)]


@pytest.mark.parametrize("failure", [errors.ServerError("down"), ValueError("odd"), ()], ids=["ours", "odd", "empty"])
async def test_a_failure_is_remembered_for_one_minute(failure):
    clock, client = Clock(), Lister(failure, ("b",))
    lists = ModelLists(clock=clock)
    seen = []
    for now in (0.0, 59.0, 60.0):
        clock.now = now
        seen.append(await lists.of("here", client))
    assert seen == [None, None, ("b",)]


async def test_an_older_list_is_not_taken_when_a_newer_one_is_wanted():
    clock, client = Clock(), Lister(("a",), ("b",), errors.ServerError("down"))
    lists = ModelLists(clock=clock)
    assert await lists.of("here", client) == ("a",)
    assert await lists.of("here", client, clock.now) == ("a",)
    clock.now += 1.0
    assert await lists.of("here", client, clock.now) == ("b",)
    clock.now += 1.0
    assert await lists.of("here", client, clock.now) is None


def test_nobody_waits_longer_than_two_seconds():
    async def main():
        loop = asyncio.get_running_loop()
        lists = ModelLists(clock=loop.time)
        client = Lister(("a",), delay=3600.0)
        first = await lists.of("here", client), loop.time()
        second = await lists.of("here", client), loop.time()
        return first, second, client.asked

    assert run_in_virtual_time(main()) == ((None, 2.0), (None, 2.0), 1)


def test_a_client_that_will_not_be_stopped_is_not_waited_for_either():
    class Stubborn:
        async def list_models(self):
            for _ in range(3):
                try:
                    await asyncio.sleep(60.0)
                except asyncio.CancelledError:
                    continue
            return ("a",)

    async def main():
        loop = asyncio.get_running_loop()
        lists = ModelLists(clock=loop.time)
        return await lists.of("here", Stubborn()), loop.time()

    assert run_in_virtual_time(main()) == (None, 2.0)


def test_a_run_that_is_cancelled_takes_the_list_from_nobody_else():
    async def main():
        lists = ModelLists(clock=asyncio.get_running_loop().time)
        client = Lister(("a",), delay=1.0)
        one, other = (asyncio.create_task(lists.of("here", client)) for _ in range(2))
        await asyncio.sleep(0.5)
        one.cancel()
        return await other, one.cancelled(), client.asked

    assert run_in_virtual_time(main()) == (("a",), True, 1)
