"""The plan: an order that respects every edge, and parts of it."""

import time
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from graphbit_nb.graph.plan import ExecutionPlan, make_plan

edges = st.integers(1, 15).flatmap(
    lambda n: st.tuples(
        st.just(n), st.sets(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=30), st.randoms()
    )
)


def graph_of(drawn, *, acyclic):
    """Nodes in a shuffled order of definition, so that consumers come before producers as well."""
    count, pairs, dice = drawn
    names = [f"n{i}" for i in range(count)]
    before = {name: [] for name in names}
    for a, b in sorted(pairs):
        if not acyclic or a < b:
            before[f"n{b}"].append(f"n{a}")
    dice.shuffle(names)
    return names, before


@given(edges)
def test_the_order_respects_every_edge_and_comes_first_come_first_served(drawn):
    names, before = graph_of(drawn, acyclic=True)
    plan = make_plan(names, before)
    order = [plan.names[i] for i in plan.order]
    assert sorted(order) == sorted(names)
    assert all(order.index(source) < order.index(target) for target in names for source in before[target])
    queue, done = [name for name in names if not before[name]], []
    while queue:
        done.append(queue.pop(0))
        queue += [n for n in names if done[-1] in before[n] and {*before[n]} <= {*done}]
    assert order == done
    for name, level in zip(plan.names, plan.levels, strict=True):
        assert level == max((plan.levels[plan.index[b]] + 1 for b in before[name]), default=0)
    assert [plan.names[i] for i in plan.roots] == [name for name in names if not before[name]]


@given(edges)
def test_a_cycle_is_found_exactly_when_there_is_one(drawn):
    names, before = graph_of(drawn, acyclic=False)
    found = make_plan(names, before)
    try:
        list(TopologicalSorter(before).static_order())
    except CycleError:
        assert found[0] == found[-1]
        assert len(set(found)) == len(found) - 1
        assert all(source in before[target] for source, target in pairwise(found))
    else:
        assert isinstance(found, ExecutionPlan)


@given(edges, st.data())
def test_what_some_nodes_need_is_their_ancestors_and_nothing_else(drawn, data):
    names, before = graph_of(drawn, acyclic=True)
    wanted = data.draw(st.lists(st.sampled_from(names), max_size=3))
    needed, stack = set(), list(wanted)
    while stack:
        if (name := stack.pop()) not in needed:
            needed.add(name)
            stack += before[name]
    plan = make_plan(names, before).needed_for(wanted)
    assert plan.names == tuple(name for name in names if name in needed)
    for number, name in enumerate(plan.names):
        assert [plan.names[i] for i in plan.predecessors[number]] == before[name]
        assert all(number in plan.predecessors[i] for i in plan.successors[number])
    assert sorted(plan.order) == list(range(len(plan.names)))
    assert all(plan.order.index(b) < plan.order.index(n) for n, ps in enumerate(plan.predecessors) for b in ps)


def test_a_hundred_thousand_nodes_in_a_chain_and_in_layers_need_no_recursion():
    count = 100_000
    names = [f"n{i}" for i in range(count)]
    chain = make_plan(names, {n: [f"n{i - 1}"] if i else [] for i, n in enumerate(names)})
    assert chain.levels[-1] == count - 1
    assert len(chain.needed_for([names[-1]]).names) == count
    layers = make_plan(names, {n: [f"n{i - 1000}", f"n{i - 999}"] if i >= 1000 else [] for i, n in enumerate(names)})
    assert max(layers.levels) >= 99
    began = time.perf_counter()
    circle = make_plan(names, {n: [names[i - 1]] for i, n in enumerate(names)})
    assert len(circle) == count + 1
    assert time.perf_counter() - began < 10
