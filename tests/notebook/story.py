"""A run told by hand, and a workflow to tell it of."""

import graphbit_nb as gb
from graphbit_nb.core import events
from graphbit_nb.core.snapshot import RunSnapshot


def workflow_of(*nodes: gb.Node, **texts: str) -> gb.Workflow:
    """A workflow of these nodes, and of prompts of these names and texts."""
    builder = gb.WorkflowBuilder("w")
    for node in (*nodes, *(gb.Node.prompt(name, text) for name, text in texts.items())):
        builder.add_node(node)
    return builder.build()


class Story:
    """A run told by hand: each call is an event."""

    def __init__(self, *nodes: str) -> None:
        self.snapshot = RunSnapshot()
        self("RunStarted", workflow="story", nodes=nodes, inputs={})

    def __call__(self, kind: str, node: str | None = None, **facts: object) -> "Story":
        given = facts if node is None else {"node": node, **facts}
        seq = self.snapshot.seq + 1
        self.snapshot.apply(getattr(events, kind)(run_id="r", seq=seq, time=float(seq), **given))
        return self

    def items(self, node: str, states: str) -> "Story":
        """Open a node into items: . pending, r running, s succeeded, f failed, w waiting."""
        self("NodeStarted", node)
        self("NodeExpanded", node, what="items", parts=tuple(f"{node}[{i}]" for i in range(len(states))))
        for number, state in enumerate(states):
            path = f"{node}[{number}]"
            if state == "w":
                self("NodeWaiting", path, question="Well?")
            elif state != ".":
                self("NodeStarted", path)
            if state == "s":
                self("NodeSucceeded", path, output=number)
            if state == "f":
                self("NodeFailed", path, error=events.ErrorInfo("ValueError", "no"))
        return self

    def __getitem__(self, path: str):
        return self.snapshot.index[path]
