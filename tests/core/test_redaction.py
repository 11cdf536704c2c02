"""What is taken out of a text, and what is left: known keys in every spelling, formats of keys, fields with secrets."""

import base64
import json
import random
import string
import threading
from html import escape
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from graphbit_nb.core import redaction
from graphbit_nb.core.redaction import (
    GONE,
    forget_known,
    has_key,
    holds_key,
    is_suspect,
    redact,
    redact_all,
    redact_data,
    remember,
)


@pytest.fixture(autouse=True)
def nothing_is_known():
    forget_known()
    yield
    forget_known()


def made(seed, length, alphabet=string.ascii_letters + string.digits):
    return "".join(random.Random(seed).choices(alphabet, k=length))


FORMATS = {
    "OpenAI": f"sk-{made(1, 48)}",
    "OpenAI project": f"sk-proj-{made(2, 40)}_{made(3, 30)}-{made(4, 20)}",
    "Anthropic": f"sk-ant-api03-{made(5, 80)}-{made(6, 6)}AA",
    "OpenRouter": f"sk-or-v1-{made(7, 64, 'abcdef0123456789')}",
    "Google": f"AIza{made(8, 35)}",
    "Groq": f"gsk_{made(9, 52)}",
    "xAI": f"xai-{made(10, 80)}",
    "Hugging Face": f"hf_{made(11, 34)}",
    "Replicate": f"r8_{made(12, 37)}",
    "Perplexity": f"pplx-{made(13, 48)}",
    "NVIDIA": f"nvapi-{made(14, 64)}",
    "Stripe": f"sk_live_{made(15, 24)}",
    "GitHub": f"ghp_{made(16, 36)}",
    "GitHub, fine": f"github_pat_{made(17, 22)}_{made(18, 59)}",
    "GitLab": f"glpat-{made(19, 20)}",
    "Amazon": f"AKIA{made(20, 16, string.ascii_uppercase + string.digits)}",
    "Slack": f"xoxb-{made(21, 12, string.digits)}-{made(22, 12, string.digits)}-{made(23, 24)}",
    "a web token": f"eyJ{made(24, 30)}.eyJ{made(25, 60)}.{made(26, 43)}",
}

AROUND = (
    "{}",
    "({})",
    '{{"a": "{}"}}',
    "line\n{}\n",
    "x={}&y=1",
    "it is {}, I think",
    "/{}/",
    "'{}'",
    "\x1b[32m{}\x1b[0m",
)


@pytest.mark.parametrize("name", FORMATS)
def test_a_key_of_a_known_format_is_taken_out_wherever_it_stands(name):
    for around in AROUND:
        assert redact(around.format(FORMATS[name])) == around.format(GONE)
        assert holds_key(around.format(FORMATS[name]))


@pytest.mark.parametrize("name", FORMATS)
def test_a_key_after_an_escaped_line_break_in_json_is_found(name):
    text = json.dumps({"a": f"\n{FORMATS[name]}\t{FORMATS[name]}é"})
    assert json.loads(redact(text)) == {"a": f"\n{GONE}\t{GONE}é"}


FIELDS = [
    "Authorization: Bearer {}", "authorization: Basic {}", '{{"Authorization": "Bearer {}"}}', "Bearer {}",
    "x-api-key: {}", '"api_key": "{}"', "api_key='{}'", "OPENAI_API_KEY={}", "aws_secret_access_key = {}",
    "https://host/v1?key={}&alt=sse", "https://host/?api_key={}", "https://host/?a=1&access_token={}",
    "client_secret={}", "HF_TOKEN={}", "password: {}", "https://me:{}@host/v1", "apiKey: {}", "AccountKey={}",
    '{{\\"api_key\\": \\"{}\\"}}', "'x-goog-api-key': '{}'", "passphrase={}", "secret-key: {}",
]  # fmt: skip


@pytest.mark.parametrize("field", FIELDS)
def test_the_value_of_a_field_that_holds_a_secret_is_taken_out(field):
    secret = made(30, 20)
    assert redact(field.format(secret)) == field.format(GONE)


@pytest.mark.parametrize(
    "text",
    [
        "the key to success is patience",
        "the token limit is 4096, and max_tokens=4096; first_token: 0.123456789",
        '{"first_token":0.123456789012,"cached_tokens":12345678,"total_tokens":123456789}',
        "the bearer of good tidings; Bearer authentication is asked for",
        "authorization is required; the secret of cooking; password: required",
        "api_key=os.environ['OPENAI_API_KEY'] and api_key=get_key(name)",
        "install sk-learn-contrib and the risk-assessment-of-banks",
        "a task-management-system-2024 for desk-research-and-analysis-1",
        "key: value, monkey: business-as-usual-123456",
        "https://host:8080/path and me@example.org",
        "d41d8cd98f00b204e9800998ecf8427e 550e8400-e29b-41d4-a716-446655440000 0.30000000000000004",
        "chatcmpl-9aBcDeFgHiJkLmNoPqRsTuVwXyZ12",
        "-----BEGIN PUBLIC KEY-----",
        "def secret(): return key[token]",
    ],
)
def test_prose_figures_code_and_ids_are_left_alone(text):
    assert redact(text) == text
    assert not holds_key(text)


def test_a_private_key_is_taken_out_as_a_block_in_text_and_in_json():
    body = "\n".join(made(n, 64) for n in range(5))
    block = f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----"
    assert redact(f"a {block} b") == f"a {GONE} b"
    assert json.loads(redact(json.dumps({"a": block, "b": "c"}))) == {"a": GONE, "b": "c"}


def test_a_private_key_that_is_cut_off_does_not_break_json():
    cut = f"-----BEGIN PRIVATE KEY-----\n{made(1, 64)}"
    assert json.loads(redact(json.dumps({"a": cut, "b": "c"}))) == {"a": GONE, "b": "c"}


CANARY = "9f3c-not/a+format=%7e\"quote'back\\slash&amp"


@pytest.mark.parametrize(
    "spelt",
    [
        CANARY, json.dumps(CANARY)[1:-1], repr(CANARY)[1:-1], quote(CANARY, safe=""), CANARY.encode().hex(),
        CANARY.encode().hex().upper(), escape(CANARY),
    ],
)  # fmt: skip
def test_a_known_key_is_taken_out_in_every_spelling(spelt):
    text = f"before {spelt} after"
    assert redact(text) == text
    remember(CANARY)
    assert redact(text) == f"before {GONE} after"


@pytest.mark.parametrize("before", [b"", b"u", b"us", b"user:", b":", b"Basic "])
@pytest.mark.parametrize("after", [b"", b"x", b"xy", b"xyz"])
def test_a_known_key_inside_of_something_in_base64_is_taken_out(before, after):
    remember(CANARY)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(before + CANARY.encode() + after).decode()
        assert len(redact(text)) < len(text) - len(CANARY) + 12


def test_secrets_of_pydantic_and_bytes_are_known_too():
    remember(SecretStr("correct-horse-77"), b"battery-staple-78", None)
    assert redact("correct-horse-77 battery-staple-78") == f"{GONE} {GONE}"


@pytest.mark.parametrize("word", ["short", "not-needed", "lm-studio", "Placeholder", "", "messages", "finish_reason"])
def test_short_keys_and_what_stands_for_none_are_not_looked_for(word):
    remember(word)
    assert redact(f"a {word} b") == f"a {word} b"


def test_of_two_keys_that_begin_alike_the_longer_one_is_taken_out_whole():
    remember("abcdefgh-1", "abcdefgh-1-and-more")
    assert redact("abcdefgh-1-and-more abcdefgh-1") == f"{GONE} {GONE}"


def test_the_oldest_keys_are_forgotten_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr(redaction, "MOST", 3)
    remember("first-key-1", "second-key-2", "third-key-3", "fourth-key-4")
    assert redact("first-key-1 fourth-key-4") == f"first-key-1 {GONE}"


def test_keys_that_threads_tell_at_the_same_time_are_all_known():
    def tell(n):
        for m in range(20):
            remember(f"thread-{n}-key-{m}")

    threads = [threading.Thread(target=tell, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    text = " ".join(f"thread-{n}-key-{m}" for n in range(8) for m in range(20))
    assert redact(text) == " ".join([GONE] * 160)


def test_what_is_known_is_neither_shown_nor_pickled():
    import pickle

    remember("a-secret-of-mine")
    assert "a-secret" not in repr(vars(redaction))
    with pytest.raises(TypeError):
        pickle.dumps(redaction._known)


def test_many_texts_are_the_same_list_when_there_is_nothing_to_take_out():
    texts = ['{"output":"fine"}', None, "node"]
    assert redact_all(texts) is texts
    assert redact_all([*texts, FORMATS["OpenAI"], None]) == [*texts, GONE, None]


def test_data_keeps_its_shape_and_identity():
    data = {"a": ["b", ("c", 1)], "d": None}
    assert redact_data(data) is data
    key = FORMATS["Google"]
    assert redact_data({"a": [key, (key, 1)], key: 2.5}) == {"a": [GONE, (GONE, 1)], GONE: 2.5}


texts = st.text() | st.lists(
    st.sampled_from(
        [
            *FORMATS.values(),
            "key",
            "api_key",
            "token",
            "=",
            ": ",
            '"',
            "'",
            "\\",
            "\n",
            "Bearer ",
            "password",
            "://",
            "@",
            "a" * 14,
            "known-key-0815",
            "İ",
            "ß",
            "-----BEGIN PRIVATE KEY-----",
            "{",
            "}",
            "abcdefgh1",
        ]
    )
).map("".join)


@given(texts)
def test_what_was_redacted_has_no_key_any_more(text):
    remember("known-key-0815")
    clean = redact(text)
    assert redact(clean) == clean
    assert not has_key(clean)
    assert "known-key-0815" not in clean


@given(texts)
def test_json_stays_json(text):
    remember("known-key-0815")
    for ascii_only in (True, False):
        assert isinstance(json.loads(redact(json.dumps({"a": text, "b": [text]}, ensure_ascii=ascii_only))), dict)


@given(texts)
def test_what_is_not_suspect_has_no_key(text):
    remember("known-key-0815")
    assert is_suspect(text) or redact(text) == text


def test_a_hostile_text_takes_no_time_that_grows_with_its_square():
    import time

    def seconds(count):
        text = (
            "api_key:" * count
            + "sk-" * count
            + "://" * count
            + "Bearer " * count
            + "-----BEGIN PRIVATE KEY-----" * count
        )
        began = time.process_time()
        redact(text)
        return time.process_time() - began

    seconds(100)
    assert seconds(8_000) < 40 * max(seconds(1_000), 0.005)
