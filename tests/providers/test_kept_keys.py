"""A key comes from the config, else from the user's key file, else from the environment."""

import pytest
from pydantic import SecretStr

import graphbit_nb as gb
from graphbit_nb.errors import ConfigurationError
from graphbit_nb.providers.clients import LlmClientManager
from graphbit_nb.providers.identity import identity_of
from graphbit_nb.providers.presets import resolve
from graphbit_nb.storage.secrets import SecureConfig, stored_key

ENVIRON = {"OPENAI_API_KEY": "from-environment"}
KEPT = {"openai": SecretStr("from-file"), "openai:work": SecretStr("from-work"), "mine": SecretStr("from-mine")}


def key_of(config, environ=ENVIRON, keys=KEPT.get):
    found = resolve(config, environ, keys).key
    return None if found is None else found.get_secret_value()


def openai(**more):
    return gb.LlmConfig.openai("m", **more)


def test_the_order_is_argument_file_environment():
    assert key_of(openai(api_key="from-argument")) == "from-argument"
    assert key_of(openai()) == "from-file"
    assert key_of(openai(), keys={}.get) == "from-environment"
    assert key_of(openai(), keys=None) == "from-environment"


def test_a_provider_that_needs_no_key_takes_one_that_is_kept():
    config = gb.LlmConfig.ollama("m")
    assert key_of(config, {}) is None
    assert key_of(config, {}, {"ollama": SecretStr("k")}.get) == "k"


def test_an_account_chooses_among_several_keys_and_is_not_sent():
    config = openai(options={"account": "work", "user": "me"})
    assert key_of(config) == "from-work"
    assert resolve(config, ENVIRON, KEPT.get).body == {"user": "me"}
    assert identity_of(config, {}) == identity_of(openai(), {})


@pytest.mark.parametrize("account", ["home", 5, ""])
def test_an_account_without_a_key_is_refused_instead_of_taking_another(account):
    with pytest.raises(ConfigurationError, match="no key is kept for the account"):
        key_of(openai(options={"account": account}))


def test_where_no_key_is_there_the_ways_to_give_one_are_named():
    with pytest.raises(ConfigurationError, match=r"set OPENAI_API_KEY .*%graphbit keys set openai.*api_key="):
        key_of(openai(), {}, {}.get)


def test_headers_that_sign_need_no_key_from_the_file():
    assert key_of(openai(headers={"Authorization": "Bearer x"}), {}) is None


async def test_a_key_that_was_exchanged_is_used_by_the_next_client():
    kept = dict(KEPT)
    manager = LlmClientManager(keys=kept.get)
    first = manager.client(openai())
    assert manager.client(openai()) is first
    kept["openai"] = SecretStr("new")
    assert manager.client(openai()) is not first
    await manager.aclose()


async def test_a_provider_of_ones_own_is_given_its_key():
    given = []

    class Mine(gb.CustomLlmClient):
        def __init__(self, config):
            given.append(config.api_key)
            super().__init__(config)

        async def generate(self, request, listener=None):
            raise NotImplementedError

    gb.ProviderRegistry.register("mine", Mine)
    try:
        manager = LlmClientManager(keys=KEPT.get)
        manager.client(gb.LlmConfig(provider="mine", model="m"))
        await manager.aclose()
    finally:
        gb.ProviderRegistry.unregister("mine")
    assert given == [KEPT["mine"]]


def test_a_locked_file_is_named_before_anything_is_called(monkeypatch):
    from graphbit_nb.storage import masterkeys

    monkeypatch.setattr(masterkeys, "SCRYPT", {"n": 2**14, "r": 8, "p": 1})
    SecureConfig(passphrase="horse").set("openai", "sk-1")
    masterkeys.forget_passphrases()
    with pytest.raises(ConfigurationError, match=r"locked by a passphrase.*keys unlock"):
        key_of(openai(), keys=stored_key)
    SecureConfig(passphrase="horse").unlock()
    assert key_of(openai(), keys=stored_key) == "sk-1"


def test_a_run_asks_with_the_key_that_is_kept_there(monkeypatch):
    seen = []
    SecureConfig().set("mine", "sk-1")

    class Mine(gb.CustomLlmClient):
        async def generate(self, request, listener=None):
            seen.append(self.config.api_key.get_secret_value())
            return gb.GenerateResponse(text="fine")

    gb.ProviderRegistry.register("mine", Mine)
    try:
        builder = gb.WorkflowBuilder("w")
        builder.add_node(gb.Node.prompt("p", "Say"))
        executor = gb.WorkflowExecutor(gb.LlmConfig(provider="mine", model="m"), cache="disable")
        assert executor.execute(builder.build()).outputs["p"] == "fine"
        SecureConfig().rotate("mine", "sk-2")
        assert executor.execute(builder.build()).outputs["p"] == "fine"
    finally:
        gb.ProviderRegistry.unregister("mine")
    assert seen == ["sk-1", "sk-2"]
