"""Any text at all either is a template or is refused with a TemplateError; rendering has its own closed set."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from graphbit_nb.errors import InputTooLarge, MissingInputError, TemplateError
from graphbit_nb.templating import Template

WORDS = [
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "{%-",
    "-%}",
    "if",
    "elif",
    "else",
    "endif",
    "for",
    "in",
    "endfor",
    "raw",
    "endraw",
    "set",
    "macro",
    "call",
    "block",
    "include",
    "a",
    "b",
    "loop",
    "loop.index",
    "is",
    "defined",
    "none",
    "not",
    "and",
    "or",
    "==",
    "<",
    "|",
    "upper",
    "join(",
    ")",
    "(",
    "[",
    "]",
    ".",
    ",",
    ":",
    "'",
    '"',
    "1",
    "-1",
    "1.5",
    "1e9",
    "0x1f",
    "true",
    "@user",
    "@system",
    "~",
    "*",
    "**",
    "//",
    "+",
    "%",
    "default('x')",
    "tojson",
    "a.b",
    "a[0]",
    "a['k']",
    "__class__",
    "self",
    "\n",
    "\t",
    "\\x41",
    "é",
    "ﬁ",
    "\x00",
    "{",
    "}",
]
soup = st.lists(st.sampled_from(WORDS), max_size=25).flatmap(
    lambda words: st.sampled_from(["", " "]).map(lambda space: space.join(words))
)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abk"), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=400)
@given(st.one_of(soup, soup.map(lambda text: f"{{{{ {text} }}}}"), st.text(max_size=60)), plain, plain)
@example("{{ a.b }}", {"b": {}}, None)
def test_any_text_parses_or_is_refused_and_renders_or_is_an_error(text, a, b):
    try:
        template = Template(text)
    except TemplateError:
        return
    try:
        turns = template.turns({"a": a, "b": b})
    except (TemplateError, MissingInputError, InputTooLarge):
        return
    for turn in turns:
        assert turn.role in ("user", "system", "assistant")
        for start, end, name in turn.origins:
            assert 0 <= start < end <= len(turn.text)
            assert name


@given(st.text().filter(lambda text: "{{" not in text and "{%" not in text and "\x00" not in text))
def test_text_without_tags_is_itself(text):
    if "@" not in text:
        assert Template(text).render({}) == text.replace("\r\n", "\n").replace("\r", "\n")
