"""Answers of a person to what a run asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import OutputError, UsageError, did_you_mean
from graphbit_nb.notebook import views
from graphbit_nb.notebook.commands.command import arg, command
from graphbit_nb.notebook.commands.runs import at_once, how_to_wait
from graphbit_nb.notebook.words import how_to_answer, waiting
from graphbit_nb.session.job import checked_answers

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from graphbit_nb.core.snapshot import NodeSnapshot
    from graphbit_nb.execution.result import ExecutionResult
    from graphbit_nb.notebook.magics import GraphbitMagics


@command(
    "answer",
    arg("node", metavar="NODE", nargs="?"),
    arg("text", metavar="TEXT", nargs="?"),
    runs=True,
    free_text=True,
    words="asking",
    example="%graphbit answer approve yes",
)
def answer(magics: GraphbitMagics, options: argparse.Namespace, awaited: bool) -> Any:
    """Answer a node that waits for a person; the run goes on. Without an answer, say what is asked.

    A long answer is the body of a cell: %%graphbit answer NODE.
    """
    runner, name = magics.runner, magics.workspace.current
    result = runner.standing(name)
    asking = {} if result is None else {node.name: node for node in waiting(result.snapshot)}
    if result is None or not asking:
        raise UsageError(f"no run of {name} waits for an answer")
    if options.node is not None and options.node not in asking:
        raise UsageError(_asks_nothing(result, options.node, asking))
    if options.text is None:
        _tell(asking.values() if options.node is None else [asking[options.node]])
        return at_once(None) if awaited else None
    node = asking[options.node]
    text = options.text.strip()
    if node.options and text not in node.options:
        near = did_you_mean(text, node.options) or f"; there are {', '.join(node.options)}"
        raise UsageError(f"{node.name}: {text!r} is none of the answers{near}")
    try:
        answers = checked_answers(result.workflow, {node.name: text})
    except OutputError as error:
        raise UsageError(str(error)) from None
    if (going := runner.going(name)) is None:
        return runner.go_on(result, answers=answers, how=how_to_wait(awaited))
    going.answer(node.name, answers[node.name])
    views.show(views.line_bundle(f"{node.name} is answered; the run goes on"))
    return at_once(going.handle) if awaited else going.handle


def _asks_nothing(result: ExecutionResult, name: str, asking: dict[str, NodeSnapshot]) -> str:
    node = result.snapshot.index.get(name)
    there = f"; {', '.join(list(asking)[:10])} {'does' if len(asking) == 1 else 'do'}"
    if node is not None:
        return f"{name} waits for no answer, it is {node.state}{there}"
    return f"no node {name!r} waits for an answer{did_you_mean(name, asking) or there}"


def _tell(asking: Iterable[NodeSnapshot]) -> None:
    lines: list[str] = []
    for node in asking:
        lines += [f"{node.name} asks:", *(f"  {line}" for line in (node.question or "").splitlines())]
        lines.append(f"  answer with {how_to_answer(node)}")
    views.show(views.lines_bundle(lines))
