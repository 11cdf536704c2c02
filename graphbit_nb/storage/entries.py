"""What is remembered of one call to a model, or of one node that was computed."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal

from graphbit_nb.core.encoding import from_text
from graphbit_nb.errors import StorageError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

EntryKind = Literal["generate", "embed", "node"]

COLUMNS = ("key", "kind", "node", "workflow", "model", "request", "record", "size", "cost", "created", "used", "hits", "run")  # fmt: skip  # noqa: E501

_FIELDS: dict[str, tuple[type, ...]] = {
    "key": (str,), "kind": (str,), "node": (str,), "workflow": (str,), "model": (str, type(None)), "request": (str,),
    "record": (str,), "size": (int,), "cost": (float, int, type(None)), "created": (float, int), "used": (float, int),
    "hits": (int,), "run": (str, type(None)),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One remembered answer.

    Attributes:
        key: The key of its request.
        kind: ``"generate"`` and ``"embed"`` are calls to a model, ``"node"`` is a node that was computed.
        node: The node that asked first, without numbers of items and iterations.
        workflow: Name of its workflow.
        model: The model.
        request: What was asked, as canonical JSON.
        record: What came of it, as JSON.
        cost: US dollars that it cost; None when that is not known.
        created: When it was kept (seconds since 1970).
        used: When it was last taken, or kept.
        hits: How often it was taken.
        run: The run that asked first.
        size: Characters of request and record.
    """

    key: str
    kind: str
    node: str = ""
    workflow: str = ""
    model: str | None = None
    request: str
    record: str
    cost: float | None = None
    created: float = 0.0
    used: float = 0.0
    hits: int = 0
    run: str | None = None
    size: int = 0

    def asked(self) -> Any:
        """Return the request as data. Raises `StorageError`."""
        return from_text(self.request)

    def given(self) -> Any:
        """Return the record as data. Raises `StorageError` when it is not as it was written."""
        digest, _, text = self.record.partition(" ")
        if digest != _digest(text):
            raise StorageError("what was remembered is damaged")
        return from_text(text)

    def row(self) -> tuple[Any, ...]:
        """Return it as it stands in the table."""
        return tuple(getattr(self, name) for name in COLUMNS)


def canonical(data: Any) -> str:
    """Return JSON-able data as the one text that `request_key` is the digest of."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


def key_of(request: str) -> str:
    """Return the key of a canonical request, the same as `core.calls.request_key` gives for its data."""
    return blake2b(request.encode(), digest_size=16).hexdigest()


def sealed(data: Any) -> str:
    """Return a record as the text that is kept, which shows when it was changed."""
    text = json.dumps(data, separators=(",", ":"))
    return f"{_digest(text)} {text}"


def entry_of(row: sqlite3.Row | Mapping[str, Any]) -> Entry:
    """Return what stands in a row. Raises `StorageError` when it is damaged."""
    given = {name: row[name] for name in COLUMNS}
    given["node"], given["workflow"] = given["node"] or "", given["workflow"] or ""
    for name, types in _FIELDS.items():
        value = given[name]
        if type(value) not in types or (type(value) is float and not math.isfinite(value)):
            raise StorageError(f"what was remembered is damaged: its {name} is {type(value).__name__}")
    return Entry(**given)


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
