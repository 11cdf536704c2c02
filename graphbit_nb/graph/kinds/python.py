"""The `python` kind: a function of the user's."""

from __future__ import annotations

import inspect
import keyword
import unicodedata
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from graphbit_nb.errors import DefinitionError, OutputError, did_you_mean
from graphbit_nb.graph.node import RESERVED
from graphbit_nb.graph.registry import NodeInput, NodeProcessor
from graphbit_nb.templating import Reference, Template, look_up

if TYPE_CHECKING:
    from graphbit_nb.graph.node import Node

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


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


@dataclass(frozen=True, slots=True)
class Binding:
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

    def prepare(self, body: Any, **options: Any) -> PythonSettings:
        """Bind the function's parameters. Raises `DefinitionError`."""
        inputs = options.get("inputs")
        if isinstance(body, FreeNames):
            if inputs is not None:
                raise DefinitionError("the body of a cell takes its inputs by name; 'inputs' is for functions")
            bindings = tuple(Binding(ref.name, ref) for ref in body.references)
            return PythonSettings(body, bindings, inspect.iscoroutinefunction(body.bind(())), is_cell=True)
        if not callable(body):
            raise DefinitionError(f"a python node needs a function, not {type(body).__name__}")
        called = body if inspect.isroutine(body) or isinstance(body, type) else type(body).__call__
        is_async = inspect.iscoroutinefunction(body) or inspect.iscoroutinefunction(called)
        return PythonSettings(body, _bind(body, inputs), is_async)

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


def _bind(fn: Callable[..., Any], inputs: Mapping[str, str] | Sequence[str] | None) -> tuple[Binding, ...]:
    try:
        parameters = inspect.signature(fn).parameters
    except (TypeError, ValueError):
        raise DefinitionError(f"the parameters of {fn!r} cannot be read; wrap it in a function of yours") from None
    if isinstance(inputs, str):
        inputs = (inputs,)
    if inputs is None or isinstance(inputs, Mapping):
        return _bind_by_name(parameters, inputs or {})
    return _bind_in_order(parameters, inputs)


def _bind_by_name(parameters: Mapping[str, inspect.Parameter], inputs: Mapping[str, str]) -> tuple[Binding, ...]:
    variadic = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for name in inputs:
        if name not in parameters and not variadic:
            raise DefinitionError(f"the function has no parameter {name!r}{did_you_mean(name, parameters)}")
    bindings = []
    for name, parameter in parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        required = parameter.default is parameter.empty
        reference = _parse_path(inputs[name]) if name in inputs else Reference(name, required=required)
        by_position = parameter.kind is parameter.POSITIONAL_ONLY
        bindings.append(Binding(None if by_position else name, reference, None if required else parameter.default))
    bindings += [Binding(name, _parse_path(path)) for name, path in inputs.items() if name not in parameters]
    return tuple(bindings)


def _bind_in_order(parameters: Mapping[str, inspect.Parameter], inputs: Sequence[str]) -> tuple[Binding, ...]:
    places = [p for p in parameters.values() if p.kind in _POSITIONAL]
    variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters.values())
    if len(inputs) > len(places) and not variadic:
        raise DefinitionError(f"the function takes {len(places)} inputs, and {len(inputs)} are given")
    by_keyword = [p for p in parameters.values() if p.kind is p.KEYWORD_ONLY]
    missing = [p.name for p in (*places[len(inputs) :], *by_keyword) if p.default is p.empty]
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
