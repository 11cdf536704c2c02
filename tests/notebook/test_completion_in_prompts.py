"""Tab inside the braces of a prompt: names, fields, loop variables, filters, tags; at once, and in its place."""

import time
from dataclasses import dataclass

import pytest
from pydantic import BaseModel

from graphbit_nb import LlmConfig


class Point(BaseModel):
    title: str
    weight: int


class Outline(BaseModel):
    points: list[Point]
    tone: str


@dataclass
class Row:
    left: int


@dataclass
class Pair:
    one: Point
    rows: list[Row]


@pytest.fixture(params=[True, False], ids=["jedi", "no jedi"])
def tab(shell, press, request):
    shell.ip.Completer.use_jedi = request.param
    shell.ip.user_ns.update(Outline=Outline, Pair=Pair, table={"first": 1, "second": {"deep": 2}, "no name": 3})
    shell("%%graphbit prompt outline --output Outline\nOutline {{ topic }}.\n")
    shell("%%graphbit prompt pair --output Pair\nx\n")
    shell("%%graphbit prompt many --output 'list[Outline]'\nx\n")
    shell("%%graphbit prompt reads\n{{ table.first }} {{ überschrift }}\n")
    return lambda body: [text for text, _, _ in press(f"%%graphbit prompt x\n{body}")]


@pytest.mark.parametrize(
    ("body", "offered"),
    [
        ("{{ outline.¦", ["points", "tone"]),
        ("{{ outline.po¦ }}", ["points"]),
        ("{{ outline.points[0].¦", ["title", "weight"]),
        ("{{ many[0].points[1].ti¦", ["title"]),
        ("{{ pair.one.we¦", ["weight"]),
        ("{{ pair.rows[0].¦", ["left"]),
        ("{{ outline.points.¦", []),
        ("{{ outline.tone.¦", []),
        ("{{ nobody.¦", []),
        ("{{ table.¦", ["first", "second"]),
        ("{{ table['second'].¦", ["deep"]),
        ("{{ über¦", ["überschrift"]),
    ],
)
def test_fields_are_offered_after_a_dot(tab, body, offered):
    assert tab(body) == offered


@pytest.mark.parametrize(
    ("body", "offered"),
    [
        ("{% for point in outline.points %}\n{{ po¦", ["point"]),
        ("{% for point in outline.points %}\n{{ point.¦", ["title", "weight"]),
        ("{% for o in many %}{% for p in o.points %}{{ p.we¦", ["weight"]),
        ("{% for a, b in pairs %}{{ a¦", ["a"]),
        ("{% for p in outline.points %}{{ loop.¦", ["index", "first", "last"]),
        ("{% for p in outline.points %}{{ lo¦", ["loop"]),
        ("{% for point in outline.points %}x{% endfor %}{{ po¦", []),
        ("{% for point in outline.points %}x{% endfor %}{{ lo¦", []),
        ("{% for ou¦", []),
        ("{% for point ¦", ["in"]),
        ("{% for point in outline.po¦", ["points"]),
        ("{% for point in ou¦", ["outline"]),
    ],
)
def test_the_variables_of_the_loops_around_are_offered(tab, body, offered):
    assert tab(body) == offered


@pytest.mark.parametrize(
    ("body", "offered"),
    [
        ("{{ outline | up¦", ["upper"]),
        ("{{ outline.tone |t¦", ["title", "tojson", "trim", "truncate"]),
        ("{% if outline | le¦", ["length"]),
        ("{{ outline is de¦", ["defined"]),
        ("{{ outline is not ¦", ["defined", "none"]),
        ("{% ¦", ["if", "for", "raw"]),
        ("{% f¦", ["for"]),
        ("{%- en¦", []),
        ("{% if pair %}x{% e¦", ["endif", "elif", "else"]),
        ("{% for p in many %}{% if p %}x{% endif %}{% en¦", ["endfor"]),
        ("{% raw %}{{ ou¦", []),
        ("{% raw %}{% en¦", ["endraw"]),
        ("{% raw %}x{% endraw %}{{ ou¦", ["outline"]),
    ],
)
def test_filters_tests_and_tags_are_offered_where_they_fit(tab, body, offered):
    assert tab(body) == offered


@pytest.mark.parametrize(
    "body",
    ["ou¦", "{{ outline }} ou¦", "{ ou¦", "}} ou¦", "{{ 'ou¦", '{% if outline == "ou¦', "{% if outline %} ou¦"],
)
def test_text_and_strings_are_left_alone(tab, body):
    assert tab(body) == []


def test_a_brace_that_was_never_closed_does_not_hide_the_next_one(tab):
    assert tab("{{ outline }\nIt's {{ outline.to¦") == ["tone"]


def test_the_variable_of_the_cells_own_for_each_is_offered_with_its_fields(tab, press):
    line = "%%graphbit prompt x --for-each 'point in outline.points'\n"
    assert [text for text, _, _ in press(f"{line}{{{{ poi¦")] == ["point"]
    assert [text for text, _, _ in press(f"{line}{{{{ point.ti¦")] == ["title"]


def test_what_a_node_gave_in_the_latest_run_says_what_its_declaration_does_not(shell, press):
    shell.ip.user_ns["script"] = LlmConfig.scripted({})
    shell("%%graphbit python facts\nreturn {'town': 'Bern', 'people': [{'name': 'A'}], 'not a name': 1}\n")
    assert press("%%graphbit prompt x\n{{ facts.¦") == []
    shell("%graphbit run")
    assert [text for text, _, _ in press("%%graphbit prompt x\n{{ facts.¦")] == ["town", "people"]
    assert [text for text, _, _ in press("%%graphbit prompt x\n{% for p in facts.people %}{{ p.¦")] == ["name"]


def test_code_is_offered_fields_of_nodes_as_well(tab, press):
    assert [text for text, _, _ in press("%%graphbit python x\nreturn outline.to¦")] == ["tone"]


# ---- in its place


@pytest.mark.parametrize(
    ("code", "piece"),
    [
        ("%%graphbit prompt x\nüber ✓ 😀 {{ ou¦ }} and more {{ pair }}", "ou"),
        ("%%graphbit prompt x\n\n{{ outline.po¦ints }}", "po"),
        ("%%graphbit prompt x\n{{ über¦ }}", "über"),
        ("%%graphbit prompt x\n{{ ou ¦", ""),
        ("\n\n%%graphbit prompt x\n{{ ou¦", "ou"),
        ("x = 1\ny = %graphbit run --set to¦\nz = 3", "to"),
        ("%graphbit run ou¦ --sequential", "ou"),
        ("%%graphbit prompt x --for-each 'p in outline.po¦'\nx", "outline.po"),
    ],
)
def test_exactly_the_piece_before_the_cursor_is_replaced(tab, press, code, piece):
    at = code.index("¦")
    offered = press(code)
    assert offered
    assert {(begin, end) for _, begin, end in offered} == {(at - len(piece), at)}


def test_a_cell_of_a_thousand_lines_is_completed_at_once(tab, press, monkeypatch):
    from graphbit_nb.notebook import completion

    spent = []
    offer = completion._offer

    def timed(*given):
        began = time.process_time()
        try:
            return offer(*given)
        finally:
            spent.append(time.process_time() - began)

    monkeypatch.setattr(completion, "_offer", timed)
    lines = "It's {{ outline.tone }}, {% for p in outline.points %}{{ p.title }}{% endfor %}.\n" * 1000
    for _ in range(5):
        assert [text for text, _, _ in press(f"%%graphbit prompt x\n{lines}{{{{ outline.to¦")] == ["tone"]
    assert min(spent) < 0.02
