"""No template, and no value, makes rendering hang, run out of memory or of stack."""

import pytest

from graphbit_nb.errors import InputTooLarge, TemplateError
from graphbit_nb.templating import Template, effort

MANY = "x" * 10_000


def render(source, **values):
    return Template(source).render(values)


@pytest.mark.parametrize(
    "source",
    [
        "{{ a" + ".b" * 5_000 + " }}",
        "{{ a" + "[0]" * 5_000 + " }}",
        "{{ a" + " | trim" * 5_000 + " }}",
        "{{ a" + " or a" * 5_000 + " }}",
        "{{ " + "not " * 5_000 + "a }}",
        "{{ " + "(" * 5_000 + "a" + ")" * 5_000 + " }}",
        "{{ " + "[" * 5_000 + "]" * 5_000 + " }}",
        "{% if a %}" * 5_000 + "{% endif %}" * 5_000,
        "{% for x in a %}" * 5_000 + "{% endfor %}" * 5_000,
        "{{ a" + " is none" * 5_000 + " }}",
    ],
)
def test_nesting_too_deep_is_refused(source):
    with pytest.raises(TemplateError):
        Template(source)


def test_nesting_that_a_person_writes_is_fine():
    assert render("{% if a %}" * 20 + "x" + "{% endif %}" * 20, a=1) == "x"
    assert render("{{ a" + " | trim" * 40 + " }}", a=" x ") == "x"
    assert render("{% if a == 0 %}0" + "".join(f"{{% elif a == {i} %}}{i}" for i in range(1, 500)) + "{% endif %}", a=9)


@pytest.mark.parametrize(
    ("source", "values"),
    [
        ("{{ a | indent(9999) }}", {"a": "\n" * 10_000}),
        ("{{ a | indent(9999) }}", {"a": "\u2028" * 10_000}),
        ("{{ a | indent(b) }}", {"a": "\n" * 10_000, "b": MANY}),
        ("{{ a | replace('x', b) }}", {"a": MANY, "b": MANY}),
        ("{{ a | replace('', b) }}", {"a": MANY, "b": MANY}),
        ("{{ a | replace('x', b, -1) }}", {"a": MANY, "b": MANY}),
        ("{{ a | replace('x', b) | replace('x', b) }}", {"a": "x" * 100, "b": "x" * 1_000}),
        ("{{ a | join(b) }}", {"a": range(10**12), "b": MANY}),
        ("{{ a | join }}", {"a": [MANY] * 10_000}),
        ("{% for i in a %}{{ b }}{% endfor %}", {"a": range(100_000), "b": MANY}),
        ("{% for i in a %}{% endfor %}", {"a": range(10**12)}),
        ("{% for i in a %}{% for j in a %}{% for k in a %}{% endfor %}{% endfor %}{% endfor %}", {"a": range(1_000)}),
        ("{{ a }}", {"a": "x" * 30_000_000}),
    ],
)
def test_what_would_grow_too_large_is_refused(source, values):
    with pytest.raises(InputTooLarge):
        render(source, **values)


@pytest.mark.parametrize(
    "source",
    [
        "{{ a | truncate(99999999999) }}",
        "{{ 1.5 | round(99999) }}",
        "{{ a | tojson(indent=99) }}",
        "{{ a | tojson(a) }}",
    ],
)
def test_numbers_too_large_for_a_filter_are_refused(source):
    with pytest.raises(TemplateError):
        render(source, a="x")


def test_work_that_filters_do_and_nobody_prints_is_bounded(monkeypatch):
    monkeypatch.setattr(effort, "MAX_MADE", 100_000)
    with pytest.raises(InputTooLarge, match="filters"):
        render("{% for i in a %}{% if (b | upper) == 'y' %}{% endif %}{% endfor %}", a=range(1_000), b=MANY)
