"""The pictures of a prompt: which values they are, and what of them is known when the node is defined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.llm import Image
from graphbit_nb.errors import DefinitionError, TemplateError
from graphbit_nb.templating import Expression

if TYPE_CHECKING:
    from graphbit_nb.templating import Reference

SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".webp")
WAYS = "the name of a node or an input, such as 'photo' or 'page.scan'; a Path; the bytes of a file; or an Image"


def read_images(given: Any) -> tuple[Any, ...]:
    """Read `images=`: an expression for each text, everything else is the picture itself. Raises `DefinitionError`."""
    if given is None:
        return ()
    listed = given if isinstance(given, Sequence) and not isinstance(given, str | bytes) else [given]
    return tuple(_read(one) for one in listed)


def image_references(images: tuple[Any, ...]) -> tuple[Reference, ...]:
    """Return what they read."""
    return tuple(ref for one in images if isinstance(one, Expression) for ref in one.references)


def image_values(images: tuple[Any, ...], values: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what stands for each picture, by the values of a run. Raises as `Expression.evaluate` does."""
    return tuple(one.evaluate(values) if isinstance(one, Expression) else one for one in images)


def _read(one: Any) -> Any:
    if isinstance(one, Expression | Image | PurePath | bytes):
        return one
    if not isinstance(one, str):
        raise DefinitionError(f"images: {type(one).__name__} is no picture; give {WAYS}")
    if one.lower().endswith(SUFFIXES) or "/" in one:
        raise DefinitionError(f"images: {one!r} would be read as a name; for a file give Path({one!r}), or: {WAYS}")
    try:
        return Expression(one)
    except TemplateError as error:
        raise DefinitionError(f"images: {error}; give {WAYS}") from None
