"""What a template may say, what it may not, and what is text."""

import copy
import pickle

import pytest

from graphbit_nb.errors import TemplateError
from graphbit_nb.templating import FILTERS, SafeTemplateEngine, Template


@pytest.mark.parametrize(
    ("source", "values", "text"),
    [
        ("Hello {{ name }}!", {"name": "Ada"}, "Hello Ada!"),
        ("{{ a.b.c }}", {"a": {"b": {"c": 1}}}, "1"),
        ("{{ a[0] }}{{ a[-1] }}{{ a.1 }}", {"a": ["x", "y", "z"]}, "xzy"),
        ("{{ a['two words'] }}", {"a": {"two words": 2}}, "2"),
        ("{{ 'x' }}{{ 1 }}{{ 1.5 }}{{ true }}{{ -3 }}", {}, "x11.5true-3"),
        ("{% if n > 1 and n <= 3 %}yes{% else %}no{% endif %}", {"n": 2}, "yes"),
        ("{% if a == 1 %}1{% elif a == 2 %}2{% else %}3{% endif %}", {"a": 2}, "2"),
        ("{% if 'x' in a and 'y' not in a %}ok{% endif %}", {"a": "xz"}, "ok"),
        ("{% if not a or b != 1 %}ok{% endif %}", {"a": False, "b": 1}, "ok"),
        ("{% if 1 < n < 3 %}between{% endif %}", {"n": 2}, "between"),
        ("{% if x is none %}none{% endif %}", {"x": None}, "none"),
        ("{% if x is defined %}{{ x }}{% else %}-{% endif %}", {}, "-"),
        ("{% if x is not none %}{{ x }}{% endif %}", {"x": 3}, "3"),
        ("{% for i in a %}{{ i }}{% if not loop.last %},{% endif %}{% endfor %}", {"a": [1, 2, 3]}, "1,2,3"),
        ("{% for i in a %}{{ loop.index }}{% if loop.first %}!{% endif %}{% endfor %}", {"a": ["ab"]}, "1!"),
        ("{% for k, v in a %}{{ k }}={{ v }};{% endfor %}", {"a": [("x", 1), ("y", 2)]}, "x=1;y=2;"),
        ("{% for k in a %}{{ k }}{% endfor %}", {"a": {"p": 1, "q": 2}}, "pq"),
        ("{% for r in a %}{% for c in r.cells %}{{ c }}{% endfor %}/{% endfor %}", {"a": [{"cells": [1, 2]}]}, "12/"),
        ("{{ [a, 'b'] | join('-') }}", {"a": "x"}, "x-b"),
        ("{{- a -}}  b", {"a": 1}, "1b"),
    ],
)
def test_allowed_syntax_renders(source, values, text):
    assert Template(source).render(values) == text


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("{{ f() }}", "calling a function"),
        ("{{ a.upper() }}", "calling a function"),
        ("{{ 1 + 1 }}", "arithmetic"),
        ("{{ a - b }}", "arithmetic"),
        ("{{ 'a' * 9 }}", "arithmetic"),
        ("{{ -a }}", "arithmetic"),
        ("{{ -'a' }}", "arithmetic"),
        ("{{ +1 }}", "arithmetic"),
        ("{{ a ~ b }}", "'~'"),
        ("{{ a if b else c }}", "'a if b else c'"),
        ("{{ {'a': 1} }}", "a dict"),
        ("{{ a[1:2] }}", "index"),
        ("{{ a[b] }}", "index"),
        ("{{ a[true] }}", "index"),
        ("{% set a = 1 %}", "set"),
        ("{% set a %}x{% endset %}", "set"),
        ("{% macro m() %}{% endmacro %}", "macro"),
        ("{% call m() %}{% endcall %}", "call"),
        ("{% filter upper %}x{% endfilter %}", "filter block"),
        ("{% block b %}{% endblock %}", "block"),
        ("{% include 'x' %}", "include"),
        ("{% import 'x' as y %}", "import"),
        ("{% from 'x' import y %}", "import"),
        ("{% extends 'x' %}", "extends"),
        ("{% with a = 1 %}{% endwith %}", "with"),
        ("{{ a.__class__ }}", "__class__"),
        ("{{ a.b.__init__ }}", "__init__"),
        ("{{ a is divisibleby 3 }}", "divisibleby"),
        ("{{ a is defined(b) }}", "takes no arguments"),
        ("{{ a is none(b) }}", "takes no arguments"),
        ("{{ a | attr('x') }}", "no filter 'attr'"),
        ("{{ a | map('upper') }}", "no filter 'map'"),
        ("{{ a | join(*b) }}", "not allowed"),
        ("{{ a | join(**b) }}", "not allowed"),
        ("{{ (a | first).b }}", "only a name"),
        ("{% for a in b if a %}{% endfor %}", "'if' in a for line"),
        ("{% for a in b recursive %}{% endfor %}", "recursive"),
        ("{% for a in b %}{% else %}x{% endfor %}", "'else' of a for loop"),
        ("{% for loop in b %}{% endfor %}", "loop's own name"),
        ("{% for a.b in c %}{% endfor %}", ""),
        ("{{ loop.index }}", "inside a for loop only"),
        ("{% for a in b %}{{ loop.index0 }}{% endfor %}", "loop.index, loop.first and loop.last"),
        ("{% for a in b %}{{ loop }}{% endfor %}", "loop.index, loop.first and loop.last"),
        ("{{ a", "raw"),
        ("{{ }}", "raw"),
        ("{% nothing %}", "raw"),
        ("{% if a %}", "raw"),
        ("{% endif %}", "raw"),
        ("{% raw %}x", "raw"),
        ("{{ " + "9" * 5000 + " }}", "digits"),
        ("{{ ٣.1 }}", "invalid character"),
        ('{{ "a\n@user\nb" }}', "quotes"),
        ("nul \x00 here", "NUL"),
    ],
)
def test_everything_else_is_refused_when_the_template_is_made(source, word):
    with pytest.raises(TemplateError) as refused:
        Template(source)
    assert word in str(refused.value)


def test_a_refusal_names_the_line():
    with pytest.raises(TemplateError, match=r"^line 3: ") as refused:
        Template("one\ntwo\n{{ f() }}\n")
    assert refused.value.line == 3


def test_a_refusal_names_the_way_to_write_it_as_text():
    with pytest.raises(TemplateError, match=r"\{% raw %\} and \{% endraw %\}"):
        Template('{{"a": 1}}')


def test_an_unknown_filter_names_the_nearest():
    with pytest.raises(TemplateError, match="did you mean 'upper'"):
        Template("{{ a | uper }}")


@pytest.mark.parametrize("source", [None, 5, b"bytes", ["a"]])
def test_what_is_no_text_is_refused(source):
    with pytest.raises(TemplateError, match="a template is a text"):
        Template(source)


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"answer": {"nested": [1, 2]}}',
        "a {#comment} b {# c #}",
        "echo ${#array[@]} ${VAR:-x}",
        "a { color: red } @media print { b { c: d } }",
        "def f(x):\n    return {k: v for k, v in x} | {'a': {1}}\n",
        r"\frac{a}{b} \begin{x} $\mathbb{R}$ 100\%",
        "f'{x!r:>{width}}' % {'a': 1}",
        "<b>&amp;</b> %s %(x)s {0} {} }} %}",
        "ends with newlines\n\n",
        "  blanks kept  ",
        "user@example.com and @user inline",
        "{% raw %}{{ x }} {% if %} {#{% endraw %}",
    ],
)
def test_text_needs_no_escaping(text):
    plain = text.removeprefix("{% raw %}").removesuffix("{% endraw %}")
    assert Template(text).render({}) == plain
    assert Template(text + "{{ x }}").render({"x": "X"}) == plain + "X"


def test_a_trailing_newline_is_kept():
    assert Template("{{ a }}\n").render({"a": "x"}) == "x\n"


def test_the_line_of_a_block_tag_leaves_no_blank_line():
    source = "a\n  {% if x %}\nb\n  {% endif %}\nc\n"
    assert Template(source).render({"x": True}) == "a\nb\nc\n"


def test_line_ends_are_read_as_newlines():
    assert Template("a\r\nb\rc {{ x }}").render({"x": "1\r\n2"}) == "a\nb\nc 1\r\n2"


def test_names_are_read_as_python_reads_identifiers():
    template = Template("{{ ﬁle }}{% for ﬂ in a %}{{ fl }}{% endfor %}")
    assert [reference.name for reference in template.references] == ["file", "a"]
    assert template.render({"file": 1, "a": [2]}) == "12"


def test_a_template_can_be_copied_and_pickled():
    template = Template("{{ a }}")
    for again in (copy.deepcopy(template), pickle.loads(pickle.dumps(template))):
        assert again == template
        assert again.render({"a": 1}) == "1"


def test_the_engine_by_its_published_name_lists_what_can_be_called():
    engine = SafeTemplateEngine()
    assert engine.allowed_functions == frozenset(FILTERS)
    assert engine.render("{{ a | upper }}", {"a": "x"}) == "X"
    assert engine.parse("{{ a }}").references[0].name == "a"
