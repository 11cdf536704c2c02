"""Whom a config asks, as far as answers depend on it."""

import graphbit_nb as gb
from graphbit_nb.core.calls import Identity
from graphbit_nb.providers.identity import code_of_provider, identity_of


def of(config, environ=None):
    return identity_of(config, environ or {})


def test_provider_and_model_are_in_it_and_the_key_is_not():
    told = of(gb.LlmConfig.openai("gpt-4o-mini", api_key="sk-secret"))
    assert told == Identity("openai", None, "gpt-4o-mini")
    assert "secret" not in repr(told)


def test_the_provider_s_own_address_is_the_same_as_none():
    own = "https://api.openai.com/v1/"
    assert of(gb.LlmConfig.openai("m", base_url=own)) == of(gb.LlmConfig.openai("m"))


def test_another_address_is_in_it_without_names_and_passwords():
    told = of(gb.LlmConfig.openai_compatible(base_url="https://me:pass@host:8000/v1/?key=1", model="m"))
    assert told.endpoint == "https://host:8000/v1"


def test_an_address_from_the_environment_is_in_it():
    told = of(gb.LlmConfig.ollama("m"), {"OLLAMA_HOST": "http://other:11434"})
    assert told.endpoint == "http://other:11434"


def test_options_that_change_answers_are_in_it_and_others_are_not():
    plain = of(gb.LlmConfig.ollama("m"))
    assert of(gb.LlmConfig.ollama("m", options={"keep_alive": "1h", "check_model": False})) == plain
    assert of(gb.LlmConfig.ollama("m", options={"num_ctx": 8192})) != plain


def test_headers_are_a_digest_and_those_that_speak_of_keys_are_left_out():
    plain = of(gb.LlmConfig.openai("m"))
    secret = {"Authorization": "Bearer x", "X-Api-Key": "y", "Cookie": "z"}
    assert of(gb.LlmConfig.openai("m", headers=secret)) == plain
    beta = of(gb.LlmConfig.openai("m", headers={"OpenAI-Beta": "assistants", **secret}))
    assert beta != plain
    assert "assistants" not in repr(beta)


def test_an_option_that_is_no_data_is_told_by_its_type():
    assert of(gb.LlmConfig.openai("m", options={"odd": object()})).options == {"odd": "builtins.object"}


def registered(text):
    names = {"gb": gb, "__name__": "__main__"}
    exec("class Mine(gb.CustomLlmClient):\n    provider_name = 'mine'\n" + text, names)  # noqa: S102
    gb.ProviderRegistry.register("mine", names["Mine"])
    try:
        return code_of_provider(gb.LlmConfig(provider="mine", model="m"))
    finally:
        gb.ProviderRegistry.unregister("mine")


def test_a_provider_of_one_s_own_counts_with_its_code():
    first = registered("    async def generate(self, request, listener=None): return 1")
    assert first == registered("    # why\n    async def generate(self, request, listener=None):\n        return 1")
    assert first != registered("    async def generate(self, request, listener=None): return 2")
    assert first != registered("    word = 'x'\n    async def generate(self, request, listener=None): return 1")


def test_the_code_of_all_others_does_not_count():
    assert code_of_provider(gb.LlmConfig.openai("m")) is None
