"""Which nodes and inputs a template reads."""

import pytest

from graphbit_nb.templating import Reference, Template


def read(source):
    return [(str(reference), reference.required) for reference in Template(source).references]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("no names", []),
        ("{{ a }} {{ b }}", [("a", True), ("b", True)]),
        ("{{ a.b[0].c['d e'] }}", [("a.b[0].c.d e", True)]),
        ("{{ a[-1] }}", [("a[-1]", True)]),
        ("{{ a | default('x') }}", [("a", False)]),
        ("{{ a | default(b) | upper }}", [("a", False), ("b", True)]),
        ("{{ a | upper | default('x') }}", [("a", False)]),
        ("{% if a is defined %}{% endif %}", [("a", False)]),
        ("{% if a is none %}{% endif %}", [("a", True)]),
        ("{% if a is defined %}{{ a }}{{ b }}{% endif %}", [("a", False), ("a", False), ("b", True)]),
        ("{% if a is defined %}{% else %}{{ a }}{% endif %}", [("a", False), ("a", True)]),
        ("{% if a is not defined %}{% else %}{{ a }}{% endif %}", [("a", False), ("a", False)]),
        ("{% if a is not defined %}{% elif a > 1 %}{% endif %}", [("a", False), ("a", False)]),
        ("{% if a is defined and a > 1 %}{{ a }}{% endif %}", [("a", False)] * 3),
        ("{% if a is not defined or a > 1 %}{{ a }}{% endif %}", [("a", False), ("a", False), ("a", True)]),
        ("{% if a is defined %}{% endif %}{{ a }}", [("a", False), ("a", True)]),
        ("{% if a.b is defined %}{{ a.b }}{% endif %}", [("a.b", False), ("a.b", False)]),
        ("{% if (a | default(b)) is defined %}{{ b }}{% endif %}", [("a", False), ("b", True), ("b", True)]),
        ("{% for i in a.items %}{{ i.x }}{{ loop.index }}{{ b }}{% endfor %}", [("a.items", True), ("b", True)]),
        ("{% for i in a %}{% endfor %}{{ i }}", [("a", True), ("i", True)]),
        ("{% raw %}{{ a }}{% endraw %}", []),
        ("{{ true }}{{ None }}{{ 'a' }}", []),
    ],
)
def test_references(source, found):
    assert read(source) == found


def test_a_reference_knows_its_line():
    assert [reference.line for reference in Template("x\n{{ a }}\n\n{% if b %}{% endif %}").references] == [2, 4]


def test_a_reference_has_the_path_into_the_value():
    assert Template("{{ a.b[0] }}").references == (Reference("a", ("b", 0), 1),)
