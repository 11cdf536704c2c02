"""A call as data: what its key depends on, and that records come back as they were."""

from __future__ import annotations

import json

import pytest

from graphbit_nb.core.calls import CallRecord, Identity, error_data, error_of, request_data, request_key
from graphbit_nb.core.encoding import CannotKeepError
from graphbit_nb.core.llm import (
    EmbedRequest,
    EmbedResponse,
    GenerateRequest,
    GenerateResponse,
    Image,
    Message,
    ToolCall,
    ToolSpec,
    Usage,
)
from graphbit_nb.errors import (
    CircuitOpenError,
    ConfigurationError,
    ProviderConnectionError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitError,
    StorageError,
)

WHO = Identity("openai", model="small")


def ask(text="Hello", **more):
    return GenerateRequest(messages=(Message("user", text),), **more)


def key_of(request, who=WHO):
    return request_key(request_data(request, who))


def test_equal_requests_have_equal_keys():
    assert key_of(ask()) == key_of(ask())


def test_the_node_that_asks_is_no_part_of_the_key():
    assert key_of(ask(node="a")) == key_of(ask(node="b"))


def test_a_model_that_the_request_names_is_the_same_as_the_client_s():
    assert key_of(ask(model="small")) == key_of(ask())


@pytest.mark.parametrize(
    "other",
    [
        ask("Hello "),
        ask(model="large"),
        ask(temperature=0.0),
        ask(max_tokens=5),
        ask(top_p=0.5),
        ask(seed=1),
        ask(stop=("x",)),
        ask(schema={"type": "object"}),
        ask(tools=(ToolSpec("f", "does", {}),)),
        ask(sample=1),
        GenerateRequest(messages=(Message("system", "Hello"),)),
        GenerateRequest(messages=(Message("user", "Hello", images=(Image(data=b"1"),)),)),
        GenerateRequest(messages=(Message("user", "Hello", tool_calls=(ToolCall("1", "f", {"a": 1}),)),)),
        GenerateRequest(messages=(Message("user", "Hello", tool_call_id="1"),)),
        GenerateRequest(messages=(Message("user", "Hello", native=[1]),)),
        EmbedRequest(texts=("Hello",)),
    ],
)
def test_whatever_an_answer_depends_on_is_part_of_the_key(other):
    assert key_of(other) != key_of(ask())


@pytest.mark.parametrize(
    "other",
    [
        Identity("mistral", model="small"),
        Identity("openai", model="large"),
        Identity("openai", "https://elsewhere", "small"),
        Identity("openai", model="small", options={"service_tier": "flex"}),
    ],
)
def test_whom_a_call_asks_is_part_of_the_key(other):
    assert key_of(ask(), other) != key_of(ask())


def test_the_name_of_a_schema_and_the_parameters_of_a_tool_are_part_of_the_key():
    assert key_of(ask(schema={}, schema_name="a")) != key_of(ask(schema={}, schema_name="b"))
    tools = [(ToolSpec("f", "does", {"type": kind}),) for kind in ("object", "array")]
    assert key_of(ask(tools=tools[0])) != key_of(ask(tools=tools[1]))


def test_two_pictures_of_different_bytes_have_different_keys_and_the_bytes_are_not_kept():
    first, second = (
        GenerateRequest(messages=(Message("user", "See", images=(Image(data=data),)),)) for data in (b"one", b"two")
    )
    assert key_of(first) != key_of(second)
    assert "one" not in json.dumps(request_data(first, WHO)).replace('"call"', "")


def test_a_request_that_holds_what_is_no_data_is_refused_with_its_place():
    with pytest.raises(CannotKeepError, match="no plain data"):
        request_data(GenerateRequest(messages=(Message("assistant", "", native=object()),)), WHO)


RECORDS = [
    CallRecord(
        request=request_data(ask(), WHO),
        node="a[3]",
        told=(("token", 0.1, "Hi"), ("limited", 0.2, "rpm", None, 3), ("circuit", 0.3, "openai/small", "open", "why")),
        response=GenerateResponse(
            text="Hi", finish_reason="stop", usage=Usage(input_tokens=3, calls=1), cost=0.1,
            tool_calls=(ToolCall("1", "f", {"a": [1, None]}),), native={"x": b"1"},
        ),
    ),
    CallRecord(
        request=request_data(EmbedRequest(texts=("a", "b")), WHO),
        response=EmbedResponse(vectors=((0.1, 0.2), (1.0, -0.0))),
    ),
    CallRecord(
        request=request_data(ask(), WHO),
        told=(("retry", 1.5, 1, 0.5, error_data(RateLimitError("wait", status=429))),),
        error=error_data(QuotaExhaustedError("spent", provider="openai")),
    ),
]  # fmt: skip


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_comes_back_from_json_as_it_was(record):
    assert CallRecord.of(json.loads(json.dumps(record.data()))) == record


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"request": 1},
        {"request": {}},
        {"request": {}, "response": "text"},
        {"request": {}, "response": {"~": "record", "c": "Message", "f": {"role": "user", "content": ""}}},
        {"request": {}, "error": {"type": "SystemExit", "message": ""}},
        {"request": {}, "error": {"type": "ServerError", "message": "", "status": "500"}},
        {"request": {}, "error": error_data(ProviderError("")), "node": 3},
        {"request": {}, "error": error_data(ProviderError("")), "told": [["token"]]},
        {"request": {}, "error": error_data(ProviderError("")), "told": [["token", True, "x"]]},
        {"request": {}, "error": error_data(ProviderError("")), "told": [["shout", 1, "x"]]},
        {"request": {}, "error": error_data(ProviderError("")), "told": [["retry", 1, 1, 1, {"type": "int"}]]},
    ],
)
def test_what_is_no_record_is_refused(data):
    with pytest.raises(StorageError):
        CallRecord.of(data)


ERRORS = [
    ProviderConnectionError("hung up", provider="openai", model="small"),
    RateLimitError("wait", status=429, request_id="r1", retry_after=2.5, body="slow down"),
    CircuitOpenError("resting", circuit="openai/small", retry_after=3.0, until=99.0),
    ConfigurationError("no key"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_failure_comes_back_as_its_own_class_with_its_fields(error):
    back = error_of(json.loads(json.dumps(error_data(error))))
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) == vars(error)


def test_the_number_of_attempts_comes_back():
    error = ProviderError("no")
    error.attempts = 4
    assert error_of(error_data(error)).attempts == 4


def test_a_failure_of_a_class_of_somebody_else_comes_back_as_the_nearest_of_ours():
    class MyLimitError(RateLimitError):
        pass

    assert type(error_of(error_data(MyLimitError("wait", status=429)))) is RateLimitError


def test_a_foreign_exception_comes_back_as_an_error_of_the_provider_that_names_it():
    back = error_of(error_data(ValueError("odd")))
    assert type(back) is ProviderError
    assert str(back) == "ValueError: odd"


def test_a_class_that_only_has_the_name_of_one_of_ours_is_foreign():
    other = type("ServerError", (Exception,), {})
    assert type(error_of(error_data(other("x")))) is ProviderError
