"""A Mermaid chart has a shape for each kind, and no label gets out of its quotes."""

import re

from hypothesis import given
from hypothesis import strategies as st

import graphbit_nb as gb
from graphbit_nb.files.mermaid import write_mermaid
from graphbit_nb.graph.arguments import Branch

LABEL = r'"(?:[^\W_]|[ .,_\-=?!+*\']|#\d+;|<br/>)*"'
NODE = re.compile(
    rf"\s+[in][\d_]*(?:\[{LABEL}\]|\[\[{LABEL}\]\]|\{{{LABEL}\}}|\{{\{{{LABEL}\}}\}}|\(\[{LABEL}\]\)|\[\({LABEL}\)\]|\[/{LABEL}/\])"
)
EDGE = re.compile(rf"\s+[in][\d_]* (?:-->|-\.->)(?:\|{LABEL}\|)? n[\d_]*")
SUBGRAPH = re.compile(rf"\s+subgraph n[\d_]*\[{LABEL}\]|\s+end")


def is_sound(text):
    head, *lines = text.removesuffix("\n").split("\n")
    return head == "flowchart LR" and all(
        NODE.fullmatch(line) or EDGE.fullmatch(line) or SUBGRAPH.fullmatch(line) for line in lines
    )


def test_every_kind_has_its_shape(library):
    text = write_mermaid(library.text_workflow())
    assert is_sound(text)
    for line in (
        '  i0(["topic"])\n',
        '  n0["draft"]\n',
        '  n3{"route"}\n',
        '  n7[/"ask"/]\n',
        '  n8[("vector")]\n',
        '  n2["each<br/>for each point in points"]\n',
        '  subgraph n6["review<br/>until critic.score #62;= 8, at most 3 times"]\n    n6_0["revise"]\n',
        '  n3 -->|"short#124;long"| n5\n',
        "  n2 -.-> n5\n",
    ):
        assert line in text


def test_code_has_its_shape(library):
    text = write_mermaid(library.code_workflow())
    assert is_sound(text)
    assert '  n0[["counted"]]\n' in text


@given(st.text(alphabet=st.one_of(st.sampled_from("\"'`[](){}<>#&;|%\n\r\\-:"), st.characters()), min_size=1))
def test_no_label_breaks_out(label):
    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.prompt("äöü", "x"))
    try:
        builder.add_node(gb.Node.prompt("b", "y", when=[Branch("äöü", (label,))]))
    except gb.GraphbitError:
        return
    assert is_sound(write_mermaid(builder.build()))


@given(st.text(alphabet=st.sampled_from("\"`[]{}<>#&;|%\n\\-: a='"), max_size=20))
def test_no_expression_breaks_out(text):
    builder = gb.WorkflowBuilder("w")
    try:
        builder.add_node(gb.Node.prompt("a", "{{ x }}", for_each=f"x in y[{text!r}]"))
    except gb.GraphbitError:
        return
    assert is_sound(write_mermaid(builder.build()))
