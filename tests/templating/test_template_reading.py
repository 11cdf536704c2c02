"""Text with names is read by a shortcut, everything else by way of Jinja2; nobody can tell from the outside."""

import subprocess
import sys
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from graphbit_nb.errors import GraphbitError
from graphbit_nb.templating import Template, shortcut, syntax

VALUES = {
    "a": {"b": ["x", {"c": 1}, None], "k k": "v", "b c": [0], "not": "n", "_x": "u"},
    "b": ["p", ["q", 2.5], {"b": "deep"}],
    "_x": "{{ a }}\n@user\n",
    "file": "ligature",
    "A1": True,
    "n": None,
    "if": "a word",
}

NAMES = [
    "a", "b", "_x", "A1", "n", "gone", "ﬁle", "file", "é", "a·b",
    "٣", "loop", "\uff4coop", "none", "None", "true", "True", "not",
    "and", "or", "in", "is", "if", "else", "for", "self", "__class__", "1", "1a", "0", "super", "import", "raw",
]  # fmt: skip
STEPS = [
    ".b", ".c", "._x", ".__class__", ".not", ".é", ".1", ".0.1", ".01", "[0]", "[1]", "[-1]", "[-0]", "[- 1]", "[00]",
    "[01]", "[1_0]", "[+1]", "[9999999999]", "[ 1 ]", "['b']", '["k k"]', "['b' 'c']", "['é']", "['\\x62']", "['']",
    "['}}']", "['{{']", "['%}']", "['a\nb']", "['__class__']", "[a]", "[b.c]", "[1:2]", "[0,1]", "[true]", "()", "[]",
    ".", "[", "['", " .b", ". b", " [0]", ".b.b", "[1][0]", "[1].c",
]  # fmt: skip
FILTERS = [
    " | upper", "|trim", " |lower", "| length ", " | first", " | tojson", " | default", " | default('x')", "|uper",
    " | first.b", " | join(', ')", "\n| upper", " | upper | trim", " |", " || upper", " | Upper", " | sort | first",
]  # fmt: skip
BLANKS = ["", " ", "  ", "\t", "\n", "\r\n", "\r", "\u00a0", "\x0b", "\u2028", "-", "+", " -", "- "]
TEXTS = [
    "", " ", "\n", "\n\n", "text", "{", "}", "{{", "}}", "{{{", "}}}", "%}", "{%", "{#", "#}", "{ {", "é", "\r\n", "\r",
    "\u2028", "@user\n", "\n@system\n", "@assistant", "\n@user\nsay ", "  @user\n", "{% raw %}", "{% endraw %}", "\x00",
    "{% if a %}", "{% endif %}", "{% for a in b %}", "{% endfor %}", "'", '"', "$", "\\", "{{ a }}", "x{{- a -}}y",
]  # fmt: skip

PLAIN_NAMES = ["a", "b", "_x", "A1", "n", "gone", "file"]
PLAIN_STEPS = [".b", "[0]", "[-1]", "['k k']", ".not", "[1]", ".c"]
PLAIN_FILTERS = [" | upper", "|trim", " |first", " | tojson "]


def expressions(*, names=PLAIN_NAMES, steps=PLAIN_STEPS, filters=PLAIN_FILTERS, blanks=(" ",)):
    return st.builds(
        lambda before, name, path, applied, after: f"{{{{{before}{name}{''.join(path)}{''.join(applied)}{after}}}}}",
        st.sampled_from(blanks),
        st.sampled_from(names),
        st.lists(st.sampled_from(steps), max_size=3),
        st.lists(st.sampled_from(filters), max_size=2),
        st.sampled_from(blanks),
    )


simple = expressions()
odd = st.one_of(  # in one way at least
    expressions(names=NAMES),
    expressions(steps=STEPS),
    expressions(filters=FILTERS),
    expressions(blanks=BLANKS),
    expressions(names=NAMES, steps=STEPS, filters=FILTERS, blanks=BLANKS),
)
text = st.sampled_from(TEXTS) | st.text("ab \n{}%@é.", max_size=6)
templates = st.lists(text | simple, max_size=8).map("".join) | st.lists(text | simple | odd, max_size=8).map("".join)


def outcome(source):
    """Everything that can be seen of a template: what it reads, its turns and origins, or its errors."""
    try:
        template = Template(source)
    except GraphbitError as error:
        return type(error), str(error)
    seen = [template.references, template.is_divided]
    for values in (VALUES, {}, {"a": "text", "b": 5, "_x": ["one"]}):
        try:
            seen.append(template.turns(values))
        except GraphbitError as error:
            seen.append((type(error), str(error)))
    return seen


def outcome_by_jinja(source):
    with mock.patch.object(shortcut, "read", return_value=None):
        return outcome(source)


@settings(max_examples=1000, deadline=None)
@given(templates)
@example("{{{ a }}}")
@example("{{ a }}}")
@example("{{{{ a }}}}")
@example("{{ a['}}'] }} }}")
@example("x {{ a\n.b }}")
@example("x\n{{ a.b.c.d }}\n{{ gone }}")
@example("{{ a }}\n@user\n{{ a.b | upper }}")
@example("{{ a" + ".b" * 60 + " }}")
@example("{{ a" + " | trim" * 60 + " }}")
@example("{{ a | upper('x') }}")
@example("{{\n@user\n}}")
@example("{{ ﬁle }}{{ ٣.1 }}")
def test_both_ways_of_reading_give_the_same(source):
    assert outcome(source) == outcome_by_jinja(source)


@settings(deadline=None)
@given(st.lists(simple | st.sampled_from(["text ", "\n", "é", "{ ", "}"]), max_size=6).map("".join))
def test_text_with_names_is_read_by_the_shortcut(source):
    assert shortcut.read(source) is not None


@pytest.mark.parametrize(
    "source",
    [
        "{{ a.b[0]['k'][\"l\"][-1] | upper | trim }}",
        "{{a}}",
        "{{\ta }}",
        "{ {{ a }}}",
        "{# {{ a }} #} %}",
        "plain",
        "",
    ],
)
def test_the_shortcut_and_jinja_make_the_same_tree(source):
    ours, jinjas = shortcut.read(source), syntax.read(source)
    assert ours is not None
    assert ours.references == jinjas.references
    assert list(ours.roots.values()) == list(jinjas.roots.values())


@pytest.mark.parametrize(
    "source",
    [
        "{{- a }}", "{{ a -}}", "{{+ a }}", "{{ true }}", "{{ None }}",
        "{{ not a }}", "{{ loop.index }}", "{{ a.__x }}",
        "{{ a() }}", "{{ a | default }}", "{{ a | upper() }}", "{{ a | nothing }}", "{{ 'a' }}", "{{ a.1 }}", "{{ é }}",
        "{{\na }}", "{{ a }}{% raw %}{{ a }}{% endraw %}", "{{ a }} {{", "{{{ a }}", "{{ a b }}", "{{ a, b }}",
    ],
)  # fmt: skip
def test_what_is_more_than_names_is_left_to_jinja(source):
    assert shortcut.read(source) is None


def test_jinja_is_not_imported_for_text_with_names():
    program = """if True:
        import sys
        from graphbit_nb.templating import Template
        assert Template("Hello {{ person.name }}!").render({"person": {"name": "Ada"}}) == "Hello Ada!"
        assert "jinja2" not in sys.modules
        assert Template("{{ 'x' }}").render({}) == "x"
        assert "jinja2" in sys.modules
    """
    subprocess.run([sys.executable, "-c", program], check=True)
