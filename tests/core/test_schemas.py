"""A JSON schema is rewritten wherever a schema stands in it, and nowhere else."""

import copy

import pytest

from graphbit_nb.core.schemas import rewrite

LEAF = {"type": "integer"}


def marked(schema):
    return {**schema, "seen": True}


@pytest.mark.parametrize(
    "keyword", ["items", "contains", "not", "if", "then", "else", "propertyNames", "additionalProperties"]
)
def test_a_schema_under_a_keyword_is_changed(keyword):
    assert rewrite({keyword: LEAF}, marked) == {keyword: marked(LEAF), "seen": True}


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf", "prefixItems"])
def test_each_schema_of_a_list_is_changed(keyword):
    assert rewrite({keyword: [LEAF, True]}, marked) == {keyword: [marked(LEAF), True], "seen": True}


@pytest.mark.parametrize("keyword", ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"])
def test_each_schema_with_a_name_is_changed_whatever_the_name(keyword):
    given = {keyword: {"title": LEAF, "items": LEAF, "anyOf": False}}
    assert rewrite(given, marked) == {
        keyword: {"title": marked(LEAF), "items": marked(LEAF), "anyOf": False},
        "seen": True,
    }


@pytest.mark.parametrize("keyword", ["default", "const", "examples", "enum", "required", "x-own"])
@pytest.mark.parametrize("value", [{"properties": {"a": {}}}, [{"items": {}}], 1])
def test_data_is_left_alone(keyword, value):
    assert rewrite({keyword: value}, marked) == {keyword: value, "seen": True}


@pytest.mark.parametrize(
    "given", [{"items": False}, {"additionalProperties": True}, {"anyOf": None}, {"properties": []}, {"items": [LEAF]}]
)
def test_what_is_no_schema_is_left_alone(given):
    assert rewrite(given, marked) == {**given, "seen": True}


def test_the_innermost_is_changed_first_and_the_whole_last():
    seen = []

    def noted(schema):
        seen.append(schema["title"])
        return {"title": schema["title"].upper()} | {key: schema[key] for key in schema if key != "title"}

    given = {"title": "a", "items": {"title": "b", "anyOf": [{"title": "c"}, {"title": "d"}]}}
    changed = rewrite(given, noted)
    assert seen == ["c", "d", "b", "a"]
    assert changed == {"title": "A", "items": {"title": "B", "anyOf": [{"title": "C"}, {"title": "D"}]}}


def test_the_given_schema_is_not_changed_though_what_is_handed_out_may_be():
    given = {"title": "a", "$defs": {"B": {"title": "b", "items": {"title": "c"}}}, "allOf": [{"title": "d"}]}
    before = copy.deepcopy(given)

    def emptied(schema):
        del schema["title"]
        return schema

    assert rewrite(given, emptied) == {"$defs": {"B": {"items": {}}}, "allOf": [{}]}
    assert given == before


def test_keywords_keep_their_order():
    given = {"type": "object", "properties": {"b": {}, "a": {}}, "anyOf": [], "description": "It."}
    assert list(rewrite(given, dict)) == list(given)
    assert list(rewrite(given, dict)["properties"]) == ["b", "a"]
