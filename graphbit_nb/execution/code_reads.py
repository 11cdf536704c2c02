"""What a piece of code reads from outside, found in its instructions: nothing is run, no source is needed."""

from __future__ import annotations

import dis
import sys
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from inspect import CO_OPTIMIZED
from types import CodeType
from typing import Any, Literal

_GLOBAL = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_CLOSURE = frozenset({"LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"})
_ATTRIBUTE = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_STORED = frozenset({"STORE_FAST", "STORE_NAME", "STORE_DEREF"})
_BETWEEN = frozenset({"PUSH_NULL", "PRECALL", "NOP", "RESUME", "EXTENDED_ARG", "CACHE", "COPY_FREE_VARS"})
_HAS_DOCSTRING = 0x4000000  # a flag from Python 3.13 on

Root = Literal["global", "closure", "import"]


@dataclass(frozen=True, slots=True)
class Read:
    """A name that code reads, with the attributes that follow at once.

    Attributes:
        root: Where the name is looked up; ``"import"`` is a module that the code imports itself.
        name: The name, of a module its whole name.
        attributes: Such as ``("random", "rand")`` for ``np.random.rand``.
    """

    root: Root
    name: str
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reads:
    """All that a piece of code reads, that inside of it included.

    Attributes:
        names: The names, in the order of their first use.
        methods: Attributes of values that are only known when the code runs.
        changes: Global names that it sets.
        digest: Digest of what it does; comments, blanks and its docstring are no part of it.
    """

    names: tuple[Read, ...]
    methods: tuple[str, ...]
    changes: tuple[str, ...]
    digest: str


@lru_cache(maxsize=2048)
def reads_of(code: CodeType) -> Reads:
    """Return what a piece of code reads."""
    names: dict[Read, None] = {}
    methods: dict[str, None] = {}
    changes: dict[str, None] = {}
    for one in _inside(code):
        _scan(one, code, names, methods, changes)
    return Reads(tuple(names), tuple(methods), tuple(changes), _digest(code))


def _inside(code: CodeType) -> list[CodeType]:
    found = [code]
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found += _inside(constant)
    return found


def _scan(
    code: CodeType, outermost: CodeType, names: dict[Read, None], methods: dict[str, None], changes: dict[str, None]
) -> None:
    aliases: dict[str, Read] = {}  # local names of what the code imports
    own = set(code.co_varnames) | set(code.co_cellvars) if code is not outermost else set()
    outer = set(outermost.co_freevars)
    chain: Read | None = None
    imported: str | None = None
    fresh: Read | None = None  # just imported, about to get a name
    for step in dis.get_instructions(code):
        operation, value = step.opname, step.argval
        if operation in _BETWEEN:
            continue
        if operation in _ATTRIBUTE:
            if chain is None:
                methods.setdefault(str(value))
            else:
                chain = Read(chain.root, chain.name, (*chain.attributes, str(value)))
            continue
        if chain is not None:
            names.setdefault(chain)
            chain = None
        if operation in _GLOBAL:
            chain = aliases.get(str(value)) or Read("global", str(value))
        elif operation in _CLOSURE:
            if str(value) in aliases:
                chain = aliases[str(value)]
            elif str(value) in outer and str(value) not in own:
                chain = Read("closure", str(value))
        elif operation == "IMPORT_NAME":
            imported = str(value)
            fresh = Read("import", imported)
            names.setdefault(fresh)
        elif operation == "IMPORT_FROM" and imported is not None:
            fresh = Read("import", imported, (str(value),))
            names.setdefault(fresh)
        elif operation in _STORED and fresh is not None:
            is_top = not fresh.attributes
            aliases[str(value)] = Read("import", fresh.name.partition(".")[0]) if is_top else fresh
            fresh = None
        elif operation == "STORE_GLOBAL":
            changes.setdefault(str(value))
        elif operation.startswith("LOAD_FAST"):
            loaded = value[-1] if isinstance(value, tuple) else value
            chain = aliases.get(str(loaded))
    if chain is not None:
        names.setdefault(chain)


def _digest(code: CodeType) -> str:
    found = blake2b(digest_size=16)
    found.update(f"{sys.implementation.cache_tag} ".encode())
    _add(code, found)
    return found.hexdigest()


def _add(code: CodeType, found: Any) -> None:
    shape = (
        code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & ~_HAS_DOCSTRING,
        code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_code, code.co_exceptiontable,
    )  # fmt: skip
    found.update(repr(shape).encode("utf-8", "surrogatepass"))
    for number, constant in enumerate(code.co_consts):
        if isinstance(constant, CodeType):
            _add(constant, found)
        elif type(constant) is int and constant == code.co_firstlineno and not code.co_flags & CO_OPTIMIZED:
            continue  # from Python 3.13 on the body of a class notes where it stands
        elif number or not _is_docstring(code, constant):
            found.update(_shown(constant).encode("utf-8", "surrogatepass"))
        else:
            found.update(_shown(None).encode())


def _is_docstring(code: CodeType, constant: Any) -> bool:
    """Whether the first constant is only there to be read by people."""
    if not isinstance(constant, str) or code.co_name.startswith("<"):
        return False
    if sys.version_info >= (3, 13):
        return bool(code.co_flags & _HAS_DOCSTRING)
    return True  # a function without one has None there


def _shown(constant: Any) -> str:
    if isinstance(constant, frozenset):
        return f"{{{','.join(sorted(map(_shown, constant)))}}}"
    if isinstance(constant, tuple):
        return f"({','.join(map(_shown, constant))})"
    return f"{type(constant).__name__}:{constant!r}"
