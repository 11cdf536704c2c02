"""Reads annotations: the classes that they allow, the fields of these, and what functions say of themselves.

It takes them for what they say and never for more: whatever is odd, or names what is not there, is unknown.
"""

from __future__ import annotations

import builtins
import dataclasses
import inspect
import sys
from collections.abc import Awaitable, Iterable, Mapping
from enum import Enum
from functools import _lru_cache_wrapper, partial
from itertools import takewhile
from types import FunctionType, MethodType, NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any, Literal, LiteralString, NamedTuple, Union, get_args, get_origin, get_type_hints

UNKNOWN: Any = Any
DEEPEST = 20  # levels of an annotation that are looked at
_STARS = ((inspect.CO_VARARGS, "*"), (inspect.CO_VARKEYWORDS, "**"))
_QUALIFIERS = frozenset({"Required", "NotRequired", "ReadOnly", "Final", "ClassVar"})


class Shape(NamedTuple):
    """One of the alternatives that an annotation allows.

    Attributes:
        kind: The class; None when it can be anything.
        args: What stands in brackets behind it.
        values: The values of a literal.
    """

    kind: type | None = None
    args: tuple[Any, ...] = ()
    values: tuple[Any, ...] = ()


ANYTHING = (Shape(),)


def shapes(annotation: Any, depth: int = 0) -> tuple[Shape, ...]:
    """Return the alternatives of an annotation; never none."""
    if isinstance(annotation, type):
        return _shape_of_class(annotation, ())
    if annotation is None:
        return (Shape(NoneType),)
    if depth > DEEPEST:
        return ANYTHING
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Union or origin is UnionType:
        return tuple(shape for arg in args for shape in shapes(arg, depth + 1))
    if origin is Literal:
        sorts: dict[type, list[Any]] = {}
        for value in args:
            sorts.setdefault(type(value), []).append(value)
        return tuple(Shape(kind, (), tuple(values)) for kind, values in sorts.items())
    if origin is Annotated or getattr(origin, "_name", None) in _QUALIFIERS:
        return shapes(args[0], depth + 1)
    if isinstance(origin, type):
        return _shape_of_class(origin, args)
    if annotation is LiteralString:
        return (Shape(str),)
    if (base := getattr(annotation, "__supertype__", None)) is not None:  # of a NewType
        return shapes(base, depth + 1)
    alias = annotation if origin is None else origin
    if type(alias).__name__ == "TypeAliasType":
        return shapes(filled_in(_value_of_alias(alias), alias, args), depth + 1)
    return ANYTHING


def _shape_of_class(kind: type, args: tuple[Any, ...]) -> tuple[Shape, ...]:
    if kind is object or Any in kind.__mro__ or getattr(kind, "_is_protocol", False):
        return ANYTHING
    if hasattr(kind, "__get_pydantic_core_schema__") and not field_names(kind):  # as EmailStr, whose values are texts
        return ANYTHING
    return (Shape(kind, args),)


def _value_of_alias(alias: Any) -> Any:
    try:
        return alias.__value__
    except Exception:  # noqa: BLE001 (it is evaluated only now, and is the user's code)
        return UNKNOWN


def is_a(kind: type | None, base: Any) -> bool:
    """Whether a class is derived from another, or from one of a tuple; False when that cannot be asked."""
    try:
        return isinstance(kind, type) and issubclass(kind, base)
    except TypeError:
        return False


def is_typed_dict(kind: type | None) -> bool:
    """Whether it is a TypedDict, of `typing` or of `typing_extensions`."""
    return is_a(kind, dict) and hasattr(kind, "__required_keys__") and hasattr(kind, "__total__")


def field_names(kind: type) -> tuple[str, ...]:
    """Return the fields of a model, a dataclass, a named tuple or a TypedDict; empty for any other class."""
    if is_typed_dict(kind):
        return tuple(_own_annotations(kind))
    if isinstance(fields := getattr(kind, "model_fields", None), Iterable):
        return tuple(fields)
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))
    return tuple(getattr(kind, "_fields", ())) if is_a(kind, tuple) else ()


def field_annotation(shape: Shape, name: str) -> Any:
    """Return the annotation of a field that is there."""
    kind: Any = shape.kind
    if isinstance(fields := getattr(kind, "model_fields", None), Mapping):
        return resolved(getattr(fields[name], "annotation", UNKNOWN), _names_around(kind))
    for base in kind.__mro__:
        if name in (own := _own_annotations(base)):
            return filled_in(resolved(own[name], dict(vars(base)), _names_around(base)), kind, shape.args)
    return UNKNOWN


def _own_annotations(holder: Any) -> Mapping[str, Any]:
    try:
        return holder.__annotations__ if isinstance(holder, FunctionType) else inspect.get_annotations(holder)
    except Exception:  # noqa: BLE001 (newer Pythons evaluate them only now, and they are the user's code)
        return {}


def _names_around(kind: type) -> dict[str, Any]:
    return getattr(sys.modules.get(kind.__module__), "__dict__", {})


def resolved(annotation: Any, names: dict[str, Any], nearer: dict[str, Any] | None = None) -> Any:
    """Return an annotation with the names that stand in it as text looked up; unknown where one is not there."""
    if isinstance(annotation, type):
        return annotation
    if isinstance(annotation, str):  # mostly the name of a class, which need not be compiled
        for scope in (nearer or {}, names, vars(builtins)):
            if annotation in scope:
                if isinstance(scope[annotation], type):
                    return scope[annotation]
                break
    try:
        holder = SimpleNamespace(__annotations__={"it": annotation})
        return get_type_hints(holder, names, nearer)["it"]
    except Exception:  # noqa: BLE001 (a text may hold any code)
        return UNKNOWN


def filled_in(annotation: Any, generic: Any, args: tuple[Any, ...]) -> Any:
    """Put what stands in the brackets of a generic class in the place of its type variables."""
    variables = getattr(generic, "__parameters__", ())
    if not variables or len(args) != len(variables):
        return annotation
    given = dict(zip(variables, args, strict=True))
    try:
        if annotation in given:
            return given[annotation]
        if isinstance(annotation, type) or not (inside := getattr(annotation, "__parameters__", ())):
            return annotation
        return annotation[tuple(given.get(variable, UNKNOWN) for variable in inside)]
    except TypeError:
        return UNKNOWN


def annotation_of_parameters(fn: Any) -> dict[str, Any]:
    """Return what a function's parameters are annotated with, by name and in their order.

    ``*rest`` and ``**named`` have their stars in their names; what has no annotation is unknown, and all of it is
    for functions that pydantic converts values for, or that are wrapped in others.
    """
    function = _written(_maker(fn) if isinstance(fn, type) else fn)
    if function is None:
        return {}
    if function is fn:
        found = _of_plain(function)
    else:
        try:
            found = [(_starred(p), p.annotation, p.default is None) for p in inspect.signature(fn).parameters.values()]
        except (TypeError, ValueError):
            return {}
    names = _names_around(fn) if is_a(fn, tuple) else function.__globals__  # a named tuple's are empty
    closed_over = _closed_over(function)
    annotations = {}
    for name, note, may_be_none in found:
        annotation = UNKNOWN if note is inspect.Parameter.empty else resolved(note, names, closed_over)
        annotations[name] = either((annotation, None)) if may_be_none else annotation
    return annotations


def annotations_of_arguments(fn: Any, parameters: Iterable[str | None]) -> list[Any]:
    """Return, for arguments given by name, or by position where that is None, what they are annotated with."""
    known = annotation_of_parameters(fn)
    rest = next((known[name] for name in known if name[0] == "*" != name[1]), UNKNOWN)
    named = next((known[name] for name in known if name.startswith("**")), UNKNOWN)
    places = takewhile(lambda name: name[0] != "*", known)
    return [known.get(next(places, ""), rest) if name is None else known.get(name, named) for name in parameters]


def return_annotation(fn: Any) -> Any:
    """Return what the function's node gives: its annotation, of an awaitable what is awaited, a class itself."""
    while isinstance(fn, partial):
        fn = fn.func
    if isinstance(fn, type):
        as_it_likes = type(fn).__call__ is not type.__call__ and not is_a(fn, Enum)
        return UNKNOWN if fn is type or as_it_likes or is_a(fn, Awaitable) else fn
    if isinstance(get_origin(fn), type) or hasattr(fn, "__supertype__"):
        return fn
    function = _written(fn)
    if function is None or function.__code__.co_flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR):
        return UNKNOWN
    notes = _own_annotations(function)
    if "return" not in notes:
        return UNKNOWN
    return _awaited(resolved(notes["return"], function.__globals__, _closed_over(function)))


def _awaited(annotation: Any) -> Any:
    if isinstance(annotation, type) and not is_a(annotation, Awaitable):
        return annotation
    alternatives = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    if not any(is_a(shape.kind, Awaitable) for shape in shapes(annotation)):
        return annotation
    found = []
    for alternative in alternatives:
        waits = is_a(get_origin(alternative) or alternative, Awaitable)
        found.append((get_args(alternative) or (UNKNOWN,))[-1] if waits else alternative)
    return either(found)


def either(annotations: Iterable[Any]) -> Any:
    """Return the union of annotations."""
    found = tuple(annotations)
    try:
        return UNKNOWN if any(each is UNKNOWN for each in found) else Union[found]  # noqa: UP007 (a tuple of them)
    except TypeError:
        return UNKNOWN


def _written(fn: Any) -> FunctionType | None:
    """Return the function whose annotations hold for a call of `fn`, or None when nothing is certain."""
    for _ in range(DEEPEST):
        match fn:
            case partial():
                fn = fn.func
            case MethodType():
                fn = fn.__func__
            case _lru_cache_wrapper():
                fn = fn.__wrapped__
            case FunctionType():
                changed = fn.__dict__.keys() & {"__wrapped__", "__signature__", "__no_type_check__"}
                return None if changed else fn
            case _ if callable(fn) and not isinstance(fn, type):
                fn = type(fn).__call__
            case _:
                return None
    return None


def _maker(kind: type) -> Any:
    """Return what takes the arguments of a class; None when it converts them, or does as it likes."""
    if hasattr(kind, "__pydantic_validator__") or type(kind).__call__ is not type.__call__:
        return None
    return kind.__init__ if kind.__init__ is not object.__init__ else kind.__new__  # type: ignore[misc]


def _of_plain(fn: FunctionType) -> list[tuple[str, Any, bool]]:
    """Read the code instead of asking `inspect.signature`, which takes ten times as long."""
    notes = _own_annotations(fn)
    code, defaults, by_keyword = fn.__code__, fn.__defaults__ or (), fn.__kwdefaults__ or {}
    names, count, end = code.co_varnames, code.co_argcount, code.co_argcount + code.co_kwonlyargcount
    first_default = count - len(defaults)
    empty = inspect.Parameter.empty
    found = [
        (name, notes.get(name, empty), at >= first_default and defaults[at - first_default] is None)
        for at, name in enumerate(names[:count])
    ]
    stars = [sign for flag, sign in _STARS if code.co_flags & flag]
    starred = {
        sign: (sign + name, notes.get(name, empty), False) for sign, name in zip(stars, names[end:], strict=False)
    }
    if "*" in starred:
        found.append(starred["*"])
    found += [(name, notes.get(name, empty), by_keyword.get(name, empty) is None) for name in names[count:end]]
    return [*found, starred["**"]] if "**" in starred else found


def _starred(parameter: inspect.Parameter) -> str:
    stars: dict[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    return stars.get(parameter.kind, "") + parameter.name


def _closed_over(fn: FunctionType) -> dict[str, Any]:
    found = {}
    for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not filled yet
            continue
    return found
