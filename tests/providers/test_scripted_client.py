import asyncio
import json

import pytest
from faultserver import Listener, ask

from graphbit_nb import errors
from graphbit_nb.core.llm import EmbedRequest, GenerateResponse, LlmClient
from graphbit_nb.providers.scripted import ScriptedClient


async def text_of(client, node=None):
    return (await client.generate(ask(node=node))).text


def test_it_is_an_llm_client():
    assert isinstance(ScriptedClient({}), LlmClient)


async def test_a_text_is_given_each_time():
    client = ScriptedClient({"draft": "words"})
    assert [await text_of(client, "draft") for _ in range(2)] == ["words", "words"]


async def test_the_star_stands_for_every_other_node():
    client = ScriptedClient({"draft": "mine", "*": "others'"})
    assert [await text_of(client, node) for node in ("draft", "final", None)] == ["mine", "others'", "others'"]


async def test_a_list_gives_one_answer_a_call_and_then_says_that_it_is_used_up():
    client = ScriptedClient({"draft": ["one", "two"]})
    assert [await text_of(client, "draft") for _ in range(2)] == ["one", "two"]
    with pytest.raises(errors.ConfigurationError, match=r"'draft' asks for call number 3"):
        await text_of(client, "draft")


async def test_calls_at_the_same_time_get_different_answers_of_a_list():
    client = ScriptedClient({"*": [str(n) for n in range(50)]})
    got = await asyncio.gather(*(text_of(client) for _ in range(50)))
    assert sorted(got, key=int) == [str(n) for n in range(50)]


async def test_an_exception_is_raised_and_each_call_has_its_own():
    error = errors.RateLimitError("slow", retry_after=2.0)
    client = ScriptedClient({"*": error})
    caught = []
    for _ in range(2):
        with pytest.raises(errors.RateLimitError) as info:
            await text_of(client)
        caught.append(info.value)
    assert caught[0] is not caught[1]
    assert caught[0].retry_after == 2.0


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), ZeroDivisionError])
async def test_any_exception_will_do(error):
    with pytest.raises(ZeroDivisionError):
        await text_of(ScriptedClient({"*": error}))


async def test_a_function_gets_the_request():
    client = ScriptedClient({"*": lambda request: f"{request.node}: {request.messages[0].content}"})
    assert await text_of(client, "draft") == "draft: hello"


async def test_a_function_may_be_a_coroutine_function():
    async def think(request):
        await asyncio.sleep(0)
        return {"n": 1}

    assert json.loads(await text_of(ScriptedClient({"*": think}))) == {"n": 1}


async def test_a_function_may_give_a_whole_response_or_an_exception():
    whole = GenerateResponse(text="t", finish_reason="length")
    client = ScriptedClient({"a": lambda _: whole, "b": lambda _: errors.ServerError("down")})
    assert (await client.generate(ask(node="a"))).finish_reason == "length"
    with pytest.raises(errors.ServerError):
        await text_of(client, "b")


@pytest.mark.parametrize("value", [{"a": [1, "ü"]}, 4.5, True, None])
async def test_what_is_no_text_is_given_as_json(value):
    assert json.loads(await text_of(ScriptedClient({"*": [value]}))) == value


async def test_nothing_written_down_is_an_error_that_names_the_node_and_the_nearest_key():
    client = ScriptedClient({"summary": "x"})
    with pytest.raises(errors.ConfigurationError, match=r"'sumary'.*did you mean 'summary'.*'\*'"):
        await text_of(client, "sumary")


async def test_words_are_counted_as_tokens():
    usage = (await ScriptedClient({"*": "three words here"}).generate(ask("two words"))).usage
    assert (usage.input_tokens, usage.output_tokens, usage.calls) == (2, 3, 1)


async def test_words_are_told_one_by_one_to_who_wants_them():
    client = ScriptedClient({"*": " two\n words  "})
    wants, wants_not = Listener(), Listener(wants_tokens=False)
    await client.generate(ask(), wants)
    await client.generate(ask(), wants_not)
    assert wants.tokens == [" two", "\n words", "  "]
    assert wants_not.tokens == []


async def test_an_answer_may_take_its_time():
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    await text_of(ScriptedClient({"*": "x"}, delay=1.5, sleep=sleep))
    assert slept == [1.5]


async def test_vectors_are_repeatable_and_near_for_shared_words():
    client = ScriptedClient({})
    texts = ("the red house", "the red car", "blue sky tonight", "the red house", "")
    house, car, sky, again, empty = (await client.embed(EmbedRequest(texts=texts))).vectors
    assert house == again
    assert len(empty) == len(house)

    def cosine(a, b):
        return sum(x * y for x, y in zip(a, b, strict=True))

    assert cosine(house, house) == pytest.approx(1.0)
    assert cosine(house, car) > cosine(house, sky)
