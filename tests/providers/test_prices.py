import threading

import pytest
from faultserver import answer, ask, chat_answer, make_client

from graphbit_nb.core.llm import EmbedRequest, EmbedResponse, GenerateResponse, Usage
from graphbit_nb.providers import prices
from graphbit_nb.providers.catalog import PRESETS

AZURE = "https://us.openai.azure.com/openai/v1"


def cost(provider, model, given=1000, answered=100, cached=None, *, base_url=None, tier=None, said=None):
    preset = PRESETS[provider]
    usage = Usage(input_tokens=given, output_tokens=answered, cached_tokens=cached, calls=1)
    response = GenerateResponse(text="", usage=usage, model=said)
    return prices.cost_of(preset, base_url or preset.base_url or AZURE, model, response, tier)


def cost_of_vectors(provider, model, given=1000, *, base_url=None):
    preset = PRESETS[provider]
    response = EmbedResponse(vectors=(), usage=Usage(input_tokens=given, calls=1))
    return prices.cost_of(preset, base_url or preset.base_url, model, response)


def by_the_list(listed_as, model, given, answered, cached=None):
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price

    tokens = Tokens(input_tokens=given, output_tokens=answered, cache_read_tokens=cached)
    return float(calc_price(tokens, model, provider_id=listed_as).total_price)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o-mini"),
        ("openai", "gpt-5.1"),
        ("anthropic", "claude-sonnet-4-5"),
        ("gemini", "models/gemini-2.5-pro"),
        ("azure", "gpt-4o-mini-2024-07-18"),
        ("deepseek", "deepseek-chat"),
        ("openrouter", "openai/gpt-4o"),
        ("groq", "llama-3.3-70b-versatile"),
        ("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
        ("mistral", "mistral-large-latest"),
        ("perplexity", "sonar"),
        ("xai", "grok-4"),
    ],
)
@pytest.mark.parametrize(("given", "answered", "cached"), [(1000, 100, None), (300_000, 7, 1234), (0, 0, 0), (5, 5, 5)])
def test_a_call_costs_what_the_list_says(provider, model, given, answered, cached):
    listed = by_the_list(PRESETS[provider].prices, model.removeprefix("models/"), given, answered, cached)
    assert cost(provider, model, given, answered, cached) == pytest.approx(listed, rel=1e-9, abs=1e-15)


def test_tokens_from_the_cache_are_priced_as_such():
    assert cost("openai", "gpt-4o-mini", cached=1000) < cost("openai", "gpt-4o-mini")


def test_a_price_of_another_sort_is_left_to_the_list():
    model = "perplexity/sonar-deep-research"
    assert cost("openrouter", model) == pytest.approx(by_the_list("openrouter", model, 1000, 100))


def test_the_model_that_answered_counts_before_the_one_that_was_asked():
    assert cost("azure", "my-deployment", said="gpt-4o-mini-2024-07-18") == cost("azure", "gpt-4o-mini")


@pytest.mark.parametrize(
    "unknown",
    [
        {"model": "no-such-model"},
        {"model": None},
        {"given": None},
        {"answered": None},
        {"base_url": "https://gateway.example/v1"},
        {"base_url": "http://127.0.0.1:1/v1"},
        {"base_url": "https://api.openai.com.example/v1"},
        {"tier": "no-such-tier"},
    ],
    ids=str,
)
def test_what_is_not_known_is_none_and_not_nothing(unknown):
    assert cost(**{"provider": "openai", "model": "gpt-4o-mini", **unknown}) is None


def test_another_tier_has_another_price():
    assert cost("openai", "gpt-4o-mini", tier="default") == cost("openai", "gpt-4o-mini")
    assert cost("openai", "gpt-4o-mini", tier="priority") > cost("openai", "gpt-4o-mini")


def test_a_known_provider_is_known_by_its_address_as_well():
    base_url = "https://api.mistral.ai/v1"
    told = cost("openai_compatible", "mistral-large-latest", base_url=base_url)
    assert told == cost("mistral", "mistral-large-latest")


@pytest.mark.parametrize(
    ("provider", "base_url", "model", "expected"),
    [
        ("local", "http://127.0.0.1:1/v1", "smollm2", 0.0),
        ("ollama", "http://127.0.0.1:11434", "qwen3", 0.0),
        ("ollama", "http://localhost:11434", "gpt-4o-mini", 0.0),
        ("ollama", "http://127.0.0.1:11434", "gpt-oss:120b-cloud", None),
        ("ollama", "http://box:11434", "qwen3", None),
        ("ollama", "https://ollama.com", "gpt-oss:120b", None),
        ("vllm", "http://127.0.0.1:8000/v1", "m", 0.0),
        ("openai_compatible", "http://127.0.0.1:4000/v1", "gpt-4o-mini", None),
    ],
)
def test_what_runs_on_this_machine_costs_nothing(provider, base_url, model, expected):
    assert cost(provider, model, base_url=base_url) == expected


def test_vectors_cost_what_the_list_says_of_the_texts():
    expected = by_the_list("openai", "text-embedding-3-small", 1000, 0)
    assert cost_of_vectors("openai", "text-embedding-3-small") == pytest.approx(expected)
    assert expected > 0


@pytest.mark.parametrize(("model", "given"), [("no-such-model", 1000), ("text-embedding-3-small", None)])
def test_what_vectors_cost_may_be_unknown(model, given):
    assert cost_of_vectors("openai", model, given) is None


def test_vectors_of_this_machine_cost_nothing():
    assert cost_of_vectors("ollama", "nomic-embed-text", None) == 0.0


def test_an_answer_of_a_model_that_has_no_price_for_answers_is_unknown():
    assert cost("openai", "text-embedding-3-small") is None
    assert cost("openai", "whisper-1") is None


def test_a_list_that_is_broken_costs_no_call(monkeypatch):
    monkeypatch.setattr(prices, "_model", lambda *_: "no model")
    assert cost("openai", "gpt-4o-mini") is None


def test_the_list_is_loaded_once_in_a_thread_of_its_own(monkeypatch):
    loads = []
    monkeypatch.setattr(prices, "_loaded", threading.Event())
    monkeypatch.setattr(prices, "_thread", None)
    monkeypatch.setattr("genai_prices.data_snapshot.get_snapshot", lambda: loads.append(threading.current_thread()))
    for _ in range(3):
        prices.warm_soon()
    prices._thread.join()
    prices.warm_soon()
    prices.warm()
    assert prices.is_warm()
    assert [thread.name for thread in loads] == ["graphbit-prices"]


def test_a_list_that_cannot_be_loaded_is_told_once_and_costs_no_call(monkeypatch, caplog):
    def fail():
        raise OSError("gone")

    monkeypatch.setattr(prices, "_loaded", threading.Event())
    monkeypatch.setattr("genai_prices.data_snapshot.get_snapshot", fail)
    prices.warm()
    prices.warm()
    assert caplog.text.count("costs stay unknown") == 1


async def test_an_answer_says_what_it_cost(server, pools, monkeypatch):
    monkeypatch.setattr(prices, "_list_of", lambda preset, base_url: "openai")
    server.will(answer(chat_answer() | {"model": "gpt-4o-mini"}))
    got = await make_client(server, pools).generate(ask())
    assert got.cost == pytest.approx(by_the_list("openai", "gpt-4o-mini", 7, 2, 3))


async def test_vectors_say_what_they_cost(server, pools, monkeypatch):
    monkeypatch.setattr(prices, "_list_of", lambda preset, base_url: "openai")
    rows = [{"index": 0, "embedding": [0.5]}]
    server.will(answer({"data": rows, "model": "text-embedding-3-small", "usage": {"prompt_tokens": 8}}))
    got = await make_client(server, pools).embed(EmbedRequest(texts=("a",)))
    assert got.cost == pytest.approx(by_the_list("openai", "text-embedding-3-small", 8, 0))


async def test_an_answer_of_a_model_on_this_machine_costs_nothing(server, pools):
    server.will(answer(chat_answer()))
    assert (await make_client(server, pools, provider="vllm").generate(ask())).cost == 0.0


async def test_the_list_is_not_loaded_for_an_address_that_has_no_prices(server, pools, monkeypatch):
    monkeypatch.setattr(prices, "warm_soon", lambda: pytest.fail("loaded"))
    server.will(answer(chat_answer()))
    assert (await make_client(server, pools).generate(ask())).cost is None
