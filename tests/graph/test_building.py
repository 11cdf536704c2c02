"""Edges and inputs follow from what the nodes read; everything that is wrong is said at once."""

import dataclasses
import re

import pytest

import graphbit_nb as gb

Node = gb.Node


def prompt(name, text="x", **more):
    return Node.prompt(name, text, **more)


def build(*nodes, connect=()):
    builder = gb.WorkflowBuilder("w")
    for node in nodes:
        assert builder.add_node(node) == node.name
    for pair in connect:
        assert builder.connect(*pair) is builder
    return builder.build()


def edges(workflow):
    return [(edge.source, edge.target, edge.kind) for edge in workflow.edges]


def problems(*nodes, connect=()):
    with pytest.raises(gb.ValidationError) as refused:
        build(*nodes, connect=connect)
    return refused.value.problems


def test_a_name_that_is_a_node_is_an_edge_and_any_other_an_input():
    workflow = build(prompt("outline", "About {{ topic }}"), prompt("draft", "Write {{ outline }} for {{ reader }}"))
    assert edges(workflow) == [("outline", "draft", "data")]
    assert list(workflow.inputs) == ["topic", "reader"]
    assert workflow.inputs["topic"].consumers == ("outline",)
    assert repr(workflow) == "Workflow('w', 2 nodes, 1 edges, 2 inputs)"


def test_a_consumer_may_be_defined_before_its_producer():
    workflow = build(prompt("draft", "{{ outline }}"), prompt("outline"))
    assert edges(workflow) == [("outline", "draft", "data")]
    assert [workflow.plan.names[i] for i in workflow.plan.order] == ["outline", "draft"]


def test_functions_and_prompts_read_each_other():
    workflow = build(prompt("a", "{{ x }}"), Node.python("b", lambda a, y=1: a), prompt("c", "{{ b.k }}"))
    assert edges(workflow) == [("a", "b", "data"), ("b", "c", "data")]
    assert {name: spec.required for name, spec in workflow.inputs.items()} == {"x": True, "y": False}
    assert workflow.predecessors("b") == ("a",)
    assert workflow.successors("b") == ("c",)


def test_an_input_is_required_as_soon_as_one_node_needs_it():
    optional, needed = prompt("a", "{{ x | default('') }}"), prompt("b", "{{ x }}")
    assert not build(optional).inputs["x"].required
    assert build(optional, needed).inputs["x"].required
    assert build(optional, needed).inputs["x"].consumers == ("a", "b")


def test_an_order_without_reading_is_a_control_edge():
    workflow = build(prompt("a"), prompt("b"), prompt("c", after="b"), connect=[("a", "b")])
    assert edges(workflow) == [("a", "b", "control"), ("b", "c", "control")]


def test_a_connection_that_is_read_as_well_stays_one_data_edge():
    workflow = build(prompt("a"), prompt("b", "{{ a }}{{ a }}", after=["a", "a"]), connect=[("a", "b"), ("a", "b")])
    assert edges(workflow) == [("a", "b", "data")]
    assert workflow.plan.predecessors == ((), (0,))


def test_nodes_may_be_connected_as_nodes():
    a, b = prompt("a"), prompt("b")
    assert edges(build(a, b, connect=[(a, b)])) == [("a", "b", "control")]


@pytest.mark.parametrize(
    ("nodes", "path"),
    [
        ([prompt("a", "{{ a }}")], "a → a"),
        ([prompt("a", "{{ b }}"), prompt("b", "{{ a }}")], "a → b → a"),
        ([prompt("a", "{{ c }}"), prompt("b", "{{ a }}"), prompt("c", "{{ b }}")], "a → b → c → a"),
        ([prompt("x"), prompt("p", "{{ x }}{{ q }}"), prompt("q", "{{ p }}"), prompt("z", "{{ q }}")], "p → q → p"),
        ([prompt("a", after="b"), prompt("b", "{{ a }}")], "a → b → a"),
    ],
)
def test_a_cycle_is_refused_with_its_path(nodes, path):
    (problem,) = problems(*nodes)
    assert problem.code == "cycle"
    assert problem.message.endswith(path)


def test_a_long_cycle_is_shown_in_short():
    (problem,) = problems(*(prompt(f"n{i}", f"{{{{ n{(i - 1) % 1000} }}}}") for i in range(1000)))
    assert problem.message.endswith("n0 → n1 → n2 → n3 → n4 → n5 → … → n996 → n997 → n998 → n999 → n0")


def test_an_unknown_name_is_refused_with_the_nearest():
    found = problems(prompt("outline"), prompt("b", after="outlin"), connect=[("outline", "bb"), ("zzz", "b")])
    assert [(p.code, p.node, p.place) for p in found] == [
        ("unknown-node", "b", "after"),
        ("unknown-node", None, "connect('outline', 'bb')"),
        ("unknown-node", None, "connect('zzz', 'b')"),
    ]
    assert "did you mean 'outline'" in found[0].message
    assert "there are outline, b" in str(found[2])


def test_every_problem_is_told_at_once():
    found = problems(prompt("a", "{{ b }}"), prompt("a", "{{ b }}"), prompt("b", "{{ a }}", after="nobody"))
    assert [problem.code for problem in found] == ["duplicate-name", "unknown-node", "cycle"]
    text = str(gb.ValidationError(found))
    assert text.startswith("3 problems in the workflow:\n  - ")
    assert "a: 2 nodes have the name 'a'; give each node a name of its own" in text


def test_one_problem_reads_as_one_line():
    (problem,) = problems()
    assert str(gb.ValidationError([problem])) == "the workflow has no nodes; add one with add_node, or in a cell"


def test_an_input_that_looks_like_a_node_is_announced():
    workflow = build(prompt("outline"), prompt("draft", "{{ outlin }}", after="outline"))
    (warning,) = workflow.warnings
    assert warning.code == "looks-like-slip"
    assert (warning.node, workflow.inputs["outlin"].looks_like) == ("draft", "outline")
    assert "did you mean 'outline'" in str(warning)


@pytest.mark.parametrize("name", ["topic", "text", "draft_of_mine", "line"])
def test_an_input_that_looks_like_no_node_is_not_announced(name):
    assert build(prompt("outline"), prompt("draft", f"{{{{ outline }}}}{{{{ {name} }}}}")).warnings == ()


def test_a_node_that_nothing_connects_is_announced():
    workflow = build(prompt("a"), prompt("b", "{{ a }}"), prompt("c"))
    assert [(w.code, w.node, w.severity) for w in workflow.warnings] == [("unconnected", "c", "warning")]
    assert build(prompt("a")).warnings == ()


def test_a_workflow_does_not_change():
    builder = gb.WorkflowBuilder("w", description="d")
    builder.add_node(prompt("a"))
    workflow = builder.build()
    builder.add_node(prompt("b"))
    assert list(workflow.nodes) == ["a"]
    assert workflow.description == "d"
    with pytest.raises(TypeError):
        workflow.nodes["b"] = prompt("b")
    with pytest.raises(TypeError):
        workflow.inputs["b"] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        workflow.name = "x"


@pytest.mark.parametrize("name", ["", "  ", None, 5])
def test_a_workflow_needs_a_name(name):
    with pytest.raises(gb.UsageError, match="a workflow needs a name"):
        gb.WorkflowBuilder(name)


@pytest.mark.parametrize("node", [None, "a", gb.Node, {"name": "a"}])
def test_only_nodes_are_added(node):
    with pytest.raises(gb.UsageError, match="add_node takes a Node"):
        gb.WorkflowBuilder("w").add_node(node)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [((1, "b"), "not from 1"), (("a", None), "not from None"), (("a", "b", "conditonal"), "edge='conditonal'")],
)
def test_a_connection_that_is_none_is_refused(arguments, told):
    with pytest.raises(gb.UsageError, match=re.escape(told)):
        gb.WorkflowBuilder("w").connect(*arguments)


def test_a_thousand_inputs_are_looked_through_in_no_time():
    nodes = [Node.python(f"sum_{i}", lambda x: x, inputs=[f"document_{i}"]) for i in range(1_000)]
    assert len(build(*nodes).inputs) == 1_000
