"""Attacks on templates: each is refused, or text. None reaches an attribute, a function, a module or a file."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from victim import Victim, payloads

from graphbit_nb.errors import GraphbitError, InputTooLarge, MissingInputError, TemplateError
from graphbit_nb.templating import Template
from graphbit_nb.templating.values import to_text

PAYLOADS = payloads()


@pytest.fixture(autouse=True)
def untouched():
    """Whatever a test does, nothing of a victim was looked at."""
    Victim.touched.clear()
    yield
    assert Victim.touched == []


def test_there_are_enough_of_them():
    assert len({payload for _, payload, _ in PAYLOADS}) >= 300


@pytest.mark.parametrize(("what", "payload", "gives"), PAYLOADS)
def test_what_becomes_of_a_payload_in_a_template(what, payload, gives):
    victim = Victim()
    if what == "refused":
        with pytest.raises(TemplateError):
            Template(payload)
        return
    template = Template(payload)
    if what == "stopped":
        with pytest.raises((TemplateError, MissingInputError)):
            template.render({"victim": victim})
        return
    rendered = template.render({"victim": victim})
    if what == "text":
        assert rendered == payload
    elif what == "gives":
        assert rendered == gives
    else:
        assert what == "shown"
        assert (
            rendered.lower().replace("b", "a") == to_text(victim).lower().replace("b", "a")
            or "..." in rendered
            or (rendered == json.dumps(to_text(victim)))
        )


@pytest.mark.parametrize("payload", [payload for _, payload, _ in PAYLOADS])
def test_a_payload_in_a_value_is_text(payload):
    assert Template("<{{ value }}>").render({"value": payload, "victim": Victim()}) == f"<{payload}>"
    assert Template("{% for x in value %}{{ x }}{% endfor %}").render({"value": [payload]}) == payload


# ---- made ones

NAMES = [
    "victim",
    "victim.secret",
    "self",
    "config",
    "request",
    "loop",
    "cycler",
    "lipsum",
    "namespace",
    "range",
    "''",
    "[]",
    "()",
    "{}",
    "1",
]
PARTS = [
    "__class__",
    "__mro__",
    "__subclasses__",
    "__globals__",
    "__builtins__",
    "__init__",
    "secret",
    "method",
    "format",
    "gi_frame",
    "f_back",
    "_x",
]
FILTERS = [
    "attr",
    "map",
    "list",
    "join",
    "first",
    "last",
    "sort",
    "unique",
    "default",
    "format",
    "string",
    "tojson",
    "selectattr",
    "groupby",
    "length",
    "upper",
    "replace",
    "sum",
]
TAGS = [
    "if",
    "elif",
    "for x in",
    "set x =",
    "include",
    "import",
    "extends",
    "macro",
    "call",
    "do",
    "with x =",
    "filter",
    "block",
    "print",
]


@st.composite
def expressions(draw, depth=3):
    base = draw(st.sampled_from(NAMES))
    for _ in range(draw(st.integers(0, depth))):
        part = draw(st.sampled_from(PARTS))
        argument = draw(
            st.sampled_from(["", "'secret'", "attribute='secret'", "attribute='__class__'", "victim", "0", "-1"])
        )
        base += draw(
            st.sampled_from(
                [
                    f".{part}", f"['{part}']", f".{part}()", f".{part}({argument})", f"|attr('{part}')", "()",
                    f"({argument})", f"|{draw(st.sampled_from(FILTERS))}",
                    f"|{draw(st.sampled_from(FILTERS))}({argument})", f" ~ '{part}'", f" + {base}",
                    f" if {base} else {base}", f" is {part}", " == victim", "[::-1]", "[0]", f"['__'~'{part}']",
                    f"[{base}]",
                ]
            )
        )  # fmt: skip
    return base


@st.composite
def attacks(draw):
    pieces = []
    for _ in range(draw(st.integers(1, 3))):
        found = draw(expressions())
        tag = draw(st.sampled_from(TAGS))
        pieces.append(
            draw(
                st.sampled_from(
                    [
                        "{{ " + found + " }}", "{%- " + f"{tag} {found}" + " %}",
                        "{% for x in [" + found + "] %}{{ x.secret }}{% endfor %}",
                        "{% if " + found + " %}{{ victim.secret }}{% endif %}",
                        "{{ [" + found + "]|" + draw(st.sampled_from(FILTERS)) + " }}",
                    ]
                )
            )
        )  # fmt: skip
    return "".join(pieces)


@settings(max_examples=400, deadline=None)
@given(attacks())
def test_a_made_attack_reaches_nothing(attack):
    try:
        rendered = Template(attack).render({"victim": Victim()})
    except GraphbitError:
        return
    assert isinstance(rendered, str)
    assert "<class" not in rendered
    assert "built-in" not in rendered


# ---- what the interpreter is made to do

WATCHER = """
import sys, json
sys.path.insert(0, sys.argv[1])
from victim import Victim, payloads
from graphbit_nb.errors import GraphbitError
from graphbit_nb.templating import Template

def all_of_them():
    for _, payload, _ in payloads():
        try:
            Template(payload).render({"victim": Victim(), "many": list(range(20))})
        except GraphbitError:
            pass

ALL = payloads()
all_of_them()  # what is imported late is imported now
seen, watches = [], False
WATCHED = ("open", "import", "exec", "compile", "os", "subprocess", "socket", "ctypes", "code")
def hook(name, args):
    if watches and name.split(".")[0] in WATCHED:
        seen.append((name, repr(args)))
sys.addaudithook(hook)
payloads = lambda: ALL
watches = True
all_of_them()
watches = False
print(json.dumps([seen, Victim.touched]))
"""


def test_no_payload_makes_the_interpreter_open_import_or_compile_anything():
    here = str(Path(__file__).parent)
    said = subprocess.run([sys.executable, "-c", WATCHER, here], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(said.stdout) == [[], []]


# ---- what it costs

LISTS = "[1,2,3,4,5,6,7,8,9,0]"
LOOPS = "".join(f"{{% for a{n} in {LISTS} %}}" for n in range(6))
BOMBS = {
    "loops in loops": "".join(f"{{% for a{n} in {LISTS} %}}" for n in range(9)) + "x" + "{% endfor %}" * 9,
    "loops that print much": LOOPS + "y" * 500 + "{% endfor %}" * 6,
    "filters on filters": "{{ 'x'" + "|replace('','xxxxxxxxxx')" * 35 + " }}",
    "indents": "{{ '" + "\\n" * 300 + "'" + "|indent(9999)" * 20 + " }}",
    "indents in loops": LOOPS + "{{ '\\n\\n\\n'|indent(9999) }}" + "{% endfor %}" * 6,
    "joins": "{{ [" + "'" + "x" * 50 + "'," * 5 + "]|join('" + "y" * 500 + "') }}",
    "json of lists": "{{ " + "[" * 60 + "1" + "]" * 60 + "|tojson(indent=16) }}",
    "comparisons": "{{ 1" + " == 1" * 150 + " }}",
    "long or": "{{ victim.x is defined" + " or victim.x is defined" * 35 + " }}",
    "expressions in loops": LOOPS + "{{ a0 == a1 }}" * 30 + "{% endfor %}" * 6,
    "titles": "{{ '" + "x " * 400 + "'" + "|title|upper" * 9 + " }}",
    "numbers": "{{ 1" + "0" * 900 + " }}",
    "names": "{{ " + "a" * 990 + " }}",
    "open brackets": "{{ " + "(" * 990,
    "raw": "{% raw %}" * 100,
    "marks": "{{" * 490,
    "percent": "{%" * 490,
    "quotes": "{{ " + "'" * 990,
    "escapes": "{{ '" + "\\u" * 490 + "' }}",
    "nested lists": "{{ " + "[[],[]," * 120 + "1" + "]" * 120 + " }}",
    "elifs": "{% if victim.x is defined %}a" + "{% elif victim.x is defined %}b" * 28 + "{% endif %}",
    "sorts": "{{ [" + "3,1,2," * 150 + "]|sort|unique|sort|join }}",
    "dividing lines": "@user\nx\n" * 110,
}  # fmt: skip


@pytest.mark.parametrize("source", BOMBS.values(), ids=BOMBS)
def test_a_kilobyte_of_template_stays_within_its_room(source):
    """`python -m tests.templating.attack_costs` has the times."""
    from attack_costs import peak_of

    assert len(source) <= 1_100
    assert peak_of(source) < 10_000_000


def test_what_a_template_may_do_grows_with_its_values():
    nested = "{% for a in n %}{% for b in n %}{{ a }}{% endfor %}{% endfor %}"
    assert len(Template(nested).render({"n": ["x"] * 200})) == 40_000
    with pytest.raises(InputTooLarge, match=r"goes through its loops more than 200,000 times, for values of this size"):
        Template(nested).render({"n": ["x"] * 5_000})


def test_a_long_text_of_the_template_itself_may_be_written():
    assert len(Template("x" * 3_000_000).render({})) == 3_000_000
    assert len(Template("x" * 3_000_000 + "{{ a }}").render({"a": 1})) == 3_000_001
