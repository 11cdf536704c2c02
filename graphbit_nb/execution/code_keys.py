"""What a function's value depends on besides its arguments: its code, and what that reads, all the way down."""

from __future__ import annotations

import builtins
import functools
import logging
import re
import sys
import types
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.encoding import to_text
from graphbit_nb.execution.code_reads import Read, reads_of
from graphbit_nb.execution.packages import is_of_python, version_of
from graphbit_nb.execution.suspects import MODELS, suspicion, suspicion_of_method
from graphbit_nb.execution.told_values import NotComparableError, digest, told_value

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_PARTS = 500  # functions, classes and values that one function may read

_ABSENT = object()
_DATA = frozenset({str, bytes, int, float, bool, complex, list, tuple, dict, set, frozenset, type(None)})
_HARMLESS = (logging.Logger, types.GenericAlias, types.UnionType)
_ROUTINES = (
    types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType, types.MethodWrapperType,
    types.ClassMethodDescriptorType, types.GetSetDescriptorType, types.MemberDescriptorType,
)  # fmt: skip
_CLASS_NOISE = frozenset({
    "__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "__annotations__", "__firstlineno__",
    "__static_attributes__", "__abstractmethods__", "_abc_impl", "__annotate__", "__annotate_func__",
    "__annotations_cache__",
})  # fmt: skip


_OURS = re.compile(r"graphbit_nb(\.(core|errors|graph|templating)\b.*)?")  # what asks no model


def code_parts(fn: Any, *, is_trusted: bool = False) -> dict[str, str]:
    """Return what a function depends on besides its arguments, each with what says that it is the same.

    Args:
        fn: A function, a class, or anything else that can be called.
        is_trusted: Whether functions that read the clock, files and the like are taken to give the same nevertheless.

    Raises:
        NotComparableError: it reads what changes by itself, or what cannot be compared.
    """
    walk = CodeWalk(is_trusted=is_trusted)
    walk.follow(fn, getattr(fn, "__name__", "") or type(fn).__name__)
    return dict(sorted(walk.parts.items()))


class CodeWalk:
    """Goes through what code reads; `parts` are what it has found."""

    def __init__(self, *, is_trusted: bool) -> None:
        self.parts: dict[str, str] = {}
        self._is_trusted = is_trusted
        self._seen: dict[int, Any] = {}  # kept, so that ids stay their own
        self._next: list[tuple[Any, str]] = []

    def follow(self, value: Any, name: str) -> None:
        """Note something, and all that it reads. Raises `NotComparableError`."""
        self.thing(value, name)
        while self._next:
            self._look(*self._next.pop())

    def thing(self, value: Any, name: str) -> None:
        """Remember to look at something that code reads. Raises `NotComparableError`."""
        if type(value) in _DATA:
            self._value(value, name)
            return
        if id(value) in self._seen:
            return
        self._seen[id(value)] = value
        if len(self._seen) > MOST_PARTS:
            raise NotComparableError(f"it reads more than {MOST_PARTS} things, and that takes too long to compare")
        self._next.append((value, name))

    def _look(self, value: Any, name: str) -> None:
        if isinstance(value, types.FunctionType):
            self._function(value)
        elif isinstance(value, types.MethodType):
            self._method(value, name)
        elif isinstance(value, type):
            self._class(value)
        elif isinstance(value, types.ModuleType):
            self._module(value, name)
        elif isinstance(value, functools.partial):
            self.thing(value.func, name)
            self._value((value.args, value.keywords), f"arguments of {name}")
        elif isinstance(value, staticmethod | classmethod) or callable(getattr(value, "__wrapped__", None)):
            self.thing(value.__wrapped__, name)
        elif isinstance(value, property):
            for part in (value.fget, value.fset, value.fdel):
                if part is not None:
                    self.thing(part, name)
        elif isinstance(value, _ROUTINES):
            self._routine(value)
        elif isinstance(value, re.Pattern):
            self._note(f"value {name}", repr((value.pattern, value.flags)))
        elif not isinstance(value, _HARMLESS) and value is not Ellipsis and value is not NotImplemented:
            self._object(value, name)

    def _note(self, name: str, told: str) -> None:
        key, number = name, 1
        while self.parts.get(key, told) != told:
            number += 1
            key = f"{name} ({number})"
        self.parts[key] = told

    def _suspect(self, name: str, called: str) -> None:
        if (reason := suspicion(name)) is not None and (not self._is_trusted or reason == MODELS):
            raise NotComparableError(f"it reads {reason} ({called})")

    # ---- functions

    def _function(self, fn: types.FunctionType) -> None:
        if self._is_of_others(fn.__module__, f"{fn.__module__}.{fn.__qualname__}", fn.__name__):
            return
        reads = reads_of(fn.__code__)
        self._note(f"function {fn.__name__}", reads.digest)
        for changed in reads.changes:
            if not self._is_trusted:
                raise NotComparableError(f"it changes the variable {changed} of the notebook")
        for method in reads.methods:
            if (reason := suspicion_of_method(method)) is not None and not self._is_trusted:
                raise NotComparableError(f"it reads {reason} (.{method})")
        for number, default in enumerate(fn.__defaults__ or ()):
            self.thing_or_value(default, f"default {number + 1} of {fn.__name__}")
        for name, default in (fn.__kwdefaults__ or {}).items():
            self.thing_or_value(default, f"default of {name}")
        closure = {
            name: _content(cell) for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=False)
        }
        for read in reads.names:
            self._read(read, fn.__globals__, closure)
        if callable(inner := getattr(fn, "__wrapped__", None)):
            self.thing(inner, fn.__name__)

    def _method(self, method: types.MethodType, name: str) -> None:
        fn = method.__func__
        module, full = getattr(fn, "__module__", None), getattr(fn, "__qualname__", name)
        if self._is_of_others(module, f"{module}.{full}", name) and self._is_trusted:
            return  # such as random.choice, a method of an object that nobody sees
        self.thing(fn, name)
        self.thing(method.__self__, f"the object of {name}")

    def thing_or_value(self, value: Any, name: str) -> None:
        """Note something that may be met often, such as a default."""
        if isinstance(value, types.FunctionType | type | types.MethodType | types.ModuleType):
            self.thing(value, name)
        else:
            self._value(value, name)

    def _read(self, read: Read, names: Mapping[str, Any], closure: Mapping[str, Any]) -> None:
        if read.root == "import":
            self._imported(read)
            return
        if read.root == "closure":
            value = closure.get(read.name, _ABSENT)
        else:
            value = names.get(read.name, _ABSENT)
            if value is _ABSENT and (value := vars(builtins).get(read.name, _ABSENT)) is not _ABSENT:
                self._suspect(f"builtins.{read.name}", read.name)
                return
        if value is _ABSENT:
            self._note(f"name {read.name}", "is not there")
            return
        self._chain(value, read.name, read.attributes)

    def _imported(self, read: Read) -> None:
        if read.attributes:
            self._suspect(".".join((read.name, *read.attributes)), ".".join((read.name, *read.attributes)))
        if (module := sys.modules.get(read.name)) is None:
            if is_of_python(read.name):
                return
            top = read.name.partition(".")[0]
            if (told := version_of(top)) is None:
                raise NotComparableError(f"it imports {read.name}, which is not loaded yet; import it in the notebook")
            self._note(f"package {top}", told)
        elif read.attributes:
            self._chain(module, read.name, read.attributes)

    def _chain(self, value: Any, name: str, attributes: tuple[str, ...]) -> None:
        """Note ``name.a.b``: what a module has under the attributes, or a value as a whole."""
        rest = list(attributes)
        while isinstance(value, types.ModuleType) and rest:
            attribute = rest.pop(0)
            self._suspect(f"{value.__name__}.{attribute}", f"{name}.{attribute}")
            module, name = value, f"{name}.{attribute}"
            value = vars(module).get(attribute, sys.modules.get(f"{module.__name__}.{attribute}", _ABSENT))
            if value is _ABSENT and module.__name__ == "graphbit_nb":
                value = getattr(module, attribute, _ABSENT)  # ours are loaded when they are first used
            if value is _ABSENT:
                if not self._is_of_others(module.__name__, module.__name__, name):
                    self._note(f"name {name}", "is not there")
                return
        if isinstance(value, type) and rest:
            self._suspect(f"{value.__module__}.{value.__qualname__}.{rest[0]}", f"{name}.{rest[0]}")
        elif rest and not isinstance(value, types.ModuleType):
            for attribute in rest:
                if (reason := suspicion_of_method(attribute)) is not None and not self._is_trusted:
                    raise NotComparableError(f"it reads {reason} ({name}.{attribute})")
            self._suspect(f"{type(value).__module__}.{type(value).__qualname__}.{rest[0]}", f"{name}.{rest[0]}")
        self.thing(value, name)

    # ---- everything else

    def _class(self, cls: type) -> None:
        if cls.__module__ == "builtins":
            return
        if self._is_of_others(cls.__module__, f"{cls.__module__}.{cls.__qualname__}", cls.__name__):
            return
        for base in cls.__bases__:
            self.thing(base, base.__name__)
        if issubclass(cls, Enum):
            members = {member: one.value for member, one in cls.__members__.items()}
            self._class_value(members, f"members of {cls.__name__}")
        for name, value in sorted(vars(cls).items(), key=lambda item: item[0]):
            if name in _CLASS_NOISE or name.startswith("__pydantic_") or name == "__dataclass_fields__":
                continue
            if name in ("__init__", "__eq__", "__repr__", "__hash__", "__setattr__", "__delattr__") and _is_made(value):
                continue
            if isinstance(value, types.FunctionType | staticmethod | classmethod | property | type):
                self.thing(value, f"{cls.__name__}.{name}")
            elif name in ("model_config", "__match_args__", "__slots__", "__members__") or not name.startswith("_"):
                self._class_value(value, f"{cls.__name__}.{name}")
        self._note(f"class {cls.__name__}", digest(repr(sorted(_shape(cls).items()))))

    def _class_value(self, value: Any, name: str) -> None:
        try:
            self._value(value, name)
        except NotComparableError:
            self._note(f"value {name}", type(value).__qualname__)  # a descriptor, a marker: its class has to say enough

    def _module(self, module: types.ModuleType, name: str) -> None:
        self._suspect(module.__name__, name)
        if not self._is_of_others(module.__name__, module.__name__, name):
            raise NotComparableError(f"it uses the module {name} as a whole; name what it reads of it")

    def _routine(self, routine: Any) -> None:
        owner = getattr(routine, "__self__", None) or getattr(routine, "__objclass__", None)
        if isinstance(owner, types.ModuleType):
            where = owner.__name__
        else:
            cls = owner if isinstance(owner, type) else type(owner)
            where = f"{cls.__module__}.{cls.__qualname__}"
        name = getattr(routine, "__name__", "")
        self._suspect(f"{where.removeprefix('_')}.{name}", name)
        self._is_of_others(where, where, name)
        if owner is not None and not isinstance(owner, type | types.ModuleType):
            self.thing(owner, f"the object of {name}")

    def _object(self, value: Any, name: str) -> None:
        cls = type(value)
        self._suspect(f"{cls.__module__}.{cls.__qualname__}", name)
        if self._is_of_others(cls.__module__, f"{cls.__module__}.{cls.__qualname__}", name):
            self._value(value, name)
            return
        self._value(value, name)
        self._class(cls)

    def _value(self, value: Any, name: str) -> None:
        if isinstance(value, PurePath):
            self._note(f"value {name}", str(value))
            return
        told = told_value(value, name)
        self._note(f"value {name}", told if isinstance(told, str) else to_text(told))

    def _is_of_others(self, module: Any, full: str, name: str) -> bool:
        """Whether something belongs to Python or to an installed package; then its version stands for it."""
        if not isinstance(module, str):
            return False
        top = module.partition(".")[0]
        if top == "graphbit_nb" and not _OURS.fullmatch(module):
            raise NotComparableError(f"it asks {MODELS}, or runs a workflow ({name})")
        self._suspect(full, name)
        if top == "builtins" or is_of_python(top):
            return True
        if (told := version_of(top)) is None:
            return False
        self._note(f"package {top}", told)
        return True


def _shape(cls: type) -> dict[str, str]:
    """Return the fields of a class as text."""
    return {name: str(hint) for name, hint in vars(cls).get("__annotations__", {}).items()}


def _is_made(value: Any) -> bool:
    """Whether a method was made by a decorator such as `dataclass`, from fields that are compared anyway."""
    code = getattr(value, "__code__", None)
    return code is None or code.co_filename == "<string>"


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _ABSENT
