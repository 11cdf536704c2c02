"""Each piece of a rendered text that came from a value is known, with the name it came from."""

from hypothesis import given
from hypothesis import strategies as st

from graphbit_nb.templating import Template, to_text

NAMES = ("a", "b", "c")
literal = st.text("xyz \n.,@user", max_size=8).map(lambda text: f"[{text}]")
value = st.one_of(st.text("pq\n@user\x00{}%", max_size=6), st.integers(-9, 9), st.lists(st.integers(0, 3), max_size=2))
piece = st.one_of(literal, st.sampled_from(NAMES).map(lambda name: (name,)))


@given(st.lists(piece, max_size=8), st.fixed_dictionaries(dict.fromkeys(NAMES, value)))
def test_origins_cover_exactly_the_substituted_texts(pieces, values):
    source = "".join(f"{{{{ {p[0]} }}}}" if isinstance(p, tuple) else p for p in pieces)
    (turn,) = Template(source).turns(values)
    assert turn.text == "".join(to_text(values[p[0]]) if isinstance(p, tuple) else p for p in pieces)
    expected = [(p[0], to_text(values[p[0]])) for p in pieces if isinstance(p, tuple) and to_text(values[p[0]])]
    assert [(name, turn.text[start:end]) for start, end, name in turn.origins] == expected


def test_origins_are_counted_from_the_start_of_their_own_turn():
    first, second = Template("@system\nhi {{ a }}\n@user\n{{ b }}!").turns({"a": "A", "b": "B"})
    assert first.origins == ((3, 4, "a"),)
    assert second.origins == ((0, 1, "b"),)


def test_an_expression_of_many_names_names_them_all():
    (turn,) = Template("{{ [a, b.c] | join('-') }}").turns({"a": 1, "b": {"c": 2}})
    assert turn.origins == ((0, 3, "a, b"),)


def test_a_loop_variable_comes_from_what_is_looped_over():
    source = "{% for row in table %}{% for cell in row %}{{ cell }}{{ loop.index }}{% endfor %}{% endfor %}"
    (turn,) = Template(source).turns({"table": [["x"]]})
    assert turn.origins[0] == (0, 1, "table")


def test_a_shadowed_name_comes_from_the_inner_loop():
    source = "{% for i in a %}{% for i in b %}{{ i }}{% endfor %}{% endfor %}"
    (turn,) = Template(source).turns({"a": [1], "b": [2]})
    assert turn.origins == ((0, 1, "b"),)


def test_a_literal_has_no_origin():
    (turn,) = Template("{{ 'x' }}y").turns({})
    assert turn.origins == ()
