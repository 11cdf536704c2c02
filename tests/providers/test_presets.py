from urllib.parse import urlsplit

import pytest
from faultserver import Listener, answer, ask, make_client, stream

from graphbit_nb import errors
from graphbit_nb.core.config import LlmConfig
from graphbit_nb.core.llm import EmbedRequest, GenerateRequest, Image, Message, ToolSpec
from graphbit_nb.errors import ConfigurationError
from graphbit_nb.providers.catalog import PRESETS
from graphbit_nb.providers.clients import LlmClientManager
from graphbit_nb.providers.dialects import dialect_of
from graphbit_nb.providers.presets import resolve

KEY = "sk-from-somewhere"
ASKED = [name for name in PRESETS if name != "local"]
HOSTED = [name for name in ASKED if PRESETS[name].key_variable is not None and PRESETS[name].needs_key]
OWN = [name for name in ASKED if PRESETS[name].runs_here]
PATHS = {
    "chat": "/v1/chat/completions",
    "messages": "/v1/messages",
    "ollama": "/api/chat",
    "responses": "/v1/responses",
}
WHOLE = {
    "chat": {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]},
    "messages": {"content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn"},
    "ollama": {"message": {"content": "hi"}, "done": True, "done_reason": "stop"},
    "responses": {"status": "completed", "output": [{"type": "message", "content": [{"text": "hi"}]}]},
}
VALUES = {
    "seed": {"seed": 1},
    "tools": {"tools": (ToolSpec("t", "", {"type": "object"}),)},
    "stop": {"stop": ("x",)},
    "images": {},
}


def path_of(name, language):
    return f"/openai{PATHS[language]}" if name == "azure" else PATHS[language]


def languages():
    return [(name, language) for name in ASKED for language in (PRESETS[name].dialect, *PRESETS[name].apis)]


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
        (None, "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),  # noqa: S104
        ("box:8080", "http://box:8080"),
        ("https://box.example", "https://box.example"),
        ("http://box/ollama/v1/", "http://box:11434/ollama"),
        ("http://box:1/api", "http://box:1"),
        ("[::1]:99", "http://[::1]:99"),
    ],
)
def test_the_address_of_ollama_is_read_as_ollama_reads_it(host, expected):
    environ = {} if host is None else {"OLLAMA_HOST": host}
    assert resolve(LlmConfig.ollama("m"), environ).base_url == expected
    compatible = LlmConfig.ollama("m", options={"api": "chat"})
    assert resolve(compatible, environ).base_url == f"{expected}/v1"


def test_an_address_in_the_config_goes_before_the_environment():
    config = LlmConfig.ollama("m", base_url="http://other:1")
    assert resolve(config, {"OLLAMA_HOST": "box"}).base_url == "http://other:1"


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


# ---- every provider


@pytest.mark.parametrize(("name", "language"), languages())
async def test_every_provider_is_asked_in_each_of_its_languages_with_its_key(server, pools, name, language):
    server.will(answer(WHOLE[language]))
    options = {} if language == PRESETS[name].dialect else {"api": language}
    client = make_client(server, pools, provider=name, api_key=KEY, options=options)
    assert (await client.generate(ask("hello", max_tokens=9))).text == "hi"
    [seen] = server.seen
    assert seen.path == path_of(name, language)
    header = PRESETS[name].key_header or dialect_of(language).key_header
    assert seen.headers[header or "authorization"] == (KEY if header else f"Bearer {KEY}")
    assert seen.body["model"] == "fake"
    assert 9 in (*seen.body.values(), *seen.body.get("options", {}).values())


@pytest.mark.parametrize("name", HOSTED)
async def test_every_provider_says_where_its_key_comes_from(server, pools, name):
    variable = PRESETS[name].key_variable
    base_url = PRESETS[name].base_url or "https://x.openai.azure.com"
    config = LlmConfig(provider=name, model="m", base_url=base_url)
    with pytest.raises(ConfigurationError, match=f"{name} needs a key: set {variable}"):
        resolve(config, {})
    assert resolve(config, {variable: KEY}).key.get_secret_value() == KEY
    server.will(answer({"error": {"message": "no"}}, 401))
    with pytest.raises(errors.AuthenticationError, match=variable):
        await make_client(server, pools, provider=name).generate(ask())


@pytest.mark.parametrize("name", OWN)
async def test_every_server_of_ones_own_needs_no_key_and_says_how_it_is_started(pools, name):
    base_url = resolve(LlmConfig(provider=name, model="m"), {}).base_url
    assert urlsplit(base_url).hostname == "127.0.0.1"
    config = LlmConfig(provider=name, model="m", base_url="http://127.0.0.1:9")
    manager = LlmClientManager()
    with pytest.raises(errors.ProviderConnectionError, match="is it running\\? start it with `"):
        await manager.client(config).generate(ask())
    await manager.aclose()


@pytest.mark.parametrize(("name", "lacking"), [(name, one) for name in PRESETS for one in sorted(PRESETS[name].lacks)])
async def test_what_a_provider_lacks_is_refused_and_not_dropped(server, pools, name, lacking):
    images = (Image(data=b"x"),) if lacking == "images" else ()
    request = GenerateRequest(messages=(Message("user", "hi", images=images),), **VALUES[lacking])
    with pytest.raises(errors.BadRequestError, match=f"{name} has no {lacking}"):
        await make_client(server, pools, provider=name).generate(request)
    assert server.seen == []


@pytest.mark.parametrize("name", [name for name in ASKED if "images" not in PRESETS[name].lacks])
async def test_images_go_out_wherever_they_can(server, pools, name):
    language = PRESETS[name].dialect
    server.will(answer(WHOLE[language]))
    request = GenerateRequest(messages=(Message("user", "hi", images=(Image(data=b"picture"),)),))
    await make_client(server, pools, provider=name).generate(request)
    assert "cGljdHVyZQ==" in str(server.seen[0].body)


@pytest.mark.parametrize("name", [name for name in ASKED if not PRESETS[name].embeds])
async def test_a_provider_without_vectors_says_so(server, pools, name):
    with pytest.raises(errors.ProviderError, match=name):
        await make_client(server, pools, provider=name).embed(EmbedRequest(texts=("a",)))
    assert server.seen == []


@pytest.mark.parametrize(
    ("name", "field"),
    [("groq", "max_completion_tokens"), ("azure", "max_completion_tokens"), ("mistral", "max_tokens")],
)
async def test_the_limit_is_called_as_each_provider_calls_it(server, pools, name, field):
    server.will(answer(WHOLE["chat"]))
    await make_client(server, pools, provider=name).generate(ask(max_tokens=9))
    assert server.seen[0].body[field] == 9


async def test_mistral_has_its_own_word_for_the_seed_and_tells_the_tokens_unasked(server, pools):
    server.will(stream({"choices": [{"delta": {"content": "hi"}, "finish_reason": "model_length"}]}, "[DONE]"))
    got = await make_client(server, pools, provider="mistral").generate(ask(seed=3), Listener())
    body = server.seen[0].body
    assert body["random_seed"] == 3
    assert not {"seed", "stream_options"} & body.keys()
    assert got.finish_reason == "length"


async def test_openrouter_is_told_to_drop_nothing(server, pools):
    server.will(answer(WHOLE["chat"]))
    await make_client(server, pools, provider="openrouter").generate(ask())
    assert server.seen[0].body["provider"] == {"require_parameters": True}


async def test_deepseek_is_told_a_schema_in_words(server, pools):
    server.will(answer(WHOLE["chat"]))
    await make_client(server, pools, provider="deepseek").generate(ask(schema={"type": "object"}))
    body = server.seen[0].body
    assert "response_format" not in body
    assert "JSON schema" in body["messages"][0]["content"]


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}, (7, 2, None, None)),
        ({"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 29}, (7, 22, None, 20)),
        (
            {
                "prompt_tokens": 37, "completion_tokens": 530, "total_tokens": 800,
                "completion_tokens_details": {"reasoning_tokens": 233},
            },
            (37, 763, None, 233),
        ),
        (
            {
                "prompt_tokens": 7, "completion_tokens": 20, "total_tokens": 27,
                "completion_tokens_details": {"reasoning_tokens": 15},
            },
            (7, 20, None, 15),
        ),
        ({"prompt_tokens": 7, "completion_tokens": 2, "prompt_cache_hit_tokens": 4}, (7, 2, 4, None)),
    ],
    ids=["plain", "Gemini, thoughts in the total", "xAI, thoughts apart", "OpenAI, thoughts within", "DeepSeek"],
)  # fmt: skip
async def test_tokens_are_counted_alike_however_they_are_told(server, pools, usage, expected):
    server.will(answer(WHOLE["chat"] | {"usage": usage}))
    got = (await make_client(server, pools).generate(ask())).usage
    assert (got.input_tokens, got.output_tokens, got.cached_tokens, got.reasoning_tokens) == expected


async def test_groq_tells_the_tokens_of_a_stream_in_a_place_of_its_own(server, pools):
    last = {"choices": [{"delta": {}, "finish_reason": "stop"}], "x_groq": {"usage": {"prompt_tokens": 4}}}
    server.will(stream({"choices": [{"delta": {"content": "hi"}}]}, last, "[DONE]"))
    got = await make_client(server, pools, provider="groq").generate(ask(), Listener())
    assert got.usage.input_tokens == 4


# ---- which language


@pytest.mark.parametrize("api", ["respones", "chats", 5, None])
def test_an_api_that_a_provider_does_not_have_is_refused_with_those_it_has(api):
    with pytest.raises(ConfigurationError, match=r"openai has no api .*known: 'chat', 'responses'"):
        resolve(LlmConfig.openai("m", api_key=KEY, options={"api": api}), {})


def test_a_slip_in_the_api_is_answered_with_the_nearest_one():
    with pytest.raises(ConfigurationError, match="did you mean 'responses'"):
        resolve(LlmConfig.openai("m", api_key=KEY, options={"api": "respones"}), {})


def test_a_provider_with_one_language_has_no_other():
    with pytest.raises(ConfigurationError, match="deepseek has no api 'responses'"):
        resolve(LlmConfig(provider="deepseek", model="m", api_key=KEY, options={"api": "responses"}), {})
