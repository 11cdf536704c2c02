import pytest

from graphbit_nb.core.config import LlmConfig
from graphbit_nb.errors import ConfigurationError
from graphbit_nb.providers.presets import resolve

KEY = "sk-from-somewhere"


def test_the_key_is_the_argument_before_the_environment():
    config = LlmConfig.openai("m", api_key="sk-argument")
    found = resolve(config, {"OPENAI_API_KEY": KEY})
    assert found.key.get_secret_value() == "sk-argument"


@pytest.mark.parametrize(
    ("config", "variable"),
    [(LlmConfig.openai("m"), "OPENAI_API_KEY"), (LlmConfig.anthropic("m"), "ANTHROPIC_API_KEY")],
    ids=["openai", "anthropic"],
)
def test_a_key_is_read_from_the_providers_variable_and_missing_names_the_ways_on(config, variable):
    assert resolve(config, {variable: f" {KEY}\n"}).key.get_secret_value() == KEY
    with pytest.raises(ConfigurationError, match=rf"{variable}.*api_key=.*LlmConfig\.local\(\)"):
        resolve(config, {})


@pytest.mark.parametrize("key", ["sk-one two", "sk-\nx", "sk-ä"])
def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(key):
    with pytest.raises(ConfigurationError) as caught:
        resolve(LlmConfig.openai("m", api_key=key), {})
    assert key not in str(caught.value)


def test_an_own_authorization_header_stands_for_the_key():
    config = LlmConfig.openai("m", headers={"Authorization": "Basic x"})
    assert resolve(config, {}).key is None


def test_a_header_that_cannot_be_sent_is_refused_without_its_value():
    with pytest.raises(ConfigurationError, match="'x-token'") as caught:
        resolve(LlmConfig.ollama("m", headers={"x-token": "hush\n"}), {})
    assert "hush" not in str(caught.value)


def test_servers_without_keys_need_none():
    assert resolve(LlmConfig.ollama("m"), {}).key is None
    assert resolve(LlmConfig.openai_compatible(base_url="http://h/v1", model="m"), {}).key is None


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (None, "http://127.0.0.1:11434/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),  # noqa: S104
        ("box:8080", "http://box:8080/v1"),
        ("https://box.example", "https://box.example/v1"),
        ("http://box/ollama/v1/", "http://box:11434/ollama/v1"),
        ("[::1]:99", "http://[::1]:99/v1"),
    ],
)
def test_the_address_of_ollama_is_read_as_ollama_reads_it(host, expected):
    environ = {} if host is None else {"OLLAMA_HOST": host}
    assert resolve(LlmConfig.ollama("m"), environ).base_url == expected


def test_an_address_in_the_config_goes_before_the_environment():
    config = LlmConfig.ollama("m", base_url="http://other:1")
    assert resolve(config, {"OLLAMA_HOST": "box"}).base_url == "http://other:1/v1"


@pytest.mark.parametrize(
    ("base_url", "field"),
    [
        (None, "max_completion_tokens"),
        ("https://eu.api.openai.com/v1", "max_completion_tokens"),
        ("https://gateway.example/v1", "max_tokens"),
        ("https://notopenai.com/v1", "max_tokens"),
    ],
)
def test_only_openai_itself_has_its_own_word_for_the_limit(base_url, field):
    config = LlmConfig.openai("m", api_key=KEY, base_url=base_url)
    assert resolve(config, {}).preset.max_tokens_field == field


def test_how_a_server_keeps_to_a_schema_may_be_said_in_the_options():
    options = {"structured_output": "instruction", "top_k": 3}
    config = LlmConfig.openai_compatible(base_url="http://h/v1", model="m", options=options)
    found = resolve(config, {})
    assert (found.preset.structured_output, found.body) == ("instruction", {"top_k": 3})


def test_a_slip_in_it_is_answered_with_the_nearest_word():
    config = LlmConfig.openai_compatible(base_url="http://h/v1", model="m", options={"structured_output": "gramar"})
    with pytest.raises(ConfigurationError, match="did you mean 'grammar'"):
        resolve(config, {})


def test_a_model_and_an_address_must_be_given():
    with pytest.raises(ConfigurationError, match="model="):
        resolve(LlmConfig(provider="ollama"), {})
    with pytest.raises(ConfigurationError, match="base_url="):
        resolve(LlmConfig(provider="openai_compatible", model="m"), {})
