import subprocess
import sys

import pytest
from faultserver import answer, ask, chat_answer

from graphbit_nb.core.config import LlmConfig
from graphbit_nb.errors import ConfigurationError
from graphbit_nb.providers.clients import LlmClientManager
from graphbit_nb.providers.limits import PoolLimits
from graphbit_nb.providers.registry import ProviderRegistry


@pytest.fixture
async def manager():
    some = LlmClientManager(PoolLimits(max_connections=3))
    yield some
    await some.aclose()


def test_the_known_providers():
    assert {"anthropic", "azure", "groq", "local", "ollama", "openai", "scripted"} <= set(ProviderRegistry.names())


async def test_equal_configs_share_a_client(manager):
    one, same = (LlmConfig.openai("m", api_key="sk-1", headers={"a": "b"}) for _ in range(2))
    assert manager.client(one) is manager.client(same)


@pytest.mark.parametrize(
    "other",
    [
        LlmConfig.openai("n", api_key="sk-1"),
        LlmConfig.openai("m", api_key="sk-2"),
        LlmConfig.openai("m", api_key="sk-1", timeout=1.0),
        LlmConfig.openai("m", api_key="sk-1", options={"x": 1}),
        LlmConfig.openai("m", api_key="sk-1", base_url="https://h/v1"),
    ],
    ids=["model", "key", "timeout", "options", "address"],
)
async def test_different_configs_do_not(manager, other):
    assert manager.client(LlmConfig.openai("m", api_key="sk-1")) is not manager.client(other)


async def test_a_script_counts_its_calls_for_itself(manager):
    one, two = LlmConfig.scripted({"*": ["a", "b"]}), LlmConfig.scripted({"*": ["a", "b"]})
    first, second = manager.client(one), manager.client(two)
    assert first is not second
    assert manager.client(one.with_model("other")) is first
    assert [(await c.generate(ask())).text for c in (first, second, first)] == ["a", "a", "b"]


async def test_clients_of_one_address_share_its_connections(manager, server):
    server.will(answer(chat_answer()))
    for model in ("a", "b"):
        config = LlmConfig.openai_compatible(base_url=server.url, model=model)
        await manager.client(config).generate(ask())
    assert server.connections == 1


async def test_an_unknown_provider_is_answered_with_the_nearest(manager):
    with pytest.raises(ConfigurationError, match="did you mean 'openai'"):
        manager.client(LlmConfig(provider="openia", model="m"))


async def test_the_limits_can_be_read_and_reach_the_pool(manager):
    assert manager.limits.max_connections == manager.pools.limits.max_connections == 3


async def test_closing_closes_clients_and_connections_and_a_later_call_opens_new_ones(manager, server):
    server.will(answer(chat_answer()))
    config = LlmConfig.openai_compatible(base_url=server.url, model="m")
    old = manager.client(config)
    await old.generate(ask())
    await manager.aclose()
    assert manager.client(config) is not old
    await manager.client(config).generate(ask())
    assert server.connections == 2


async def test_no_repr_shows_a_key(manager):
    manager.client(LlmConfig.openai("m", api_key="sk-hush"))
    assert "sk-hush" not in f"{manager!r}{vars(manager)}"


def test_the_manager_and_a_script_load_no_http_library():
    code = (
        "import sys, asyncio; from graphbit_nb.providers import clients, resilient; "
        "from graphbit_nb.core.config import LlmConfig; "
        "clients.LlmClientManager().client(LlmConfig.scripted({})); "
        "print({'httpx', 'xllamacpp'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
