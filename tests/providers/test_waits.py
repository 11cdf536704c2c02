import pytest

from graphbit_nb import errors
from graphbit_nb.providers.failures import Failures
from graphbit_nb.providers.waits import retry_after, window_ends

OCTOBER = 1445412480.0  # Wed, 21 Oct 2015 07:28:00 GMT


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "5"}, 5.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "?", "retry-after": "9"}, 9.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 60.0),
        ({}, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(headers, expected):
    assert retry_after(headers, OCTOBER - 60.0) == expected


@pytest.mark.parametrize(
    "told", ["soon", "nan", "inf", "-3", "86401", "1e300", "Wed, 21 Oct 2015 07:00:00 GMT", "Wed, 21 Oct 9999 07:00:00"]
)
def test_a_wait_that_cannot_be_meant_is_passed_over(told):
    assert retry_after({"retry-after": told}, OCTOBER) is None


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("1s", 1.0),
        ("20ms", 0.02),
        ("6m0s", 360.0),
        ("2m59.56s", 179.56),
        ("1h2m3s", 3723.0),
        ("500us", 0.0005),
        ("12.5", 12.5),
        (str(int(OCTOBER) + 30), 30.0),
        (str((int(OCTOBER) + 30) * 1000), 30.0),
        ("2015-10-21T07:28:30Z", 30.0),
        ("2015-10-21T09:28:30+02:00", 30.0),
        ("1s?", None),
        ("m", None),
        ("", None),
        ("-4", None),
        ("25h", None),
        (str(int(OCTOBER) - 30), None),
        ("2015-10-21T07:28:30", None),
    ],
)
def test_the_end_of_a_limit_is_read_in_every_way_that_providers_tell_it(told, expected):
    found = window_ends({"x-ratelimit-reset-requests": told}, OCTOBER)
    assert found == (None if expected is None else pytest.approx(expected))


def test_of_limits_that_are_used_up_the_last_one_to_be_there_again_counts():
    headers = {
        "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6s",
        "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m0s",
        "anthropic-ratelimit-output-tokens-remaining": "7", "anthropic-ratelimit-output-tokens-reset": "9h",
    }  # fmt: skip
    assert window_ends(headers, OCTOBER) == 60.0


def test_where_none_is_said_to_be_used_up_the_first_one_counts():
    headers = {"x-ratelimit-reset-requests": "6s", "x-ratelimit-reset-tokens": "1m0s"}
    assert window_ends(headers, OCTOBER) == 6.0


def test_the_windows_of_anthropic_and_openrouter_are_known():
    anthropic = {
        "anthropic-ratelimit-input-tokens-remaining": "0",
        "anthropic-ratelimit-input-tokens-reset": "2015-10-21T07:28:12Z",
    }
    assert window_ends(anthropic, OCTOBER) == 12.0
    openrouter = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(OCTOBER + 7) * 1000)}
    assert window_ends(openrouter, OCTOBER) == 7.0


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (429, {"x-ratelimit-reset-tokens": "7s"}, 7.0),
        (429, {"x-ratelimit-reset-tokens": "7s", "retry-after": "2"}, 2.0),
        (429, {"x-ratelimit-reset-tokens": "7s", "retry-after": "-2"}, 7.0),
        (500, {"x-ratelimit-reset-tokens": "7s"}, None),
        (503, {"retry-after": "2"}, 2.0),
    ],
)
def test_limits_count_only_where_one_was_met_and_no_wait_was_asked_for(status, headers, expected):
    made = Failures(provider="p", status=status, headers=headers, now=OCTOBER).answer("")
    assert isinstance(made, errors.ProviderError)
    assert made.retry_after == expected
