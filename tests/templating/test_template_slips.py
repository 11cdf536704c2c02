"""What a person reads who slipped: what is wrong, at which line and column, and what to write instead."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from victim import payloads

from graphbit_nb.errors import TemplateError
from graphbit_nb.templating import Expression, Loop, Template

JINJAS = (
    "print statement", "statement block", "expected token", "Encountered", "Jinja", "unexpected", "nesting mistake",
    "subscript", "directive", "end of template", "end of print", "'integer'", "'const'", "rparen", "Python",
)  # fmt: skip


def refused(source, make=Template):
    with pytest.raises(TemplateError) as caught:
        make(source)
    return caught.value


@pytest.mark.parametrize(
    ("source", "line", "column", "told"),
    [
        ("{{ a", 1, 1, "it has no end; write '}}' behind it"),
        ("x\ny {{ ok }} {{ a", 2, 12, "it has no end; write '}}' behind it"),
        ("x\n{{ a }", 2, 6, "it is closed by '}'; write '}}'"),
        ("{% if a }}x{% endif %}", 1, 9, "it is closed by '}}'; write '%}'"),
        ("{{ }}", 1, 4, "nothing stands in it; write a name, as in {{ topic }}"),
        ("{{ a b }}", 1, 6, "'b' cannot follow 'a'"),
        ("{{ ok }}\n {{ ok }} and {{ a b }}", 2, 20, "'b' cannot follow 'a'"),
        ("{{ a. }}", 1, 7, "after '.' there must be a name or a number"),
        ("{{ a[0 }}", 1, 8, "'[' is not closed; write ']' before '}}'"),
        ("{{ (a }}", 1, 7, "'(' is not closed; write ')' before '}}'"),
        ("{{ a) }}", 1, 5, "')' closes nothing; take it out"),
        ("{{ 'a }}", 1, 4, "the text that begins with ' has no end"),
        ("{{ a | }}", 1, 8, "the name of a filter is missing after '|'"),
        ("{{ a | 1 }}", 1, 8, "'1' is no filter"),
        ("{{ a || b }}", 1, 7, "write 'or'"),
        ("{{ a && b }}", 1, 6, "write 'and'"),
        ("{{ !a }}", 1, 4, "write 'not'"),
        ("{{ a = b }}", 1, 6, "write '==' to compare"),
        ("{{ a === b }}", 1, 8, "'===' has no meaning here; write '=='"),
        ("{{ a ? b : c }}", 1, 6, "write {% if a %}…{% else %}…{% endif %}"),
        ("{{ a->b }}", 1, 6, "'->' has no meaning here; write '.' to read a part"),
        ("{{ a::b }}", 1, 5, "write '.' to read a part"),
        ("{{ $a }}", 1, 4, "write the name alone"),
        ("{{ “a” }}", 1, 4, "put texts between ' and '"),
        ("{{#if a}}", 1, 3, "there are no comments in templates"),
        ("{{ '\\x' }}", 1, 4, "is no escape"),
        ("{{ a is }}", 1, 9, "after 'is' there is 'defined' or 'none'"),
        ("{{ a is none is none }}", 1, 14, "'is' cannot follow 'is'"),
        ("{{ a and }}", 1, 10, "something is missing after 'and', before the end"),
        ("{{ (a and ) }}", 1, 11, "something is missing after 'and', before ')'"),
        ("{{{ a }}}", 1, 7, "'{' inside begins a dict"),
        ("{{ if a }}", 1, 7, "'if' stands between '{%' and '%}', as in {% if ready %}"),
        ("{{ f(a=1, 2) }}", 1, 5, "calling a function is not allowed"),
        ("{{ a² }}", 1, 4, "'a²' is no name"),
        ("{% %}", 1, 4, "no word follows '{%'"),
        ("{% fro a in b %}", 1, 4, "unknown tag 'fro'; did you mean 'for'?"),
        ("{% if %}", 1, 7, "'if' needs a condition, as in {% if ready %}"),
        ("\n\n x {% if a %}\nb\nc", 3, 4, "'{% if %}' is never closed; write {% endif %} where it ends"),
        ("{% for a in b %}{% if a %}{% endif %}", 1, 1, "'{% for %}' is never closed; write {% endfor %}"),
        ("{% if a", 1, 1, "it has no end; write '%}' behind it"),
        ("{% if a %}{% else if b %}{% endif %}", 1, 19, "write {% elif … %} for another condition"),
        ("{% if a %}{% elseif b %}{% endif %}", 1, 14, "unknown tag 'elseif'; write 'elif'"),
        ("{% if a %}{% else %}{% else %}{% endif %}", 1, 24, "there is one 'else', and it is the last"),
        ("{% for a in b %}x{% end %}", 1, 21, "unknown tag 'end'; write 'endfor'"),
        ("{% endif %}", 1, 4, "'endif' stands where no 'if' is open"),
        ("{% else %}", 1, 4, "'else' stands where no 'if' is open"),
        ("{% for a in b %}{% endif %}", 1, 20, "'endif' stands inside 'for', which is still open"),
        ("{% for a %}", 1, 10, "a loop is written 'for', a name, 'in', a list"),
        ("{% for 1 in a %}{% endfor %}", 1, 8, "a loop's variable must be a name"),
        ("x\n{% raw %}y", 2, 1, "'{% raw %}' is never closed; write {% endraw %} where it ends"),
        ("{% set a %}", 1, 1, "'set' is not allowed in a template; there are if, for and raw"),
        ("{% include %}", 1, 12, "'include' is not allowed in a template"),
        ("a\n  {%- if x -%}  \n\n   b {{- a b -}}\n{% endif %}", 4, 12, "'b' cannot follow 'a'"),
        ("@system\nx\n@user\ny {{ a b }}", 4, 8, "'b' cannot follow 'a'"),
    ],
)
def test_a_slip_is_told_with_its_place_and_what_to_write(source, line, column, told):
    error = refused(source)
    assert told in error.message
    assert f"begins a template, but at column {column} " in error.message
    assert error.line == line
    assert error.message.endswith("; to write it as text, put it between {% raw %} and {% endraw %}")


@pytest.mark.parametrize(
    ("make", "source", "told"),
    [
        (Expression, "a b", "'a b' is not an expression: at column 3 'b' cannot follow 'a'"),
        (Expression, "n => 3", "at column 3 '=>' cannot follow 'n'; write '>='"),
        (Expression, "a and", "at column 7 something is missing after 'and'"),
        (Loop, "x of y", "'x of y' is not a loop, such as 'point in outline.points': at column 3 a loop is written"),
    ],
)
def test_the_columns_of_an_expression_are_its_own(make, source, told):
    message = refused(source, make).message
    assert told in message
    assert "raw" not in message


def test_numbers_that_are_none_are_told_in_our_words():
    assert "a number has thousands of digits" in refused("{{ " + "9" * 5000 + " }}").message
    assert "write it in the digits 0 to 9" in refused("{{ ٣.1 }}").message


@pytest.mark.parametrize("payload", [payload for what, payload, _ in payloads() if what == "refused"])
def test_no_word_of_jinja_is_in_a_refusal_of_an_attack(payload):
    said = re.sub(r"'[^']*'|\"[^\"]*\"", "", refused(payload).message)
    assert not [word for word in JINJAS if word in said]


PIECES = """
{{ }} {% %} {%- -%} {{- if for in else elif endif endfor raw endraw set block a b.c 1 0.5 'x' " ' ( ) [ ] { } | || = ==
& ! is not and none . , : \\ @user @system é ² {# #} * ~ %
""".split()  # noqa: SIM905 (read more easily)


@given(st.lists(st.sampled_from([*PIECES, "\n", "\n@user\n", "\u201c"]), max_size=25).map(" ".join))
@settings(max_examples=500, deadline=None)
def test_whatever_does_not_parse_is_told_in_our_words_within_the_text(source):
    error = None
    try:
        Template(source)
    except TemplateError as refusal:
        error = refusal
    if error is None:
        return
    said = re.sub(r"'[^']*'|\"[^\"]*\"", "", error.message)
    assert not [word for word in JINJAS if word in said]
    lines = source.split("\n")
    assert error.line is None or 1 <= error.line <= len(lines)
    if found := re.search(r"at column (\d+) ", error.message):
        assert 1 <= int(found[1]) <= len(lines[error.line - 1]) + 2


@pytest.mark.parametrize(
    "source",
    [
        "{% if a %}" * 2_000,
        "{{ a }}" * 2_000 + "{{",
        "{% endif %}" * 2_000,
        "{{ " + "(" * 90 + " }}",
        "{{ a" + " | upper" * 2_000 + " b }}",
        "{{ '" + "x" * 20_000,
        "{% raw %}" * 2_000,
        "{{" * 2_000,
    ],
)
def test_a_long_text_is_told_in_a_short_message(source):
    assert len(str(refused(source))) < 400
