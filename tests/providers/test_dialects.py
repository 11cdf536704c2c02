"""What all languages have in common: no JSON of a server's ends in anything but an answer or a `ProviderError`."""

import copy
import json

import pytest

from graphbit_nb import errors
from graphbit_nb.core.llm import GenerateResponse, ToolCall
from graphbit_nb.providers.dialects import dialect_of
from graphbit_nb.providers.failures import Failures

ODD = (None, True, 0, -1, 1.5, 10**400, float("nan"), "", "x", [], [[]], [None], ["x"], {}, {"type": []}, {"x": None})
DROPPED = object()

FUNCTION = {"name": "weather", "arguments": '{"city": "Oslo"}'}
CHAT_USAGE = {
    "prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9,
    "prompt_tokens_details": {"cached_tokens": 3}, "completion_tokens_details": {"reasoning_tokens": 1},
}  # fmt: skip
USAGE = {
    "input_tokens": 7, "output_tokens": 5, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 2,
    "input_tokens_details": {"cached_tokens": 3}, "output_tokens_details": {"reasoning_tokens": 2},
}  # fmt: skip
TOOL_USE = {"type": "tool_use", "id": "t", "name": "weather", "input": {}}
CALLED = {"type": "function_call", "call_id": "c", **FUNCTION}
SAID = {"type": "message", "content": [{"type": "output_text", "text": "hi"}, {"type": "refusal", "refusal": "no"}]}
THOUGHT = {"type": "reasoning", "encrypted_content": "sealed"}
RESPONSE = {
    "id": "r", "status": "completed", "error": None, "incomplete_details": {"reason": "max_output_tokens"},
    "model": "m", "output": [THOUGHT, SAID, CALLED], "usage": USAGE, "store": True,
}  # fmt: skip
OLLAMA_CALL = {"id": "c", "function": {"name": "weather", "arguments": {"city": "Oslo"}}}
LINE = {
    "model": "m", "created_at": "2026", "done": True, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": 2,
    "message": {"content": "hi", "thinking": "hm", "tool_calls": [OLLAMA_CALL]},
}  # fmt: skip


def chunk(delta=None, finish=None, **more):
    return {"id": "c", "model": "m", "choices": [{"delta": delta or {}, "finish_reason": finish}], **more}


def calling(*calls):
    return chunk({"tool_calls": list(calls)})


WHOLE = {
    "chat": {
        "id": "c", "model": "m", "usage": CHAT_USAGE,
        "choices": [
            {
                "message": {
                    "content": [{"type": "text", "text": "hi"}], "refusal": None,
                    "tool_calls": [{"id": "c", "function": FUNCTION}],
                },
                "finish_reason": "stop",
            }
        ],
    },
    "messages": {
        "id": "m", "model": "m", "usage": USAGE, "stop_reason": "tool_use", "stop_details": {"explanation": "no"},
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "hi"}, TOOL_USE,
        ],
    },
    "ollama": LINE,
    "responses": RESPONSE,
}  # fmt: skip
STREAMED = {
    "chat": [
        chunk({"content": "h", "refusal": None}),
        calling({"index": 0, "id": "c", "function": FUNCTION}),
        chunk(finish="tool_calls"),
        {"choices": [], "usage": CHAT_USAGE, "x_groq": {"usage": CHAT_USAGE}},
    ],
    "messages": [
        {"type": "message_start", "message": {"id": "m", "model": "m", "usage": USAGE}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "hi"}},
        {"type": "content_block_stop", "index": 1},
        {"type": "content_block_start", "index": 2, "content_block": TOOL_USE},
        {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
        {"type": "content_block_stop", "index": 2},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_details": None}, "usage": USAGE},
        {"type": "message_stop"},
    ],
    "ollama": [{**LINE, "done": False}, LINE],
    "responses": [
        {"type": "response.created", "sequence_number": 0, "response": {}},
        {"type": "response.output_item.added", "sequence_number": 1, "output_index": 0, "item": SAID},
        {"type": "response.output_text.delta", "sequence_number": 2, "output_index": 0, "delta": "hi"},
        {"type": "response.output_item.done", "sequence_number": 3, "output_index": 0, "item": SAID},
        {"type": "response.completed", "sequence_number": 4, "response": RESPONSE},
    ],
}
LANGUAGES = sorted(WHOLE)


def places(value):
    """Every way into a value, the empty one, which is the value itself, first."""
    yield ()
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from ((key, *rest) for rest in places(value[key]))


def put(value, place, odd):
    if not place:
        return odd
    changed = copy.deepcopy(value)
    at = changed
    for key in place[:-1]:
        at = at[key]
    if odd is DROPPED:
        del at[place[-1]]
    else:
        at[place[-1]] = odd
    return changed


def spoiled(value):
    """The value with an odd thing in each of its places, one at a time."""
    return ((place, odd, put(value, place, odd)) for place in places(value) if place for odd in (*ODD, DROPPED))


def failures():
    return Failures(provider="p", model="m")


def read(language, value):
    return dialect_of(language).read(json.dumps(value), failures())


def fold(language, events, told=None):
    stream = dialect_of(language).stream(failures(), lambda: 0.0, None if told is None else told.append)
    for event in events:
        stream.feed(event if isinstance(event, str) else json.dumps(event))
    return stream.response()


def check(act, place, odd):
    """Whatever a server sends, it is an answer, in types that can be relied on, or a `ProviderError`."""
    try:
        got = act()
    except errors.ProviderError:
        return
    except Exception as error:
        raise AssertionError(f"{odd!r} in {place} ends in {error!r}") from error
    assert isinstance(got, GenerateResponse)
    assert isinstance(got.text, str)
    assert all(isinstance(one, str | None) for one in (got.finish_reason, got.model, got.request_id))
    usage = got.usage
    counts = (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens)
    assert all(one is None or (isinstance(one, int) and one >= 0) for one in counts), (place, odd)
    assert all(isinstance(call.id, str) and call.name and isinstance(call.arguments, dict) for call in got.tool_calls)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_samples_are_answers(language):
    assert read(language, WHOLE[language]).tool_calls
    assert fold(language, STREAMED[language], told := []).text == "".join(told)
    assert told


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_whole_answer_with_anything_odd_in_it_is_read_or_a_provider_error(language):
    for place, odd, value in spoiled(WHOLE[language]):
        check(lambda value=value: read(language, value), place, odd)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_streamed_answer_with_anything_odd_in_it_is_read_or_a_provider_error(language):
    for place, odd, value in spoiled(STREAMED[language]):
        check(lambda value=value: fold(language, value), place, odd)


@pytest.mark.parametrize(
    ("language", "sample"),
    [
        ("chat", {"data": [{"index": 0, "embedding": [1, 0.5]}], "usage": CHAT_USAGE, "model": "m"}),
        ("ollama", {"embeddings": [[1, 0.5]], "prompt_eval_count": 4, "model": "m"}),
    ],
)
def test_vectors_with_anything_odd_in_them_are_read_or_a_provider_error(language, sample):
    for place, odd, value in spoiled(sample):
        try:
            found, _, model = dialect_of(language).read_vectors(json.dumps(value), 1, failures())
        except errors.ProviderError:
            continue
        except Exception as error:
            raise AssertionError(f"{odd!r} in {place} ends in {error!r}") from error
        assert model in {"m", "x", "", None}
        assert found, (place, odd)
        assert all(row and all(-2 < number < 2 for number in row) for row in found), (place, odd)


@pytest.mark.parametrize(
    ("language", "sample"),
    [("chat", {"data": [{"id": "a"}], "has_more": False}), ("ollama", {"models": [{"name": "a"}]})],
)
def test_a_list_of_models_with_anything_odd_in_it_is_read_or_a_provider_error(language, sample):
    for place, odd, value in spoiled(sample):
        try:
            found = dialect_of(language).read_models(json.dumps(value), failures())
        except errors.ProviderError:
            continue
        except Exception as error:
            raise AssertionError(f"{odd!r} in {place} ends in {error!r}") from error
        assert found in {("a",), ("x",), ()}


# ---- tools


@pytest.mark.parametrize(
    "second",
    [{"index": 0, "id": "b"}, {"id": "b"}, {"index": 1, "id": "b"}],
    ids=["as Gemini counts", "not counted", "counted"],
)
def test_calls_made_at_once_are_told_apart_by_their_ids(second):
    first = {**second, "id": "a", **({"index": 0} if "index" in second else {})}
    some = [calling({**first, "function": FUNCTION}), calling({**second, "function": FUNCTION}), chunk(finish="stop")]
    oslo = {"city": "Oslo"}
    assert fold("chat", some).tool_calls == (ToolCall("a", "weather", oslo), ToolCall("b", "weather", oslo))


def test_a_call_whose_pieces_each_have_an_id_of_their_own_is_one():
    """As vLLM once sent them: the name comes with the first piece alone."""
    pieces = ({"name": "weather", "arguments": '{"city"'}, {"arguments": ': "Oslo"}'})
    some = [calling({"index": 0, "id": f"id-{n}", "function": piece}) for n, piece in enumerate(pieces)]
    [call] = fold("chat", [*some, chunk(finish="tool_calls")]).tool_calls
    assert call == ToolCall("id-0", "weather", {"city": "Oslo"})


def chat_whole(call, finish):
    return {"choices": [{"message": {"content": None, "tool_calls": [call]}, "finish_reason": finish}]}


@pytest.mark.parametrize(
    ("language", "whole"),
    [
        ("chat", chat_whole({"id": "c", "function": {"name": "weather", "arguments": ""}}, "length")),
        ("messages", {"content": [TOOL_USE], "stop_reason": "max_tokens"}),
        ("responses", {"output": [{**CALLED, "arguments": ""}], "status": "incomplete"}),
    ],
)
def test_a_call_that_was_cut_before_its_arguments_is_not_one_without_any(language, whole):
    got = read(language, whole)
    assert (got.tool_calls, got.finish_reason) == ((), "length")


@pytest.mark.parametrize(
    ("language", "whole"),
    [
        ("chat", chat_whole({"id": "c", "function": {"name": "weather"}}, "tool_calls")),
        ("messages", {"content": [TOOL_USE], "stop_reason": "tool_use"}),
        ("responses", {"output": [{**CALLED, "arguments": None}], "status": "completed"}),
    ],
)
def test_a_call_without_arguments_is_one_if_nothing_was_cut(language, whole):
    [call] = read(language, whole).tool_calls
    assert call.arguments == {}


@pytest.mark.parametrize("given", [["Oslo"], 7, False, [], "x"])
def test_arguments_that_are_no_object_are_a_protocol_error_and_not_none(given):
    for language, whole in (
        ("chat", chat_whole({"id": "c", "function": {"name": "weather", "arguments": given}}, "tool_calls")),
        ("responses", {"output": [{**CALLED, "arguments": given}], "status": "completed"}),
        ("ollama", {**LINE, "message": {"tool_calls": [{"function": {"name": "weather", "arguments": given}}]}}),
        ("messages", {"content": [{**TOOL_USE, "input": given}], "stop_reason": "tool_use"}),
    ):
        with pytest.raises(errors.ProtocolError, match="no JSON object"):
            read(language, whole)


def test_arguments_that_come_as_an_object_are_taken():
    given = {"city": "Oslo"}
    for language, whole in (
        ("chat", chat_whole({"id": "c", "function": {"name": "weather", "arguments": given}}, "tool_calls")),
        ("responses", {"output": [{**CALLED, "arguments": given}], "status": "completed"}),
    ):
        [call] = read(language, whole).tool_calls
        assert call.arguments == given


@pytest.mark.parametrize("language", ["chat", "ollama"])
def test_tools_asked_for_in_no_list_are_a_protocol_error(language):
    message = {"content": "hi", "tool_calls": {"id": "c", "function": FUNCTION}}
    whole = {"chat": {"choices": [{"message": message}]}, "ollama": {**LINE, "message": message}}[language]
    with pytest.raises(errors.ProtocolError, match="in no known way"):
        read(language, whole)


# ---- ends


def test_an_empty_finish_reason_is_no_end():
    """As SGLang and others write it on every chunk but the last."""
    pieces = [chunk({"content": piece}, "") for piece in ("Hel", "lo")]
    assert fold("chat", [*pieces, chunk(finish="stop")]).text == "Hello"
    with pytest.raises(errors.ProtocolError, match="broke its answer off"):
        fold("chat", pieces)


def test_an_empty_stop_reason_is_no_end():
    begun, *rest = STREAMED["messages"]
    begun = {**begun, "message": {**begun["message"], "stop_reason": ""}}
    assert fold("messages", [begun, *rest]).text == "hi"
    with pytest.raises(errors.ProtocolError, match="without stop_reason"):
        read("messages", {**WHOLE["messages"], "stop_reason": ""})


@pytest.mark.parametrize(
    ("choice", "kind", "told"),
    [
        ({"finish_reason": "error", "error": {"code": 429, "message": "slow down"}}, errors.RateLimitError, "slow"),
        ({"finish_reason": "error"}, errors.ServerError, "the answer ended in 'error'"),
        ({"finish_reason": "insufficient_system_resource"}, errors.ServerError, "insufficient_system_resource"),
    ],
)
def test_an_answer_that_ends_in_an_error_is_that_error(choice, kind, told):
    with pytest.raises(kind, match=told):
        read("chat", {"choices": [{"message": {"content": "half"}, **choice}]})
    with pytest.raises(kind, match=told):
        fold("chat", [chunk({"content": "half"}), {"choices": [{"delta": {}, **choice}]}, "[DONE]"])


@pytest.mark.parametrize("status", [None, ""])
def test_a_last_event_without_a_status_is_what_it_says_itself(status):
    response = {**RESPONSE, "output": [SAID], "status": status}
    assert fold("responses", [{"type": "response.completed", "response": response}]).finish_reason == "stop"
    assert fold("responses", [{"type": "response.incomplete", "response": response}]).finish_reason == "length"
    with pytest.raises(errors.ProtocolError, match="failed"):
        fold("responses", [{"type": "response.failed", "response": response}])


# ---- tokens


def test_input_that_is_not_told_is_unknown_even_when_the_cache_is():
    usage = read("messages", {**WHOLE["messages"], "usage": {"cache_read_input_tokens": 0, "output_tokens": 5}}).usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_tokens) == (None, 5, 0)


@pytest.mark.parametrize("language", ["chat", "messages", "responses"])
@pytest.mark.parametrize("told", [None, {}, [], "x"])
def test_usage_that_is_not_told_is_unknown(language, told):
    usage = read(language, {**WHOLE[language], "usage": told}).usage
    assert (usage.has_tokens, usage.cached_tokens, usage.reasoning_tokens, usage.calls) == (False, None, None, 1)
