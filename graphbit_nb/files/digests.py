"""The digest of a node as it is defined: two nodes with the same one do the same with the same inputs."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING

from graphbit_nb.errors import GraphbitError
from graphbit_nb.files.writing import node_data

if TYPE_CHECKING:
    from graphbit_nb.graph.node import Node


def node_digest(node: Node) -> str | None:
    """Return the digest of all that a node is made of, its code included; None when that cannot be written."""
    try:
        data, code = node_data(node)
        text = json.dumps([data, code], sort_keys=True, default=repr)
    except (GraphbitError, RecursionError, ValueError, TypeError):
        return None
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
