import json

import httpx
import pytest

from graphbit_nb import errors
from graphbit_nb.providers.failures import Failures


def classified(status, error):
    body = error if isinstance(error, str) else json.dumps({"error": error})
    return Failures(provider="p", model="m", status=status).answer(body)


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, {"message": "no such field"}, errors.BadRequestError),
        (400, {"code": "context_length_exceeded", "type": "invalid_request_error"}, errors.ContextTooLongError),
        (400, {"message": "This model's maximum context length is 8192 tokens"}, errors.ContextTooLongError),
        (400, {"message": "prompt is too long: 210000 tokens"}, errors.ContextTooLongError),
        (400, {"message": "prompt too long; exceeded max context length by 7 tokens"}, errors.ContextTooLongError),
        (400, {"code": "content_filter"}, errors.ContentFilteredError),
        (400, {"code": None, "innererror": {"code": "ResponsibleAIPolicyViolation"}}, errors.ContentFilteredError),
        (400, {"code": "content_policy_violation"}, errors.ContentFilteredError),
        (400, {"message": "API key not valid"}, errors.AuthenticationError),
        (400, {"message": "Your credit balance is too low"}, errors.QuotaExhaustedError),
        (401, {"type": "invalid_request_error"}, errors.AuthenticationError),
        (402, "", errors.QuotaExhaustedError),
        (403, {"type": "invalid_request_error"}, errors.PermissionDeniedError),
        (404, {"code": "DeploymentNotFound"}, errors.NotFoundError),
        (404, {"code": "model_not_found", "type": "invalid_request_error"}, errors.NotFoundError),
        (408, "", errors.ProviderTimeoutError),
        (409, "", errors.ConflictError),
        (413, "", errors.BadRequestError),
        (422, {"message": "x"}, errors.BadRequestError),
        (429, {"code": "rate_limit_exceeded"}, errors.RateLimitError),
        (429, {"type": "insufficient_quota", "code": "insufficient_quota"}, errors.QuotaExhaustedError),
        (500, {"type": "server_error"}, errors.ServerError),
        (500, {"type": "overloaded_error"}, errors.OverloadedError),
        (502, "<html>Bad gateway</html>", errors.ServerError),
        (503, "", errors.OverloadedError),
        (529, {"type": "overloaded_error"}, errors.OverloadedError),
        (301, "", errors.NotFoundError),
    ],
)
def test_status_and_words_decide_the_class(status, error, kind):
    made = classified(status, error)
    assert type(made) is kind
    assert made.status == status
    assert str(made).startswith(f"p answered {status}")


@pytest.mark.parametrize(
    "body",
    [
        '{"error": {"message": "words"}}',
        '{"error": "words"}',
        '[{"error": {"message": "words"}}]',
        '{"object": "error", "message": "words"}',
        '{"detail": "words"}',
        '{"type": "error", "error": {"type": "invalid_request_error", "message": "words"}}',
        "words",
    ],
)
def test_the_providers_words_are_found_in_every_shape(body):
    assert str(classified(400, body)).startswith("p answered 400: words; ")


def test_a_page_of_html_is_not_repeated():
    assert str(classified(502, "<html>...</html>")).startswith("p answered 502: a page of HTML; try again later")


def test_a_prompt_that_is_too_long_is_told_in_numbers():
    error = {"code": 400, "type": "exceed_context_size_error", "message": "m", "n_prompt_tokens": 3031, "n_ctx": 1024}
    made = classified(400, error)
    assert type(made) is errors.ContextTooLongError
    assert "3031" in str(made)
    assert "1024" in str(made)


def test_the_hint_of_the_nearest_class_is_told():
    hints = {errors.RateLimitError: "wait", errors.ProviderError: "hm"}
    made = Failures(provider="p", status=429, hints=hints)
    assert str(made.answer("")).endswith("; wait")
    made.status = 500
    assert str(made.answer("")).endswith("; hm")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectTimeout("x"), errors.ProviderTimeoutError),
        (httpx.ReadTimeout("x"), errors.ProviderTimeoutError),
        (httpx.ConnectError("x"), errors.ProviderConnectionError),
        (httpx.ReadError("x"), errors.ProviderConnectionError),
        (httpx.RemoteProtocolError("x"), errors.ProviderConnectionError),
        (httpx.ProxyError("x"), errors.ProviderConnectionError),
        (httpx.DecodingError("x"), errors.ProtocolError),
        (httpx.TooManyRedirects("x"), errors.ProtocolError),
        (httpx.UnsupportedProtocol("x"), errors.ConfigurationError),
        (httpx.InvalidURL("x"), errors.ConfigurationError),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_exception_of_the_http_library_has_its_class(error, kind):
    made = Failures(provider="p", place="host:1").transport(error)
    assert type(made) is kind
    assert f"({type(error).__name__}: x)" in str(made)


def test_an_illegal_header_does_not_show_the_key():
    failures = Failures(provider="p", secrets=("hush-hush",))
    assert "hush" not in str(failures.transport(httpx.LocalProtocolError("Illegal header value b'Bearer hush-hush'")))


def test_what_looks_like_a_key_is_blotted_out_even_when_it_is_not_ours():
    assert Failures(provider="p").clean("bad sk-proj-abcdefgh12345678 given") == "bad [redacted] given"
