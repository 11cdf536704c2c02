"""Two runs beside each other: what was asked, what came of it, what it cost, how long it took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.encoding import encode, to_text
from graphbit_nb.core.snapshot import RunSnapshot
from graphbit_nb.errors import GraphbitError

if TYPE_CHECKING:
    from graphbit_nb.core.node_snapshot import NodeSnapshot
    from graphbit_nb.execution.result import ExecutionResult


@dataclass(frozen=True, slots=True)
class NodePair:
    """One node in two runs.

    Attributes:
        name: Its name.
        before: The node in the first run; None when it was not in it.
        after: The node in the second.
        is_same: Whether state, prompt, output and error are alike; figures do not count.
    """

    name: str
    before: NodeSnapshot | None
    after: NodeSnapshot | None
    is_same: bool

    @property
    def differs_in(self) -> tuple[str, ...]:
        """What is not alike: of ``"presence" "state" "prompt" "output" "error"``."""
        return _differences(self.before, self.after)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs beside each other.

    Attributes:
        before: The first run.
        after: The second.
        inputs: Values of inputs that differ, by name, as (first, second); what was not given is None.
        pairs: Every node of either run, in the order of the second, then those that only the first has.
    """

    before: RunSnapshot
    after: RunSnapshot
    inputs: dict[str, tuple[Any, Any]]
    pairs: tuple[NodePair, ...]

    @property
    def changed(self) -> tuple[NodePair, ...]:
        """The nodes that are not alike."""
        return tuple(pair for pair in self.pairs if not pair.is_same)

    def __repr__(self) -> str:
        listed = ", ".join(pair.name for pair in self.changed) or "nothing differs"
        return f"<{self.before.run_id} and {self.after.run_id}: {listed}>"


def compared(before: ExecutionResult | RunSnapshot, after: ExecutionResult | RunSnapshot) -> Comparison:
    """Lay two runs beside each other, of one workflow or of two."""
    one = before if isinstance(before, RunSnapshot) else before.snapshot
    other = after if isinstance(after, RunSnapshot) else after.snapshot
    names = dict.fromkeys([*other.nodes, *one.nodes])
    pairs = []
    for name in names:
        first, second = one.nodes.get(name), other.nodes.get(name)
        pairs.append(NodePair(name, first, second, not _differences(first, second)))
    inputs = {
        name: (one.inputs.get(name), other.inputs.get(name))
        for name in dict.fromkeys([*other.inputs, *one.inputs])
        if not is_same(one.inputs.get(name), other.inputs.get(name))
    }
    return Comparison(one, other, inputs, tuple(pairs))


def is_same(one: Any, other: Any) -> bool:
    """Whether two values are certainly the same. Arrays and tables compare by element; they are by what is kept."""
    if one is other:
        return True
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 (a value's own comparison is foreign code)
        return type(one) is type(other) and _is_kept_alike(one, other)


def _is_kept_alike(one: Any, other: Any) -> bool:
    try:
        return to_text(encode(one)) == to_text(encode(other))
    except GraphbitError:  # it cannot be kept
        return False


def _differences(one: NodeSnapshot | None, other: NodeSnapshot | None) -> tuple[str, ...]:
    if one is None or other is None:
        return ("presence",)
    found = []
    if one.state is not other.state and not (one.state.has_output and other.state.has_output):
        found.append("state")
    if one.messages and other.messages and one.messages != other.messages:
        found.append("prompt")
    if not is_same(one.output, other.output):
        found.append("output")
    if (one.error is None) != (other.error is None) or (
        one.error is not None and other.error is not None and one.error.message != other.error.message
    ):
        found.append("error")
    return tuple(found)
