"""Azure OpenAI: the API without versions, the dated ones, and what its filters say."""

import pytest
from faultserver import KEY, Listener, answer, ask, chat_answer, piece, stream

from graphbit_nb import errors
from graphbit_nb.core.config import LlmConfig
from graphbit_nb.core.llm import EmbedRequest
from graphbit_nb.providers.api import ApiClient
from graphbit_nb.providers.presets import resolve

ENDPOINT = "https://x.openai.azure.com"


def make(server, pools, deployment="my deploy/1", **more):
    endpoint = server.url.removesuffix("/v1")
    config = LlmConfig.azure(deployment, endpoint=endpoint, api_key=KEY, **more)
    return ApiClient.from_config(config, pools, environ={})


async def test_without_a_version_the_deployment_is_the_model(server, pools):
    server.will(answer(chat_answer()))
    await make(server, pools).generate(ask(max_tokens=5))
    [seen] = server.seen
    assert (seen.path, seen.headers["api-key"]) == ("/openai/v1/chat/completions", KEY)
    assert "authorization" not in seen.headers
    assert (seen.body["model"], seen.body["max_completion_tokens"]) == ("my deploy/1", 5)


async def test_with_a_version_the_deployment_is_part_of_the_address(server, pools):
    server.will(answer(chat_answer()))
    client = make(server, pools, api_version="2024-10-21")
    await client.generate(ask(max_tokens=5))
    await client.generate(ask(model="other"))
    first, second = server.seen
    assert first.path == "/openai/deployments/my%20deploy%2F1/chat/completions?api-version=2024-10-21"
    assert second.path == "/openai/deployments/other/chat/completions?api-version=2024-10-21"
    assert first.body["max_completion_tokens"] == 5
    assert "api_version" not in first.body


async def test_embeddings_go_to_the_deployment_as_well(server, pools):
    server.will(answer({"data": [{"index": 0, "embedding": [1]}]}))
    await make(server, pools, "e", api_version="2024-10-21").embed(EmbedRequest(texts=("a",)))
    assert server.seen[0].path == "/openai/deployments/e/embeddings?api-version=2024-10-21"


async def test_responses_have_no_deployment_in_their_address(server, pools):
    server.will(answer({"status": "completed", "output": [{"type": "message", "content": [{"text": "hi"}]}]}))
    options = {"api": "responses"}
    await make(server, pools, options=options).generate(ask())
    await make(server, pools, options=options, api_version="2025-04-01-preview").generate(ask())
    assert [seen.path for seen in server.seen] == [
        "/openai/v1/responses",
        "/openai/responses?api-version=2025-04-01-preview",
    ]


async def test_older_versions_have_older_words(server, pools):
    server.will(stream(piece("hi"), piece(None, "stop"), "[DONE]"))
    await make(server, pools, api_version="2024-06-01").generate(ask(max_tokens=5), Listener())
    body = server.seen[0].body
    assert body["max_tokens"] == 5
    assert "stream_options" not in body


@pytest.mark.parametrize("said", [ENDPOINT, f"{ENDPOINT}/", f"{ENDPOINT}/openai", f"{ENDPOINT}/openai/v1/"])
def test_an_endpoint_is_understood_as_it_is_copied(said):
    environ = {"AZURE_OPENAI_ENDPOINT": said, "AZURE_OPENAI_API_KEY": KEY}
    assert resolve(LlmConfig.azure("d"), environ).base_url == f"{ENDPOINT}/openai/v1"
    assert resolve(LlmConfig.azure("d", api_version="2024-10-21"), environ).base_url == f"{ENDPOINT}/openai"


def test_an_endpoint_without_a_scheme_is_a_secure_one():
    environ = {"AZURE_OPENAI_ENDPOINT": "x.openai.azure.com", "AZURE_OPENAI_API_KEY": KEY}
    assert resolve(LlmConfig.azure("d"), environ).base_url == f"{ENDPOINT}/openai/v1"


def test_a_missing_endpoint_names_the_ways_to_give_it():
    with pytest.raises(errors.ConfigurationError, match=r"endpoint='https://.*AZURE_OPENAI_ENDPOINT"):
        resolve(LlmConfig.azure("d", api_key=KEY), {})


@pytest.mark.parametrize("version", ["v1", "2024-1-1", "2024-10-21&x=1", "", 2024])
def test_a_version_that_is_none_is_refused(version):
    config = LlmConfig.azure("d", endpoint=ENDPOINT, api_key=KEY, api_version=version)
    with pytest.raises(errors.ConfigurationError, match="api_version must look like"):
        resolve(config, {})


@pytest.mark.parametrize("header", ["Authorization", "api-key"])
def test_an_own_header_stands_for_the_key(header):
    config = LlmConfig.azure("d", endpoint=ENDPOINT, headers={header: "Bearer of-entra"})
    assert resolve(config, {}).key is None


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (
            400,
            {
                "message": "The response was filtered", "type": None, "param": "prompt", "code": "content_filter",
                "status": 400, "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {}},
            },
            errors.ContentFilteredError,
        ),
        (401, {"code": "401", "message": "Access denied due to invalid subscription key"}, errors.AuthenticationError),
        (404, {"code": "DeploymentNotFound", "message": "The API deployment does not exist"}, errors.NotFoundError),
        (429, {"code": "429", "message": "Requests have exceeded call rate limit"}, errors.RateLimitError),
    ],
    ids=["filter", "key", "deployment", "rate"],
)  # fmt: skip
async def test_its_errors_are_told_apart(server, pools, status, error, kind):
    server.will(answer({"error": error}, status, {"apim-request-id": "req-7"}))
    with pytest.raises(kind) as caught:
        await make(server, pools).generate(ask())
    assert type(caught.value) is kind
    assert caught.value.request_id == "req-7"


async def test_a_filtered_answer_is_content_filtered_and_the_filters_first_words_are_none(server, pools):
    prompt = {"choices": [], "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}]}
    server.will(stream(prompt, piece("hi"), piece(None, "stop"), "[DONE]"))
    assert (await make(server, pools).generate(ask(), Listener())).text == "hi"
    server.will(answer(chat_answer("", "content_filter")))
    with pytest.raises(errors.ContentFilteredError):
        await make(server, pools).generate(ask())
