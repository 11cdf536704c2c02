"""Which model to ask, and that a key goes nowhere that it should not."""

import pickle

import pydantic
import pytest

from graphbit_nb import LlmConfig
from graphbit_nb.errors import UsageError

KEY = "sk-canary-0123456789"


def test_a_key_is_in_no_repr_and_no_text():
    config = LlmConfig.openai("m", api_key=KEY, headers={"Authorization": KEY})
    assert KEY not in f"{config!r} {config} {config.api_key} {vars(config)}".replace(repr(dict(config.headers)), "")


def test_a_pickled_config_drops_its_key():
    config = LlmConfig.openai("m", api_key=KEY)
    pickled = pickle.dumps(config)
    assert KEY.encode() not in pickled
    assert pickle.loads(pickled).api_key is None
    assert config.api_key is not None


def test_a_config_does_not_change():
    with pytest.raises(pydantic.ValidationError):
        LlmConfig.openai("m").model = "other"


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: LlmConfig.openai("m", timout=1), "there is no 'timout'; did you mean 'timeout'"),
        (lambda: LlmConfig.openai(5), "model: Input should be a valid string, not int"),
        (lambda: LlmConfig.openai("m", timeout=0), "timeout: must be more than 0 seconds, not 0"),
        (lambda: LlmConfig.scripted(["hi"]), "takes a dict of answers by node name, not list"),
    ],
)
def test_an_argument_that_is_not_allowed_is_refused_in_one_line(make, told):
    with pytest.raises(UsageError, match=told):
        make()


def test_a_refused_argument_does_not_show_what_else_was_given():
    with pytest.raises(UsageError) as caught:
        LlmConfig.openai("m", api_key=KEY, timeout=-1)
    assert KEY not in str(caught.value)


def test_another_model_of_the_same_provider_is_another_config():
    config = LlmConfig.ollama("small")
    assert config.with_model("large").model == "large"
    assert config.with_model(None) is config


@pytest.mark.parametrize(
    ("config", "shown"),
    [
        (LlmConfig.openai("m"), "LlmConfig.openai(model='m')"),
        (LlmConfig.local(), "LlmConfig.local(model='smollm2')"),
        (
            LlmConfig.openai_compatible(base_url="http://127.0.0.1:1/v1", model="m"),
            "LlmConfig.openai_compatible(model='m', base_url='http://127.0.0.1:1/v1')",
        ),
    ],
)
def test_a_config_is_shown_on_one_line(config, shown):
    assert repr(config) == shown


@pytest.mark.parametrize(
    "config",
    [
        LlmConfig(provider="groq", model="m"),
        LlmConfig(provider="vllm", model="m", base_url="http://box:1/v1"),
        LlmConfig.azure("d", endpoint="https://x.openai.azure.com", api_version="2024-10-21"),
        LlmConfig.azure("d"),
        LlmConfig.openai("m"),
    ],
    ids=str,
)
def test_a_config_is_shown_as_a_call_that_makes_it(config):
    assert eval(repr(config)) == config  # noqa: S307 (what is shown is our own)


def test_azures_version_goes_with_the_other_options():
    config = LlmConfig.azure("d", api_version="2024-10-21", api_key=KEY, timeout=5, options={"user": "me"})
    assert (config.provider, config.model, config.timeout) == ("azure", "d", 5)
    assert config.options == {"user": "me", "api_version": "2024-10-21"}
    assert KEY not in repr(config)
