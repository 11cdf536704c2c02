"""A workflow as a Mermaid flowchart: what GitHub and many editors draw in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbit_nb.graph.kinds.workflow import WorkflowSettings

if TYPE_CHECKING:
    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.workflow import Edge, Workflow

SHAPES = {
    "prompt": ('["', '"]'),
    "agent": ('[/"', '"\\]'),
    "python": ('[["', '"]]'),
    "condition": ('{"', '"}'),
    "human": ('[/"', '"/]'),
    "embed": ('[("', '")]'),
}
"""What stands around the label of a node, by kind."""
_OTHER = ('{{"', '"}}')
_INPUT = ('(["', '"])')
_ARROWS = {"data": "-->", "control": "-.->", "conditional": "-->"}
_PLAIN = frozenset(" .,_-=?!+*'")
LONGEST = 80


def write_mermaid(workflow: Workflow) -> str:
    """Return the flowchart. Nothing that a label says can become a part of its syntax."""
    return "\n".join(["flowchart LR", *_Chart().lines(workflow, "n", 1, has_inputs=True)]) + "\n"


class _Chart:
    def lines(self, workflow: Workflow, prefix: str, depth: int, *, has_inputs: bool = False) -> list[str]:
        """Return the lines of a workflow; what it calls its nodes begins with `prefix`."""
        pad = "  " * depth
        ids = {name: f"{prefix}{number}" for number, name in enumerate(workflow.nodes)}
        lines: list[str] = []
        if has_inputs:
            for number, spec in enumerate(workflow.inputs.values()):
                lines.append(f"{pad}i{number}{_INPUT[0]}{escaped(spec.name)}{_INPUT[1]}")
        for node in workflow.nodes.values():
            lines += self._node(node, ids[node.name], depth)
        if has_inputs:
            for number, spec in enumerate(workflow.inputs.values()):
                lines += [f"{pad}i{number} {'-->' if spec.required else '-.->'} {ids[name]}" for name in spec.consumers]
        return [*lines, *(f"{pad}{_arrow(edge, ids)}" for edge in workflow.edges)]

    def _node(self, node: Node, name: str, depth: int) -> list[str]:
        pad, label = "  " * depth, escaped(_label(node))
        if not isinstance(node.settings, WorkflowSettings):
            opening, closing = SHAPES.get(node.kind, _OTHER)
            return [f"{pad}{name}{opening}{label}{closing}"]
        inner = self.lines(node.settings.workflow, f"{name}_", depth + 1)
        return [f'{pad}subgraph {name}["{label}"]', *inner, f"{pad}end"]


def _label(node: Node) -> str:
    lines = [node.name]
    if node.for_each is not None:
        lines.append(f"for each {node.for_each.source}")
    if isinstance(node.settings, WorkflowSettings) and node.settings.repeat_until is not None:
        until = node.settings.repeat_until.source
        lines.append(f"until {until}, at most {node.settings.max_iterations} times")
    return "\n".join(line if len(line) <= LONGEST else line[: LONGEST - 1] + "…" for line in lines)


def _arrow(edge: Edge, ids: dict[str, str]) -> str:
    label = f'|"{escaped(edge.label)}"|' if edge.label else ""
    return f"{ids[edge.source]} {_ARROWS[edge.kind]}{label} {ids[edge.target]}"


def escaped(label: str) -> str:
    """Return a label between quotes: letters and digits as they are, everything else as the number of its character."""
    cut = label if len(label) <= 3 * LONGEST else label[: 3 * LONGEST - 1] + "…"
    lines = cut.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "<br/>".join("".join(c if c.isalnum() or c in _PLAIN else f"#{ord(c)};" for c in line) for line in lines)
