"""Where a run stood before the first of its events that are kept, as text: a run that was gone on with elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from graphbit_nb.core.checking import check_fields
from graphbit_nb.core.encoding import decode, encode_leniently, from_text, to_text
from graphbit_nb.core.instances import NAMES
from graphbit_nb.core.snapshot import RunSnapshot
from graphbit_nb.errors import StorageError

if TYPE_CHECKING:
    from graphbit_nb.core.node_snapshot import NodeSnapshot


def base_text(snapshot: RunSnapshot) -> str:
    """Return a snapshot as text. Outputs that cannot be kept are named in their place."""
    return to_text(encode_leniently(replace(snapshot, index={})))


def base_in(text: str) -> RunSnapshot:
    """Return the snapshot that `base_text` was given. Raises `StorageError`."""
    found = decode(from_text(text))
    if not isinstance(found, RunSnapshot) or not isinstance(found.nodes, dict):
        raise StorageError("where the run stood when it was gone on with is damaged")
    found.index = {}
    try:
        for name, node in found.nodes.items():
            _enter(name, node, found.index)
        check_fields(found, NAMES)
    except (TypeError, AttributeError, RecursionError) as error:
        raise StorageError(f"where the run stood when it was gone on with is damaged: {error}") from None
    return found


def _enter(path: str, node: NodeSnapshot, index: dict[str, NodeSnapshot]) -> None:
    check_fields(node, NAMES)
    if node.name != path or path in index:
        raise TypeError(f"{path} is not where it should be")
    index[path] = node
    for inner, part in node.parts.items():
        _enter(inner, part, index)
