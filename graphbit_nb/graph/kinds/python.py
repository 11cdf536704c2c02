"""The `python` kind: a function of the user's."""

from __future__ import annotations

import inspect
import keyword
import unicodedata
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

from graphbit_nb.errors import DefinitionError, OutputError, did_you_mean
from graphbit_nb.graph.arguments import RESERVED
from graphbit_nb.graph.missing import MISSING
from graphbit_nb.graph.registry import NodeInput, NodeProcessor
from graphbit_nb.templating import Reference, Template, look_up

if TYPE_CHECKING:
    from graphbit_nb.graph.node import Node

Kind = Literal["position", "either", "rest", "keyword", "named rest"]
_KINDS: dict[Any, Kind] = {
    inspect.Parameter.POSITIONAL_ONLY: "position",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "either",
    inspect.Parameter.VAR_POSITIONAL: "rest",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.VAR_KEYWORD: "named rest",
}


class Parameter(NamedTuple):
    """A parameter of a function: how it can be given, and the default, or MISSING."""

    name: str
    kind: Kind
    default: Any = MISSING


@runtime_checkable
class FreeNames(Protocol):
    """Code that takes whichever of its free names the workflow can give: the body of a cell.

    Attributes:
        references: Its free names; soft ones may as well be variables of the notebook.
    """

    references: tuple[Reference, ...]

    def bind(self, names: tuple[str, ...]) -> Callable[..., Any]:
        """Return a function with these parameters."""
        ...


class Binding(NamedTuple):
    """A parameter and what it is bound to; the parameter of a positional binding is None.

    `default` stands in its place when there is no value; a parameter that has a name keeps its own.
    """

    parameter: str | None
    reference: Reference
    default: Any = None


@dataclass(frozen=True, slots=True)
class PythonSettings:
    """What a python node is made of."""

    fn: Any
    bindings: tuple[Binding, ...]
    is_async: bool
    is_cell: bool = False

    def __repr__(self) -> str:
        return f"PythonSettings({getattr(self.fn, '__qualname__', self.fn)})"


class PythonProcessor(NodeProcessor):
    """A Python function.

    In a cell the body is a function's body: free names that are nodes are their outputs, ``return`` gives the node's
    output, and ``await`` works.
    """

    node_type = "python"
    options = ("inputs",)
    body = "code"

    def prepare(self, body: Any, **options: Any) -> PythonSettings:
        """Bind the function's parameters. Raises `DefinitionError`."""
        inputs = options.get("inputs")
        if _is_plain(body):
            is_async = bool(body.__code__.co_flags & inspect.CO_COROUTINE)
            return PythonSettings(body, _bind(_parameters_of_plain(body), inputs), is_async)
        if isinstance(body, FreeNames):
            if inputs is not None:
                raise DefinitionError("the body of a cell takes its inputs by name; 'inputs' is for functions")
            bindings = tuple(Binding(ref.name, ref) for ref in body.references)
            return PythonSettings(body, bindings, inspect.iscoroutinefunction(body.bind(())), is_cell=True)
        if not callable(body):
            raise DefinitionError(f"a python node needs a function, not {type(body).__name__}")
        called = body if inspect.isroutine(body) or isinstance(body, type) else type(body).__call__
        is_async = inspect.iscoroutinefunction(body) or inspect.iscoroutinefunction(called)
        return PythonSettings(body, _bind(_parameters(body), inputs), is_async)

    def references(self, settings: PythonSettings) -> tuple[Reference, ...]:
        """Return what the function's parameters are bound to."""
        return tuple(binding.reference for binding in settings.bindings)

    def render(self, node: Node, values: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return the positional and the keyword arguments of the call."""
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for binding in node.settings.bindings:
            reference = binding.reference
            if reference.name not in values:  # an optional parameter: whatever is required was checked before
                if binding.parameter is None:
                    args.append(binding.default)
                continue
            value = values[reference.name]
            for key in reference.path:
                value = look_up(value, key)
            if binding.parameter is None:
                args.append(value)
            else:
                kwargs[binding.parameter] = value
        return args, kwargs

    async def process(self, input: NodeInput) -> Any:  # noqa: A002
        """Call the function: an async one on the loop, a plain one in a thread."""
        settings: PythonSettings = input.node.settings
        args, kwargs = input.rendered
        fn = settings.fn.bind(tuple(kwargs)) if settings.is_cell else settings.fn
        if settings.is_async:
            return await fn(*args, **kwargs)
        value = await input.services.call(fn, *args, **kwargs)
        if isinstance(value, Awaitable):
            return await value
        if isinstance(value, Generator | AsyncGenerator):
            raise OutputError("the function gives a generator, which can be read once only; return a list")
        return value


def _is_plain(fn: Any) -> bool:
    """Whether its code says everything about a function; what decorators say of it stands in its attributes."""
    return type(fn) is FunctionType and not fn.__dict__


def _parameters_of_plain(fn: FunctionType) -> list[Parameter]:
    """Read the code instead of asking `inspect.signature`, which takes ten times as long."""
    code = fn.__code__
    names, count, flags = code.co_varnames, code.co_argcount, code.co_flags
    defaults, by_keyword = fn.__defaults__ or (), fn.__kwdefaults__ or {}
    first_default = count - len(defaults)
    found = []
    for at, name in enumerate(names[:count]):
        kind: Kind = "position" if at < code.co_posonlyargcount else "either"
        found.append(Parameter(name, kind, defaults[at - first_default] if at >= first_default else MISSING))
    end = count + code.co_kwonlyargcount
    if flags & inspect.CO_VARARGS:
        found.append(Parameter(names[end], "rest"))
    found += [Parameter(name, "keyword", by_keyword.get(name, MISSING)) for name in names[count:end]]
    if flags & inspect.CO_VARKEYWORDS:
        found.append(Parameter(names[end + bool(flags & inspect.CO_VARARGS)], "named rest"))
    return found


def _parameters(fn: Callable[..., Any]) -> list[Parameter]:
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (TypeError, ValueError):
        raise DefinitionError(f"the parameters of {fn!r} cannot be read; wrap it in a function of yours") from None
    return [Parameter(p.name, _KINDS[p.kind], MISSING if p.default is p.empty else p.default) for p in parameters]


def _bind(parameters: list[Parameter], inputs: Mapping[str, str] | Sequence[str] | None) -> tuple[Binding, ...]:
    if inputs is None:
        return _bind_by_name(parameters, {})
    if isinstance(inputs, Mapping):
        return _bind_by_name(parameters, inputs)
    if isinstance(inputs, str):
        inputs = (inputs,)
    if not isinstance(inputs, Sequence):
        raise DefinitionError(f"inputs={inputs!r}: give a dict of parameters, or a list of names in their order")
    return _bind_in_order(parameters, inputs)


def _bind_by_name(parameters: list[Parameter], inputs: Mapping[str, str]) -> tuple[Binding, ...]:
    names = [parameter.name for parameter in parameters]
    others = [name for name in inputs if name not in names]
    if others and not any(parameter.kind == "named rest" for parameter in parameters):
        raise DefinitionError(f"the function has no parameter {others[0]!r}{did_you_mean(others[0], names)}")
    bindings = []
    for name, kind, default in parameters:
        if kind in ("rest", "named rest"):
            continue
        required = default is MISSING
        reference = _parse_path(inputs[name]) if name in inputs else Reference(name, required=required)
        bindings.append(Binding(None if kind == "position" else name, reference, None if required else default))
    bindings += [Binding(name, _parse_path(inputs[name])) for name in others]
    return tuple(bindings)


def _bind_in_order(parameters: list[Parameter], inputs: Sequence[str]) -> tuple[Binding, ...]:
    places = [p for p in parameters if p.kind in ("position", "either")]
    if len(inputs) > len(places) and not any(p.kind == "rest" for p in parameters):
        raise DefinitionError(f"the function takes {len(places)} inputs, and {len(inputs)} are given")
    by_keyword = [p for p in parameters if p.kind == "keyword"]
    missing = [p.name for p in (*places[len(inputs) :], *by_keyword) if p.default is MISSING]
    if missing:
        raise DefinitionError(f"no input is given for the parameter {missing[0]!r}")
    return tuple(Binding(None, _parse_path(path)) for path in inputs)


def _parse_path(text: str) -> Reference:
    """Read ``node.path[0]`` with the rules of templates."""
    if isinstance(text, str) and text.isidentifier() and text not in RESERVED and not keyword.iskeyword(text):
        return Reference(unicodedata.normalize("NFKC", text))
    references = Template("{{ " + str(text) + " }}").references
    if len(references) != 1 or str(text).strip() != str(references[0]).strip():
        raise DefinitionError(f"{text!r} is no input; give the name of a node, or a path such as 'facts.people[0]'")
    return references[0]
