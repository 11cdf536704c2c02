"""A run is refused before any call when a model is surely not there, and for no other reason."""

import asyncio
import json
import re

import pytest

import graphbit_nb as gb
from graphbit_nb.providers.clients import LlmClientManager
from graphbit_nb.providers.model_lists import ModelLists
from graphbit_nb.providers.registry import ProviderRegistry
from graphbit_nb.providers.scripted import ScriptedClient
from graphbit_nb.session.clients import RunClients
from graphbit_nb.session.model_names import is_fetched, is_slip
from graphbit_nb.session.resources import check_models
from graphbit_nb.testing import run_in_virtual_time

KEY = "sk-very-secret-key-0123456789"
OPENAI = ("gpt-4", "gpt-4o", "gpt-4o-mini", "gpt-4o-mini-2024-07-18", "gpt-4.1", "text-embedding-3-large", "o3-mini")


class Provider(ScriptedClient):
    """Answers everything, counts it, and lists what its script says: names, or an error, each time."""

    def __init__(self, *lists, delay=0.0):
        super().__init__({"*": "answered"})
        self.lists = list(lists)
        self.listings = self.calls = 0
        self.waits = delay

    async def generate(self, request, listener=None):
        self.calls += 1
        return await super().generate(request, listener)

    async def list_models(self):
        self.listings += 1
        await asyncio.sleep(self.waits)
        step = self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]
        if isinstance(step, BaseException):
            raise step
        return step


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    """A registry of its own for each test."""
    monkeypatch.setattr(ProviderRegistry, "_found", {})


def manager_of(clock=None, **providers):
    for name, client in providers.items():
        ProviderRegistry.register(name, lambda _, client=client: client)
    return LlmClientManager(lists=ModelLists(clock=clock or Clock()))


def asked(config, node="draft"):
    return [(node, config)]


def openai(model, **more):
    return gb.LlmConfig.openai(model, api_key=KEY, **more)


def prompt(name, **more):
    return gb.Node.prompt(name, "say something", **more)


def workflow_of(*nodes, name="w"):
    builder = gb.WorkflowBuilder(name)
    for node in nodes:
        builder.add_node(node)
    return builder.build()


# ---- names


@pytest.mark.parametrize(
    "model",
    [
        *("gpt-4o-mni", "gtp-4o-mini", "gpt-4o-minni", "gpt4o-mini", "gpt_4o_mini", "gpt-40-mini", "GPT-4o-mnii"),
        *("text-embeding-3-large", "gpt-4o-mni-2024-07-18", "openai/gpt-4o-mni"),
    ],
)
def test_a_name_with_a_slip_in_it(model):
    assert is_slip(model, OPENAI)


@pytest.mark.parametrize(
    "model",
    [
        *("my-model", "llama-3.1-8b", "", "gpt-9-turbo"),
        *("gpt-4o-mini-latest", "gpt-4o-mini-2025-01-01", "gpt-4o-mini-20250101", "gpt-4o-2024-08-06"),
        *("gpt-4o-mini-preview", "gpt-4o-min", "gpt-4-turbo"),
        *("gpt-4.2", "gpt-5", "o4-mini", "text-embedding-3-small"),
        *("GPT-4o", "openai/gpt-4o", "models/gpt-4o-mini"),
    ],
)
def test_a_name_that_may_be_another_models(model):
    assert not is_slip(model, OPENAI)


@pytest.mark.parametrize(
    ("model", "listed", "slip"),
    [
        ("gemini-2.5-pro", ["models/gemini-2.5-pro"], False),
        ("gemni-2.5-pro", ["models/gemini-2.5-pro"], True),
        ("opneai/gpt-4o", ["openai/gpt-4o"], True),
        ("azure/gpt-4o", ["openai/gpt-4o"], False),
        ("openai/gpt-4o-mni", ["openai/gpt-4o-mini", "openai/*"], False),
        ("claude-3-5-sonnet-latest", ["claude-3-5-sonnet-20241022"], False),
        ("claud-3-5-sonnet-latest", ["claude-3-5-sonnet-20241022"], True),
        ("claude-3-5-sonnet-20240620", ["claude-3-5-sonnet-20241022"], False),
        ("mistral-medium", ["magistral-medium", "ministral-8b"], False),
        ("gemma-3-4b-it", ["gemma-3n-e4b-it"], False),
        ("command-r", ["command-a"], False),
    ],
)
def test_vendors_editions_and_patterns(model, listed, slip):
    assert is_slip(model, listed) is slip


@pytest.mark.parametrize("model", OPENAI)
def test_no_real_model_is_taken_for_a_slip_of_another(model):
    assert not is_slip(model, [name for name in OPENAI if name != model])


@pytest.mark.parametrize(
    ("model", "fetched"),
    [
        *(("llama3.2", True), ("llama3.2:latest", True), ("Llama3.2", True), ("library/llama3.2", True)),
        *(("llama3.2:1b", False), ("qwen2.5:7b", True), ("qwen2.5", False), ("llama3", False)),
        ("hf.co/you/model:Q4", True),
    ],
)
def test_a_fetched_model_goes_by_its_tag(model, fetched):
    assert is_fetched(model, ["llama3.2:latest", "qwen2.5:7b", "hf.co/you/model:Q4"]) is fetched


# ---- what is refused


async def test_a_model_that_is_listed_is_in_order():
    provider = Provider(OPENAI)
    await check_models(asked(openai("gpt-4o")), manager_of(openai=provider))
    assert provider.listings == 1


async def test_a_slip_is_refused_with_the_nearest_name_and_what_to_do():
    with pytest.raises(gb.ConfigurationError) as caught:
        await check_models(asked(openai("gpt-4o-mni")), manager_of(openai=Provider(OPENAI)))
    assert str(caught.value) == (
        "draft: openai does not list the model 'gpt-4o-mni'; did you mean 'gpt-4o-mini' or "
        "'gpt-4o-mini-2024-07-18'? Name it in model= or in the LlmConfig, or give that options={'check_model': False} "
        "if it is right as it is"
    )


async def test_a_name_unlike_any_other_is_left_to_the_provider():
    await check_models(asked(openai("our-own-tune")), manager_of(openai=Provider(OPENAI)))


async def test_a_model_that_is_not_pulled_is_refused_with_what_is_there_and_the_command():
    manager = manager_of(ollama=Provider(("llama3.2:latest", "qwen2.5:7b")))
    with pytest.raises(gb.ConfigurationError) as caught:
        await check_models(asked(gb.LlmConfig.ollama("llama3.1")), manager)
    assert str(caught.value) == (
        "draft: ollama does not have the model 'llama3.1'; name one that is there, such as 'llama3.2:latest', "
        "or fetch it with `ollama pull llama3.1`"
    )


async def test_the_command_quotes_what_a_shell_would_read():
    manager = manager_of(ollama=Provider(("llama3.2:latest",)))
    with pytest.raises(gb.ConfigurationError, match=re.escape("`ollama pull 'x; rm y'`")):
        await check_models(asked(gb.LlmConfig.ollama("x; rm y")), manager)


@pytest.mark.parametrize("model", ["llama3.2", "llama3.2:latest", "gpt-oss:120b-cloud"])
async def test_a_model_that_is_pulled_or_runs_elsewhere_is_in_order(model):
    manager = manager_of(ollama=Provider(("llama3.2:latest",)))
    await check_models(asked(gb.LlmConfig.ollama(model)), manager)


async def test_every_model_that_is_wrong_is_told_at_once_with_its_nodes():
    manager = manager_of(openai=Provider(OPENAI), ollama=Provider(("llama3.2:latest",)))
    wrong = [("a", openai("gpt-4o-mni")), ("b", gb.LlmConfig.ollama("phi4")), ("c", openai("gpt-4o-mni"))]
    with pytest.raises(gb.ConfigurationError) as caught:
        await check_models([*wrong, ("d", openai("gpt-4o"))], manager)
    head, *lines = str(caught.value).splitlines()
    assert head == "2 models cannot be asked:"
    assert lines[0].startswith("  - a, c: openai does not list the model 'gpt-4o-mni'")
    assert lines[1].startswith("  - b: ollama does not have the model 'phi4'")


async def test_of_many_nodes_only_some_are_named():
    many = [(f"n{n}", openai("gpt-4o-mni")) for n in range(100)]
    with pytest.raises(gb.ConfigurationError, match=r"^n0, n1, n2, n3, n4 and 95 more: openai"):
        await check_models(many, manager_of(openai=Provider(OPENAI)))


async def test_the_check_can_be_switched_off():
    provider = Provider(OPENAI)
    await check_models(asked(openai("gpt-4o-mni", options={"check_model": False})), manager_of(openai=provider))
    assert provider.listings == 0


async def test_the_address_is_told_without_what_is_secret_in_it():
    config = gb.LlmConfig.openai_compatible(base_url=f"https://me:{KEY}@box:1/v1", model="gpt-4o-mni", api_key=KEY)
    with pytest.raises(gb.ConfigurationError, match="openai_compatible at box:1 does not list") as caught:
        await check_models(asked(config), manager_of(openai_compatible=Provider(OPENAI)))
    assert KEY not in str(caught.value)


# ---- unknown, and remembered


@pytest.mark.parametrize("lists", [gb.ProviderError("no"), TimeoutError(), KeyError("x"), (), None], ids=repr)
async def test_a_list_that_cannot_be_had_refuses_nothing(lists):
    await check_models(asked(openai("gpt-4o-mni")), manager_of(openai=Provider(lists)))


async def test_many_nodes_models_and_runs_ask_for_the_list_once():
    provider = Provider(OPENAI)
    manager = manager_of(openai=provider)
    many = [(f"n{n}", openai(("gpt-4o", "gpt-4.1", "o3-mini")[n % 3])) for n in range(300)]
    await asyncio.gather(*(check_models(many, manager) for _ in range(20)))
    assert provider.listings == 1


async def test_a_model_fetched_since_the_last_run_is_found():
    clock, provider = Clock(), Provider(("qwen2.5:7b",), ("qwen2.5:7b", "phi4:latest"))
    manager = manager_of(clock, ollama=provider)
    await check_models(asked(gb.LlmConfig.ollama("qwen2.5:7b")), manager)
    clock.now += 5.0
    await check_models(asked(gb.LlmConfig.ollama("phi4")), manager)
    assert provider.listings == 2


async def test_a_list_that_is_fresh_is_not_asked_for_again_to_refuse():
    provider = Provider(("qwen2.5:7b",))
    with pytest.raises(gb.ConfigurationError):
        await check_models(asked(gb.LlmConfig.ollama("phi4")), manager_of(ollama=provider))
    assert provider.listings == 1


def test_all_places_are_asked_at_the_same_time_and_no_run_waits_longer_than_two_seconds():
    async def main():
        loop = asyncio.get_running_loop()
        slow = {name: Provider(OPENAI, delay=3600.0) for name in ("openai", "anthropic", "ollama")}
        manager = manager_of(loop.time, **slow)
        models = [(name, gb.LlmConfig(provider=name, model="gpt-4o-mni")) for name in slow]
        await check_models(models, manager)
        first = loop.time()
        await check_models(models, manager)
        return first, loop.time()

    assert run_in_virtual_time(main()) == (2.0, 2.0)


# ---- which nodes of a run


def clients_for(config, **providers):
    return RunClients(manager_of(**providers), config)


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        ([prompt("a"), prompt("b", model="gpt-4o-mni")], "b: "),
        ([prompt("a", fallback=openai("gpt-4o-mni"))], "a: "),
        ([gb.Node.workflow("sub", workflow_of(prompt("inner", model="gpt-4o-mni")))], "sub.inner: "),
        ([gb.Node.embed("e", text="x", model="text-embeding-3-large", provider=openai("gpt-4o"))], "e: "),
    ],
    ids=["its own model", "a fallback", "inside a sub-workflow", "an embedding"],
)
async def test_every_model_that_a_run_may_ask_is_looked_at(nodes, told):
    clients = clients_for(openai("gpt-4o"), openai=Provider(OPENAI))
    with pytest.raises(gb.ConfigurationError, match=f"^{re.escape(told)}openai does not list"):
        await clients.check_models(workflow_of(*nodes).nodes.values())


async def test_nodes_that_ask_no_model_and_scripts_are_not_asked_after():
    provider = Provider(OPENAI)
    clients = clients_for(gb.LlmConfig.scripted({"*": "x"}), openai=provider)
    nodes = workflow_of(prompt("a"), gb.Node.python("b", lambda a: a)).nodes.values()
    await clients.check_models(nodes)
    assert provider.listings == 0


def test_a_script_is_not_waited_for_at_all():
    clients = clients_for(gb.LlmConfig.scripted({"*": "x"}))
    with pytest.raises(StopIteration):
        clients.check_models(workflow_of(prompt("a")).nodes.values()).send(None)


# ---- over HTTP


class Server:
    """Lists some models, and answers every question about any."""

    def __init__(self, *names):
        self.listing = {
            "object": "list", "data": [{"id": name} for name in names], "models": [{"name": name} for name in names],
        }  # fmt: skip
        self.asked = []

    async def serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
                await reader.readexactly(int(length.group(1)) if length else 0)
                self.asked.append(head.split()[1])
                body = self.listing if head.startswith("GET") else {"choices": [{"message": {"content": "hello"}}]}
                data = json.dumps(body).encode()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(data), data))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@pytest.mark.parametrize("provider", ["openai", "openai_compatible", "ollama"])
async def test_a_refused_run_has_called_nothing_and_shows_no_key(provider):
    served = Server("llama3.2:latest", "mixtral:latest")
    listening = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    manager = LlmClientManager()
    clients = RunClients(manager, gb.LlmConfig(provider=provider, model="mixtrl:latest", base_url=url, api_key=KEY))
    try:
        with pytest.raises(gb.ConfigurationError, match="'mixtral:latest'") as caught:
            await clients.check_models([prompt("a")])
    finally:
        await manager.aclose()
        listening.close()
    assert served.asked == ["/api/tags" if provider == "ollama" else "/v1/models"]
    assert KEY not in f"{caught.value!r}"
