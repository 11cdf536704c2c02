"""The `human` kind: a question to a person, whose answer is the output."""

from __future__ import annotations

from graphbit_nb.core.outputs import TEXT
from graphbit_nb.graph.registry import NodeProcessor


class HumanProcessor(NodeProcessor):
    """A question to a person.

    The body is the question, with ``{{ names }}`` filled in. The run waits for the answer; other branches go on.
    ``output=`` says what may be answered, for example ``"approve|reject"``.
    """

    node_type = "human"
    default_output = TEXT
    runs_as = "person"
