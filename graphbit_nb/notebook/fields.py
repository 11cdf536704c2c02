"""Which parts a value has that a path can go on with, as far as its type or a value of it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import GraphbitError
from graphbit_nb.graph.annotations import UNKNOWN, field_names, shapes
from graphbit_nb.graph.types import item_of, part_of
from graphbit_nb.templating import look_up

if TYPE_CHECKING:
    from collections.abc import Iterable

NOTHING: Any = object()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of something that a template can name.

    Attributes:
        annotation: Its type; `UNKNOWN` when nobody has said it.
        value: What it was in the latest run; `NOTHING` when there is none.
    """

    annotation: Any = UNKNOWN
    value: Any = NOTHING

    def part(self, key: str | int) -> Known:
        """Return what is known of a part."""
        try:
            annotation = part_of(self.annotation, key)
        except GraphbitError:
            annotation = UNKNOWN
        try:
            value = NOTHING if self.value is NOTHING else look_up(self.value, key)
        except (GraphbitError, LookupError, TypeError, AttributeError):
            value = NOTHING
        return Known(annotation, value)

    def at(self, path: Iterable[str | int]) -> Known:
        """Return what is known of the end of a path."""
        found = self
        for key in path:
            found = found.part(key)
        return found

    def item(self) -> Known:
        """Return what is known of an item, for a loop over it."""
        try:
            annotation = item_of(self.annotation)
        except GraphbitError:
            annotation = UNKNOWN
        value = self.value[0] if isinstance(self.value, list | tuple) and self.value else NOTHING
        return Known(annotation, value)

    def fields(self) -> list[str]:
        """Return the names that may follow after a dot."""
        found: dict[str, None] = {}
        for shape in shapes(self.annotation):
            if shape.kind is not None:
                found.update(dict.fromkeys(field_names(shape.kind)))
        if isinstance(self.value, Mapping):
            found.update((key, None) for key in self.value if isinstance(key, str) and key.isidentifier())
        elif self.value is not NOTHING:
            found.update(dict.fromkeys(field_names(type(self.value))))
        return list(found)
