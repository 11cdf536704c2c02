"""Types as text, and back, without running anything: ``list[Person]``, ``dict[str, int]``, ``Literal['a', 'b']``."""

from __future__ import annotations

import ast
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from graphbit_nb.errors import OutputTypeError, UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

_KNOWN: dict[str, Any] = {
    **{kind.__name__: kind for kind in (str, int, float, bool, bytes, list, dict, tuple, set, frozenset)},
    "Any": Any,
    "Literal": Literal,
}


def write_type(annotation: Any) -> tuple[str, dict[str, Any]]:
    """Return a type as text, and the classes that it names.

    Raises:
        UsageError: it cannot be written so that it is read back as it was.
    """
    classes: dict[str, Any] = {}
    text = _write(annotation, classes)
    if read_type(text, classes) != annotation:
        raise UsageError(f"the type {annotation!r} cannot be written to a file; define a class for it")
    return text, classes


def _write(annotation: Any, classes: dict[str, Any]) -> str:
    if annotation is Any:
        return "Any"
    if annotation is None or annotation is NoneType:
        return "None"
    if annotation is ...:
        return "..."
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, arguments))}]"
    if origin in (Union, UnionType):
        return " | ".join(_write(argument, classes) for argument in arguments)
    if origin is not None and arguments:
        return f"{_write(origin, classes)}[{', '.join(_write(argument, classes) for argument in arguments)}]"
    if not isinstance(annotation, type):
        raise UsageError(f"the type {annotation!r} cannot be written to a file; define a class for it")
    name = annotation.__name__
    if _KNOWN.get(name) is not annotation:
        if classes.setdefault(name, annotation) is not annotation:
            raise UsageError(f"two different classes are called {name!r}; give one of them another name")
        if not name.isidentifier() or "<locals>" in annotation.__qualname__:
            raise UsageError(f"the class {annotation.__qualname__!r} is defined inside of a function; move it out")
    return name


def read_type(text: str, namespace: Mapping[str, Any]) -> Any:
    """Return the type that a text names.

    Args:
        text: As `write_type` writes it.
        namespace: Where classes are looked up.

    Raises:
        OutputTypeError: it names none.
    """
    try:
        return _read(ast.parse(text.strip(), mode="eval").body, text, namespace)
    except (SyntaxError, ValueError, RecursionError, MemoryError, TypeError, AttributeError):
        raise OutputTypeError(f"output type {text[:100]!r} is no type; write it as in 'dict[str, int]'") from None


def _read(node: ast.expr, text: str, namespace: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=None):
            return None
        case ast.Constant(value=value) if value is ...:
            return ...
        case ast.Name(id=name):
            found = namespace.get(name, _KNOWN.get(name))
            if isinstance(found, type) or found in (Any, Literal):
                return found
            known = [*_KNOWN, *(key for key, value in namespace.items() if isinstance(value, type))]
            raise OutputTypeError(f"output type {text!r}: {name!r} is no known type{did_you_mean(name, known)}")
        case ast.BinOp(op=ast.BitOr(), left=left, right=right):
            return _read(left, text, namespace) | _read(right, text, namespace)
        case ast.Subscript(value=of, slice=inside):
            origin = _read(of, text, namespace)
            parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
            if origin is Literal:
                return Literal[tuple(ast.literal_eval(part) for part in parts)]
            if origin is not Any and getattr(origin, "__class_getitem__", None) is None:
                raise OutputTypeError(f"output type {text!r}: {origin.__name__} takes nothing in brackets")
            return origin[tuple(_read(part, text, namespace) for part in parts)]
    raise OutputTypeError(f"output type {text[:100]!r} is no type; write it as in 'dict[str, int]'")
