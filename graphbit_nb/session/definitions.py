"""How a workflow is kept with its runs: its outline, by which they are shown, and, if it can be written, all of it."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import GraphbitError, StorageError, UsageError

if TYPE_CHECKING:
    from graphbit_nb.graph.workflow import Outline, Workflow

FORMAT = "graphbit-definition/1"
MOST_NODES = 2_000  # of a workflow that is written in full: a larger one would hold up its run
_MOST_KEPT = 8

_written: dict[int, tuple[Workflow, str]] = {}  # the latest workflows, with themselves, so that an id stays its own
_lock = threading.Lock()


def definition_of(workflow: Workflow) -> str:
    """Return a workflow as text, for runs of it to be kept with. Asked again for the same object it costs nothing."""
    with _lock:
        found = _written.get(id(workflow))
    if found is None:
        found = (workflow, _write(workflow))
        with _lock:
            _written[id(workflow)] = found
            while len(_written) > _MOST_KEPT:
                del _written[next(iter(_written))]
    return found[1]


def outline_in(definition: str, like: Workflow | None = None) -> Outline:
    """Return the outline of a kept workflow.

    Args:
        definition: What `definition_of` gave.
        like: A workflow of now, whose nodes stand in it wherever they are as they were.

    Raises:
        StorageError: the text is no definition.
    """
    from graphbit_nb.files.outlines import read_outline

    outline = read_outline(str(_parts(definition)["outline"]))
    if like is None:
        return outline
    changed = changed_since(definition, like)
    nodes = {name: node if name in changed else like.nodes[name] for name, node in outline.nodes.items()}
    return replace(outline, nodes=MappingProxyType(nodes))


def changed_since(definition: str, workflow: Workflow) -> frozenset[str]:
    """Return the nodes of a kept workflow that are not surely the same in one of now. Raises `StorageError`."""
    kept, now = _digests(definition), _digests(definition_of(workflow))
    names = kept.keys() | now.keys()
    return frozenset(name for name in names if kept.get(name) is None or kept.get(name) != now.get(name))


def workflow_in(definition: str, *, trust: bool = False, namespace: dict[str, Any] | None = None) -> Workflow:
    """Return a kept workflow, fit to run.

    Args:
        definition: What `definition_of` gave.
        trust: Whether code in it may be run.
        namespace: Where its code is run; None is a module of its own.

    Raises:
        StorageError: the text is no definition.
        UsageError: the workflow could not be written in full, or has code and `trust` is not given.
    """
    from graphbit_nb.files.problems import Places
    from graphbit_nb.files.reading import from_document, read_document

    parts = _parts(definition)
    if not isinstance(parts.get("document"), dict):
        raise UsageError(f"the workflow was not kept in full: {parts.get('problem') or 'it is too large'}")
    places = Places("the kept workflow")
    return from_document(read_document(parts["document"], places), trust=trust, namespace=namespace, places=places)


def _write(workflow: Workflow) -> str:
    from graphbit_nb.files.digests import node_digest
    from graphbit_nb.files.outlines import write_outline
    from graphbit_nb.files.schema import plain_data
    from graphbit_nb.files.writing import to_document

    parts: dict[str, Any] = {"outline": write_outline(workflow)}
    parts["nodes"] = {name: node_digest(node) for name, node in workflow.nodes.items()}
    if len(workflow.nodes) > MOST_NODES:
        parts["problem"] = f"it has more than {MOST_NODES:,} nodes"
    else:
        try:
            parts["document"] = plain_data(to_document(workflow))
        except (GraphbitError, RecursionError) as error:
            parts["problem"] = str(error)
    return json.dumps(parts, separators=(",", ":"))


def _digests(definition: str) -> dict[str, str | None]:
    found = _parts(definition).get("nodes")
    return found if isinstance(found, dict) else {}


def _parts(definition: str) -> dict[str, Any]:
    try:
        parts = json.loads(definition)
    except (ValueError, RecursionError):
        parts = None
    if not isinstance(parts, dict) or not isinstance(parts.get("outline"), str):
        raise StorageError("the definition of the workflow that was kept with the run cannot be read")
    return parts
