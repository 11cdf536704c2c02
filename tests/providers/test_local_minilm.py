"""The embedding model: what is refused without it, and its vectors where the weights are installed."""

import asyncio
import os
import threading

import pytest
from faultserver import ask

from graphbit_nb import errors
from graphbit_nb.core.config import LlmConfig
from graphbit_nb.core.llm import EmbedRequest, LlmClient
from graphbit_nb.providers.local import client as local_client
from graphbit_nb.providers.local import embedder, weights
from graphbit_nb.providers.local.catalog import MINILM
from graphbit_nb.providers.local.client import LocalClient
from graphbit_nb.providers.local.embedder import Embedder, batches

IN_CI = os.environ.get("CI") == "true"  # there, what is missing is a failure
NO_WEIGHTS = weights.find(MINILM) is None and not IN_CI

# The first numbers of sentence-transformers' own vectors
REFERENCE = {
    "A cat sits on the mat.": (0.126535, -0.032851, -0.02906, 0.044407, -0.043445),
    "Où est la gare ?": (-0.059292, -0.019563, 0.009858, -0.034373, 0.023403),
    "The stock market fell sharply today.": (0.060455, 0.005445, 0.076566, 0.05383, -0.014793),
}
PARAPHRASES = {
    "How do I reset my password?": "Steps to recover access to a locked account.",
    "What time does the shop close?": "Our store's opening hours are nine to six.",
    "The train was late again.": "Once more the railway did not run on time.",
    "She is afraid of spiders.": "Arachnids frighten her.",
    "Ways to cook an egg": "A recipe for a soft-boiled breakfast.",
    "The company lost money this year.": "Annual results show a deficit for the firm.",
    "My dog needs a vet.": "The pet is ill and should see an animal doctor.",
    "It is going to rain tomorrow.": "The forecast says to bring an umbrella.",
}


class Slow:
    """A model that counts its batches and can be held in the midst of one."""

    def __init__(self):
        self.batches = 0
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def tokens(self, text):
        return list(range(256))

    def vectors(self, texts):
        import numpy as np

        self.batches += 1
        self.begun.set()
        assert self.go_on.wait(10)
        return np.ones((len(texts), 384), np.float32)


@pytest.fixture
def slow(monkeypatch, tmp_path):
    model = Slow()
    monkeypatch.setattr(embedder, "_model", lambda _: model)
    monkeypatch.setattr(weights, "find", lambda *_: tmp_path / "model.safetensors")
    return model


@pytest.fixture
def no_weights(monkeypatch, tmp_path):
    monkeypatch.setenv("GRAPHBIT_MODELS", str(tmp_path))
    monkeypatch.setattr(local_client, "is_available", lambda: False)


def similarity(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def test_texts_of_about_the_same_length_are_computed_together():
    assert list(batches([200, 10, 220, 12])) == [[1, 3], [0, 2]]


def test_nothing_is_computed_for_no_texts():
    assert list(batches([])) == []


def test_a_text_of_any_length_is_a_batch():
    assert list(batches([5000, 6000])) == [[0], [1]]


def test_missing_weights_are_told_when_the_client_is_made(no_weights):
    with pytest.raises(errors.ConfigurationError, match=r"'minilm' are not installed.*graphbit-nb local install"):
        LocalClient("minilm")


@pytest.mark.parametrize("package", ["numpy", "threadpoolctl"])
def test_a_missing_package_is_told_with_the_command_that_installs_it(monkeypatch, package):
    monkeypatch.setattr(embedder, "find_spec", lambda name: None if name == package else object())
    with pytest.raises(errors.ConfigurationError, match=rf'needs {package}; .*pip install "graphbit-nb\[local\]"'):
        Embedder()


async def test_vectors_need_no_runtime_of_the_chat_model(slow, monkeypatch):
    slow.go_on.set()
    monkeypatch.setattr(local_client, "is_available", lambda: False)
    got = await LocalClient("minilm").embed(EmbedRequest(texts=("a",)))
    assert len(got.vectors[0]) == 384


async def test_vectors_cost_nothing(slow):
    slow.go_on.set()
    assert (await LocalClient("minilm").embed(EmbedRequest(texts=("a",)))).cost == 0.0


async def test_it_answers_no_prompts(slow):
    with pytest.raises(errors.ConfigurationError, match=r"'minilm' gives vectors.*LlmConfig\.local\(\)"):
        await LocalClient("minilm").generate(ask())


@pytest.mark.parametrize(("model", "message"), [("smollm2", "gives no vectors"), ("minilmm", "did you mean 'minilm'")])
async def test_another_model_than_the_one_for_vectors_is_refused(slow, model, message):
    with pytest.raises(errors.ConfigurationError, match=message):
        await LocalClient("minilm").embed(EmbedRequest(texts=("a",), model=model))


async def test_the_event_loop_goes_on_while_vectors_are_computed(slow):
    call = asyncio.create_task(Embedder().embed(["a"]))
    await asyncio.to_thread(slow.begun.wait, 10)
    await asyncio.sleep(0)
    assert not call.done()
    slow.go_on.set()
    await call


async def test_cancelling_ends_it_after_the_batch_that_is_computed(slow):
    call = asyncio.create_task(Embedder().embed(["a"] * 100))
    await asyncio.to_thread(slow.begun.wait, 10)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    slow.go_on.set()
    assert slow.batches == 1


async def test_usage_counts_the_tokens_that_were_read(slow):
    slow.go_on.set()
    got = await Embedder().embed(["a"] * 3)
    assert (got.usage.input_tokens, got.usage.output_tokens, got.usage.calls) == (768, 0, 1)


async def test_no_texts_have_no_vectors(slow):
    assert (await Embedder().embed([])).vectors == ()


def test_what_is_known_of_it_needs_no_call(slow):
    info = LocalClient("minilm").model_info()
    assert (info.provider, info.name, info.context_window) == ("local", "minilm", 256)


@pytest.mark.local
@pytest.mark.skipif(NO_WEIGHTS, reason="the weights are not installed: graphbit-nb local install")
class TestWithTheWeights:
    @pytest.fixture
    async def local(self):
        client = LocalClient.from_config(LlmConfig.local("minilm"))
        assert isinstance(client, LlmClient)
        yield client
        await client.aclose()

    async def vectors(self, client, *texts):
        return (await client.embed(EmbedRequest(texts=texts))).vectors

    async def test_its_vectors_are_those_of_the_reference(self, local):
        found = await self.vectors(local, *REFERENCE)
        for vector, expected in zip(found, REFERENCE.values(), strict=True):
            assert vector[:5] == pytest.approx(expected, abs=2e-6)
            assert similarity(vector, vector) == pytest.approx(1.0)

    async def test_a_text_has_the_same_vector_alone_and_among_others_in_any_order(self, local):
        texts = [*REFERENCE, "", "word " * 100]
        for text, among in zip(texts, await self.vectors(local, *texts), strict=True):
            (alone,) = await self.vectors(local, text)
            assert alone == pytest.approx(among, abs=1e-6)

    async def test_each_question_is_nearest_to_its_paraphrase(self, local):
        questions = await self.vectors(local, *PARAPHRASES)
        answers = await self.vectors(local, *PARAPHRASES.values())
        nearest = [max(range(len(answers)), key=lambda n: similarity(one, answers[n])) for one in questions]
        assert nearest == list(range(len(questions)))

    async def test_what_is_beyond_the_last_token_is_not_in_the_vector(self, local):
        whole, cut = await self.vectors(local, "river " * 300, "river " * 254 + "§ bank")
        assert whole == pytest.approx(cut, abs=1e-6)
        got = await local.embed(EmbedRequest(texts=("river " * 300,)))
        assert got.usage.input_tokens == 256

    async def test_the_default_config_embeds_with_it_as_well(self, local, monkeypatch):
        monkeypatch.setattr(LocalClient, "_server_options", lambda *_: None)
        default = LocalClient.from_config(LlmConfig.local())
        for model in (None, "minilm"):
            got = await default.embed(EmbedRequest(texts=("a",), model=model))
            assert (got.model, len(got.vectors[0])) == ("minilm", 384)

    async def test_calls_at_the_same_time_give_each_its_own(self, local):
        texts = [*REFERENCE] * 8
        got = await asyncio.gather(*(self.vectors(local, text) for text in texts))
        for text, (vector,) in zip(texts, got, strict=True):
            assert vector[:5] == pytest.approx(REFERENCE[text], abs=2e-6)
