"""What nodes inside others are called."""

import pytest

from graphbit_nb.core.paths import inner_path, item_path, names_of, without_numbers


def test_an_item_is_called_by_its_number():
    assert item_path("each", 3) == "each[3]"


def test_a_node_inside_is_called_by_both_names():
    assert inner_path("review", "score") == "review.score"


def test_a_node_in_a_loop_is_called_by_its_iteration_as_well():
    assert inner_path("again", "draft", 2) == "again#2.draft"


def test_paths_nest():
    path = inner_path(item_path(inner_path("outer", "each", 1), 7), "deep", 12)
    assert path == "outer#1.each[7]#12.deep"


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("a", ("a",)),
        ("a.b.c", ("a", "b", "c")),
        ("each[10]", ("each",)),
        ("again#2.draft", ("again", "draft")),
        ("outer#1.each[7]#12.deep[0]", ("outer", "each", "deep")),
        ("überblick[1].größe", ("überblick", "größe")),
    ],
)
def test_the_names_along_a_path(path, names):
    assert names_of(path) == names
    assert without_numbers(path) == ".".join(names)
