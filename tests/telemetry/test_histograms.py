"""Distributions: what they count, and how well percentiles are known."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbit_nb.telemetry.histograms import Histogram

SECONDS = st.floats(min_value=1e-6, max_value=1e5, allow_nan=False)


def of(*values):
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


def test_an_empty_one_knows_nothing():
    assert (of().mean, of().percentile(0.5), of().count) == (None, None, 0)


def test_count_sum_and_extremes_are_exact():
    histogram = of(1.0, 3.0, 0.5)
    assert (histogram.count, histogram.total, histogram.least, histogram.most) == (3, 4.5, 0.5, 3.0)
    assert histogram.mean == 1.5


@given(st.lists(SECONDS, min_size=1), st.floats(0, 1))
def test_a_percentile_is_right_within_a_tenth(values, share):
    exact = sorted(values)[max(math.ceil(share * len(values)), 1) - 1]
    assert of(*values).percentile(share) == pytest.approx(exact, rel=0.1)


@given(st.lists(SECONDS), st.lists(SECONDS))
def test_merged_ones_are_as_if_everything_had_been_counted_in_one(some, others):
    merged, whole = of(*some), of(*some, *others)
    merged.merge(of(*others))
    assert (merged.counts, merged.count, merged.least, merged.most) == (
        whole.counts, whole.count, whole.least, whole.most,
    )  # fmt: skip
    assert merged.total == pytest.approx(whole.total)


@given(st.lists(SECONDS))
def test_what_is_not_greater_than_a_power_of_two_is_counted_exactly(values):
    edges = (0.25, 1.0, 64.0)
    assert of(*values).up_to(edges) == [sum(value <= edge for value in values) for edge in edges]


def test_a_clock_that_was_set_back_counts_as_nothing_and_no_number_not_at_all():
    histogram = of(-5.0, 0.0, math.inf, math.nan)
    assert (histogram.count, histogram.total, histogram.most) == (2, 0.0, 0.0)
    assert histogram.percentile(0.5) == 0.0


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan])
def test_a_share_is_from_0_to_1(share):
    with pytest.raises(ValueError, match="give a number from 0 to 1"):
        of(1.0).percentile(share)


def test_a_million_values_take_no_more_room_than_a_few():
    dice = random.Random(1)
    histogram = of(*(dice.lognormvariate(0, 2) for _ in range(20_000)))
    assert len(histogram.counts) < 120


def test_a_copy_goes_its_own_way():
    first = of(1.0)
    second = first.copy()
    second.add(2.0)
    assert (first.count, second.count) == (1, 2)
