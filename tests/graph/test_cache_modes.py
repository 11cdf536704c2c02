"""What `cache=` says: modes, and how old a remembered answer may be."""

import pytest

import graphbit_nb as gb
from graphbit_nb.graph.caching import CacheMode, first_mode, read_age, read_cache_mode


@pytest.mark.parametrize("mode", ["default", "recompute", "disable", "ignore"])
def test_a_mode_is_its_own_word(mode):
    assert read_cache_mode(mode) == CacheMode(mode)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90), ("15m", 900), ("3h", 10800), ("1D", 86400), ("2W", 1209600), ("1.5h", 5400), ("3 h", 10800),
        ("1d", 86400),
    ],
)  # fmt: skip
def test_an_age_is_a_number_and_a_unit(text, seconds):
    assert read_cache_mode(text) == CacheMode("default", seconds)
    assert read_age(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "", "never", "3", "h", "-3h", "3 hours", "0h", "1M", "Default", None, 3, True, ["default"], "9" * 40 + "h",
        "1e9s",
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_what_can_be_said(text):
    with pytest.raises(gb.UsageError, match=r"cache=.*(3h|recompute)"):
        read_cache_mode(text)


def test_a_slip_is_told_the_nearest():
    with pytest.raises(gb.UsageError, match="did you mean 'recompute'"):
        read_cache_mode("recomptue")


@pytest.mark.parametrize("text", ["", "3", "x", None, 3])
def test_what_is_no_age_is_refused(text):
    with pytest.raises(gb.UsageError, match="no time"):
        read_age(text)


def test_the_first_that_says_anything_is_taken():
    assert first_mode(None, "3h", "disable") == CacheMode("default", 10800)
    assert first_mode(None, None) == CacheMode()
    assert first_mode(CacheMode("ignore"), "3h") == CacheMode("ignore")


def test_a_node_takes_a_mode_or_an_age():
    assert gb.Node.prompt("a", "x", cache="3h").cache == "3h"
    assert gb.Node.prompt("a", "x", cache="ignore").cache == "ignore"


@pytest.mark.parametrize("cache", ["sometimes", "3 fortnights", 3])
def test_a_node_refuses_anything_else_and_says_which_node(cache):
    with pytest.raises(gb.UsageError, match=r"^a: cache="):
        gb.Node.prompt("a", "x", cache=cache)
