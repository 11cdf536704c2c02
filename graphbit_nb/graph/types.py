"""Whether what a node gives can be what another reads: paths into a type, and types that take each other's values.

Only what is sure to go wrong is refused: a value may be more than its annotation says, and is not there to be asked.
"""

from __future__ import annotations

import sys
from abc import ABCMeta
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, MutableMapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from inspect import isabstract
from itertools import chain
from numbers import Number
from types import MappingProxyType, NoneType
from typing import Any, Never

from graphbit_nb.errors import TemplateError, did_you_mean
from graphbit_nb.graph.annotations import (
    ANYTHING,
    DEEPEST,
    UNKNOWN,
    Shape,
    either,
    field_annotation,
    field_names,
    is_a,
    is_typed_dict,
    shapes,
)

_ABSENT: Any = object()
_CALLABLE: tuple[Any, ...] = (Callable,)
_MAPPINGS = (dict, OrderedDict, defaultdict, MappingProxyType, Mapping, MutableMapping)  # of keys, then values
_OF_ITEMS = ("builtins", "collections", "collections.abc")  # where the one argument of a container is its items'
_MOST_KIN = 1_000  # classes that are looked at before a refusal
_SHOWN = 8


def part_of(annotation: Any, key: str | int) -> Any:
    """Return the annotation of the part that `look_up` finds in such a value; `UNKNOWN` when it may be anything.

    Raises:
        TemplateError: there can be no such part.
    """
    part = _found(annotation, key)
    if part is _ABSENT:
        raise TemplateError(f"{describe(annotation)} {_lack(annotation, key)}")
    return part


def check_path(annotation: Any, path: Iterable[str | int], name: str = "") -> str | None:
    """Return None if a path may lead somewhere, else a sentence that says where it ends and why.

    Args:
        annotation: What it begins in.
        path: Keys and indices.
        name: What the value is called, for the sentence.
    """
    for key in path:
        part = _found(annotation, key)
        if part is _ABSENT:
            what, lack = describe(annotation), _lack(annotation, key)
            return f"{name} is {what} and {lack}" if name else f"{what} {lack}"
        annotation, name = part, name + (f"[{key}]" if isinstance(key, int) else f".{key}" if name else key)
    return None


def item_of(annotation: Any) -> Any:
    """Return the annotation of what a loop over such a value gives, one at a time; `UNKNOWN` when it may be anything.

    Raises:
        TemplateError: it cannot be looped over.
    """
    found = [_item(shape) for shape in shapes(annotation) if not _is_single(shape)]
    if not found:
        raise TemplateError(f"{describe(annotation)} cannot be looped over")
    return _known(found)


def accepts(wanted: Any, given: Any, depth: int = 0) -> bool | None:
    """Whether a parameter annotated `wanted` can take a value of `given`: yes, no, or None for nobody knows."""
    if wanted is UNKNOWN or wanted is object or wanted is given:
        return True
    if given is UNKNOWN or depth > DEEPEST:
        return None
    choices, verdicts = shapes(wanted), set()
    for shape in shapes(given):
        answers = {_takes(choice, shape, depth) for choice in choices}
        verdicts.add(True if True in answers else None if None in answers else False)
    return verdicts.pop() if len(verdicts) == 1 else None


def describe(annotation: Any, depth: int = 0) -> str:
    """Say in words what a value of a type is: "a text", "a list of numbers", "Person", "one of 'a', 'b'"."""
    alternatives = _alternatives(annotation, depth)
    literals = [repr(value) for shape in alternatives for value in _values(shape)]
    words = dict.fromkeys(_in_words(shape, depth) for shape in alternatives if not shape.values)
    if literals:
        words[f"one of {', '.join(literals)}" if len(literals) > 1 else literals[0]] = None
    return " or ".join(words)


# --- parts ---


def _found(annotation: Any, key: str | int) -> Any:
    parts = [part for shape in shapes(annotation) if (part := _part(shape, key)) is not _ABSENT]
    return _known(parts) if parts else _ABSENT


def _known(annotations: Sequence[Any]) -> Any:
    whole = annotations[0] if len(annotations) == 1 else either(annotations)
    return UNKNOWN if shapes(whole) == ANYTHING else whole


def _part(shape: Shape, key: str | int) -> Any:
    """Follow `look_up` in its order over one class."""
    kind, args = shape.kind, shape.args
    if kind is None or _is_table(kind):
        return UNKNOWN
    if is_typed_dict(kind):
        part = field_annotation(shape, key) if isinstance(key, str) and key in field_names(kind) else _ABSENT
    elif is_a(kind, Mapping):
        return _at_key(shape, key)
    elif isinstance(key, int) and _is_array(kind):
        return UNKNOWN
    elif isinstance(key, int) and is_a(kind, Sequence) and not is_a(kind, str | bytes):
        part = _at_index(shape, key)
    elif isinstance(key, str) and key in field_names(kind):
        return field_annotation(shape, key)
    else:
        part = _ABSENT
    return UNKNOWN if part is _ABSENT and _may_have_more(kind, args, key) else part


def _at_key(shape: Shape, key: str | int) -> Any:
    if shape.kind not in _MAPPINGS or len(shape.args) != 2:
        return UNKNOWN
    keys, value = shape.args
    return value if any(_may_equal(wanted, key) for wanted in shapes(keys)) else _ABSENT


def _may_equal(shape: Shape, key: str | int) -> bool:
    if shape.kind not in (str, int, float, bool, bytes, NoneType):
        return True
    return key in shape.values if shape.values else isinstance(key, str) == (shape.kind is str)


def _at_index(shape: Shape, key: int) -> Any:
    places = _places(shape)
    if places is None:
        return _item(shape)
    return places[key] if -len(places) <= key < len(places) else _ABSENT


def _places(shape: Shape) -> list[Any] | None:
    """Return what stands at each place of a tuple whose length is known."""
    if shape.kind is tuple and shape.args and not any(arg is ... or _is_spread(arg) for arg in shape.args):
        return list(shape.args)
    names = getattr(shape.kind, "_fields", None) if is_a(shape.kind, tuple) else None
    return None if names is None else [field_annotation(shape, name) for name in names]


def _is_spread(annotation: Any) -> bool:
    return getattr(annotation, "__unpacked__", False) or str(annotation).startswith(("*", "typing.Unpack"))


def _item(shape: Shape) -> Any:
    """Return what a loop over a container gives, or `UNKNOWN`."""
    kind, args = shape.kind, shape.args
    if kind is str:
        return str
    if kind in (bytes, bytearray, range):
        return int
    if is_a(kind, tuple):
        places = _places(shape)
        if places is not None:
            return either(places)
        return args[0] if kind is tuple and len(args) == 2 and args[1] is ... else UNKNOWN
    if kind in _MAPPINGS and len(args) == 2:
        return args[0]
    known = kind is not None and kind.__module__ in _OF_ITEMS and is_a(kind, Iterable | Container)
    return args[0] if known and len(args) == 1 else UNKNOWN


def _is_single(shape: Shape) -> bool:
    """Whether a value is no list of things for a loop, whatever else it is."""
    kind = shape.kind
    if kind is None or _is_table(kind) or _is_array(kind):
        return False
    if is_a(kind, str | bytes):
        return True
    return not is_a(kind, Sequence | Mapping | AbstractSet) and not _may_have_more(kind, shape.args, None)


def _may_have_more(kind: type, args: tuple[Any, ...], key: str | int | None) -> bool:
    """Whether a value of this class can be one of another that has the key: derived from it, or defined anew."""
    if is_typed_dict(kind) and _takes_more_keys(kind):
        return True
    if kind.__module__ == "builtins":
        return kind is type or (kind is tuple and not args and isinstance(key, str))
    if is_a(kind, Sequence) and args:
        return False
    if _is_open(kind):
        return True
    if key is None:
        return any(is_a(other, Sequence | Mapping | AbstractSet) for other in _kin(kind))
    return any((isinstance(key, str) and key in field_names(other)) or _holds_items(other, key) for other in _kin(kind))


def _takes_more_keys(kind: Any) -> bool:
    more = getattr(kind, "__extra_items__", None)
    closed = more is None or more is Never or "NoExtraItems" in str(more)
    return not closed or getattr(kind, "__pydantic_config__", {}).get("extra") == "allow"


def _holds_items(kind: type, key: str | int) -> bool:
    return (is_a(kind, Mapping) and not is_typed_dict(kind)) or (isinstance(key, int) and is_a(kind, Sequence))


def _is_open(kind: type) -> bool:
    """Whether it is abstract: its values are of other classes."""
    return isinstance(kind, ABCMeta) and (isabstract(kind) or not field_names(kind))


def _kin(kind: type) -> list[type]:
    """Return the classes derived from this one, and what has its name now, as after running its cell again."""
    found: Any = getattr(sys.modules.get(kind.__module__), "__dict__", {}).get(kind.__qualname__.partition(".")[0])
    for name in kind.__qualname__.split(".")[1:]:
        found = getattr(found, name, None)
    kin = [found] if isinstance(found, type) and found is not kind else []
    queue = [kind, *kin]
    while queue and len(kin) < _MOST_KIN:
        derived: list[type] = type.__subclasses__(queue.pop())
        kin += derived
        queue += derived
    return kin


def _is_table(kind: type) -> bool:
    return any(base.__name__ == "DataFrame" and base.__module__.partition(".")[0] == "pandas" for base in kind.__mro__)


def _is_array(kind: type | None) -> bool:
    return hasattr(kind, "tolist") and hasattr(kind, "dtype")


def _lack(annotation: Any, key: str | int) -> str:
    """Say what is not there, and what is."""
    alternatives = shapes(annotation)
    names = list(dict.fromkeys(name for shape in alternatives for name in _keys(shape)))
    lengths = {len(places) for shape in alternatives if (places := _places(shape)) is not None}
    if isinstance(key, int) and lengths:
        return f"has no item {key}: there are {max(lengths)}"
    what = "key" if any(is_a(shape.kind, Mapping) for shape in alternatives) else "field" if names else ""
    what = what or ("item" if isinstance(key, int) else "")
    said = f"has no {what} {key!r}" if what else f"has no {key!r}"
    if names:
        listed = ", ".join(map(repr, names[:_SHOWN])) + (", …" if len(names) > _SHOWN else "")
        return said + (did_you_mean(str(key), names) or f"; there are {listed}")
    for shape in alternatives:
        item = _item(shape) if is_a(shape.kind, Sequence) and not is_a(shape.kind, str | bytes) else UNKNOWN
        if any(key in _keys(inner) for inner in shapes(item)):
            return f"{said}, but its items have: take one, as in [0], or loop over them"
    return said


def _keys(shape: Shape) -> tuple[str, ...]:
    if shape.kind in _MAPPINGS and shape.args:
        return tuple(str(value) for inner in shapes(shape.args[0]) for value in inner.values)
    return () if shape.kind is None else field_names(shape.kind)


# --- whether a value is taken ---


def _takes(wanted: Shape, given: Shape, depth: int) -> bool | None:
    wanted, given = _generic_model(wanted), _generic_model(given)
    w, g = wanted.kind, given.kind
    if w is None or g is None or w in _CALLABLE:
        return None
    if wanted.values:
        if given.values and w is g:
            allowed = [value in wanted.values for value in given.values]
            return all(allowed) or (None if any(allowed) else False)
        return False if _related(w, g) is False else None
    if is_typed_dict(w):
        return _takes_fields(wanted, given, depth)
    related = _related(w, g)
    if related is False or not wanted.args:
        return related
    inner = [accepts(one, other, depth + 1) for one, other in _pairs(wanted, given)]
    if False in inner:
        return False
    return related if inner and all(inner) else None


def _related(wanted: type, given: type) -> bool | None:
    """Whether values of one class are taken for those of another, whatever they hold."""
    if is_typed_dict(wanted):
        wanted = dict
    if is_a(given, wanted):
        return None if given is str and wanted is not str else True  # a text for a Sequence is rarely what was meant
    if is_a(wanted, given) or {_address(base) for base in given.__mro__} & {_address(wanted)}:
        return None
    if is_a(wanted, Number) and is_a(given, Number):
        return True if (given, wanted) in ((int, float), (bool, float), (int, complex), (float, complex)) else None
    if _is_collection(wanted) and _is_collection(given):
        return None
    plain = "builtins" in (wanted.__module__, given.__module__)
    if (_is_open(wanted) or _is_open(given)) and not plain:
        return None
    if (_is_array(wanted) or _is_array(given)) and (is_a(wanted, Number) or is_a(given, Number)):
        return None
    return None if set(_kin(given)) & {wanted, *_kin(wanted)} else False


def _is_collection(kind: type) -> bool:
    return _is_array(kind) or (is_a(kind, Sequence | AbstractSet) and not is_a(kind, str))


def _address(kind: type) -> tuple[str, str]:
    """Return where a class is defined: running its cell again makes another class of the same name."""
    return kind.__module__, kind.__qualname__


def _generic_model(shape: Shape) -> Shape:
    """Write ``Page[Person]`` of pydantic, which is a class of its own, as other generic classes are."""
    made = getattr(shape.kind, "__pydantic_generic_metadata__", {})
    return shape if made.get("origin") is None else Shape(made["origin"], made["args"])


def _takes_fields(wanted: Shape, given: Shape, depth: int) -> bool | None:
    """Compare with a TypedDict: another one field by field, another mapping only by its sort."""
    w, g = wanted.kind, given.kind
    if g is None or w is None or w is g or not is_typed_dict(g):
        return True if w is g and wanted.args == given.args else None if is_a(g, Mapping) else False
    if _address(w) == _address(g):
        return None
    there = field_names(g)
    if not set(getattr(w, "__required_keys__", ())) <= set(there):
        return False
    shared = [name for name in field_names(w) if name in there]
    inner = [accepts(field_annotation(wanted, n), field_annotation(given, n), depth + 1) for n in shared]
    return False if False in inner else True if all(inner) else None


def _pairs(wanted: Shape, given: Shape) -> list[tuple[Any, Any]]:
    """Return what of the insides of two related shapes must fit each other."""
    ours, theirs = _places(wanted), _places(given)
    if ours is not None and theirs is not None and wanted.kind is tuple:
        return list(zip(ours, theirs, strict=True)) if len(ours) == len(theirs) else [(str, int)]
    if wanted.kind in _MAPPINGS and given.kind in _MAPPINGS:
        return list(zip(wanted.args, given.args, strict=False))
    if wanted.kind is given.kind and len(wanted.args) == len(given.args) and wanted.kind is not tuple:
        return list(zip(wanted.args, given.args, strict=True))
    item = _item(wanted)
    return [] if item is UNKNOWN else [(item, _item(given))]


# --- words ---

_WORDS: dict[Any, tuple[str, str]] = {
    str: ("a text", "texts"),
    int: ("a number", "numbers"),
    float: ("a number", "numbers"),
    bool: ("a boolean", "booleans"),
    NoneType: ("none", "none"),
    bytes: ("bytes", "bytes"),
    type: ("a class", "classes"),
    None: ("any value", "any values"),
}
_CONTAINERS = {list: "list", dict: "dict", tuple: "tuple", set: "set", frozenset: "set", Sequence: "sequence"}


def _alternatives(annotation: Any, depth: int) -> tuple[Shape, ...]:
    found = ANYTHING if depth > DEEPEST else shapes(annotation)
    return ANYTHING if any(shape.kind is None for shape in found) else found


def _values(shape: Shape) -> tuple[Any, ...]:
    return tuple(value.value if isinstance(value, Enum) else value for value in shape.values)


def _in_words(shape: Shape, depth: int, form: int = 0) -> str:
    """Describe one class, as one (0) or many (1) of it."""
    kind = shape.kind
    if kind is None or kind in _WORDS:
        return _WORDS[kind][form]
    if kind not in _CONTAINERS:
        return kind.__name__
    name = _CONTAINERS[kind]
    said = f"{name}s" if form else f"a {name}"
    places = _places(shape)
    if places:
        return f"{said} of {' and '.join(describe(place, depth + 1) for place in places)}"
    if kind is dict and len(shape.args) == 2:
        key, value = (_many(arg, depth + 1) for arg in shape.args)
        if key != "texts":
            return f"{said} from {key} to {value}"
        return said if value == "any values" else f"{said} of {value}"
    items = _many(_item(shape), depth + 1)
    return said if items == "any values" else f"{said} of {items}"


def _many(annotation: Any, depth: int) -> str:
    found = _alternatives(annotation, depth)
    words = (map(repr, _values(shape)) if shape.values else [_in_words(shape, depth, 1)] for shape in found)
    return " or ".join(dict.fromkeys(chain.from_iterable(words)))
