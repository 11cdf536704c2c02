"""What a node is, before it belongs to a workflow."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.outputs import OutputType, output_type
from graphbit_nb.errors import GraphbitError, TemplateError, UsageError, did_you_mean
from graphbit_nb.graph.arguments import (
    COMMON,
    ITEM_ERRORS,
    JOINS,
    Branch,
    check_name,
    checked_after,
    checked_cache,
    checked_concurrency,
    checked_retry,
    checked_timeout,
    one_of,
    outside,
    read_branches,
    refuse_task_arguments,
)
from graphbit_nb.graph.constructors import Constructors
from graphbit_nb.graph.fallback import checked_fallback
from graphbit_nb.graph.missing import MISSING
from graphbit_nb.graph.registry import ProcessorRegistry, processor_of
from graphbit_nb.templating import Loop, Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a node was defined.

    Attributes:
        source: The text that defined it, for example the whole cell.
        place: How a person calls that place, for example ``"In [3]"``.
        cell: Id of the cell, the same when the cell is run again.
        first_line: Line of the source on which the body begins.
    """

    source: str
    place: str = ""
    cell: str | None = None
    first_line: int = 1


class _KindsAsConstructors(type):
    """Gives `Node.KIND(...)` for every registered kind."""

    def __getattr__(cls, kind: str) -> Callable[..., Node]:
        if kind.startswith("_"):
            raise AttributeError(kind)
        processor = ProcessorRegistry.find(kind)
        if processor is None:
            raise AttributeError(f"no kind of node {kind!r}{did_you_mean(kind, ProcessorRegistry.kinds())}")

        def construct(name: str, body: Any = None, /, **arguments: Any) -> Node:
            return make_node(kind, name, body, **arguments)

        construct.__name__ = kind
        construct.__doc__ = type(processor).__doc__
        return construct

    def __dir__(cls) -> list[str]:
        return sorted({*super().__dir__(), *ProcessorRegistry.kinds()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Node(Constructors, metaclass=_KindsAsConstructors):
    """One step of a workflow. Made by `Node.prompt`, `Node.python` and the like; immutable.

    Attributes:
        name: The node's name, an identifier.
        kind: What sort of step it is.
        settings: What only this kind knows.
        references: The nodes and inputs that it reads.
        after: Nodes that must have succeeded before, without being read.
        when: Labels that other nodes must have given for this one to run.
        join: ``"all"`` of the edges that lead here must be taken, or ``"any"`` of them, once all are decided; what a
            skipped branch would have given is none then.
        for_each: The list whose items the node is run for, each by itself; the output is the list of the results.
        on_item_error: ``"fail"`` makes the node fail when an item did, after all have ended; ``"skip"`` leaves the
            failed items out of the results.
        concurrency: How many of the node's items may work at the same time; None is as many as there are slots.
        output: Type of its output, of an item's with `for_each`; None when nothing was said.
        retry: Attempts in all, or a policy; None is the executor's.
        timeout: Seconds that one run of the node may take.
        fallback: Value that stands in when the node fails, the model that is asked instead, or `Fallbacks`; MISSING
            when there is none. With `for_each`, `retry`, `timeout` and `fallback` are those of an item.
        cache: What is done with remembered answers, see `CacheMode`: a mode, or how old they may be, such as ``"3h"``;
            None is the executor's.
        origin: Where it was defined.
    """

    name: str
    kind: str
    settings: Any
    references: tuple[Reference, ...] = ()
    after: tuple[str, ...] = ()
    when: tuple[Branch, ...] = ()
    join: str = "all"
    for_each: Loop | None = None
    on_item_error: str = "fail"
    concurrency: int | None = None
    output: OutputType | None = None
    retry: Any = None
    timeout: float | None = None
    fallback: Any = MISSING
    cache: str | None = None
    origin: Origin | None = field(default=None, repr=False, compare=False)


_SETTERS = tuple(Node.__dict__[member.name].__set__ for member in fields(Node))


def _assembled(*values: Any) -> Node:
    """Return a node of these values, in the order of its fields.

    The constructor of a frozen dataclass looks up each field anew to set it, which takes five times as long.
    """
    node = object.__new__(Node)
    for put, value in zip(_SETTERS, values, strict=True):
        put(node, value)
    return node


def make_node(
    kind: str,
    name: str,
    body: Any = None,
    *,
    after: str | Node | Sequence[str | Node] = (),
    when: str | Sequence[str] = (),
    join: str = "all",
    for_each: str | Loop | None = None,
    on_item_error: str = "fail",
    concurrency: int | None = None,
    output: Any = None,
    retry: Any = None,
    timeout: float | None = None,
    fallback: Any = MISSING,
    cache: str | None = None,
    origin: Origin | None = None,
    namespace: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Node:
    """Make a node of any registered kind.

    Args:
        kind: Name of the kind.
        name: Name of the node.
        body: What the kind works with: a template, a function.
        after: Nodes that come before, or their names, without being read.
        when: ``"node=label"``, or a list of such: the node runs only if the other has given that label;
            ``"node=a|b"`` for either of two.
        join: ``"all"`` or ``"any"``, see `Node`.
        for_each: ``"point in outline.points"``: run once for each item.
        on_item_error: ``"fail"`` or ``"skip"``, see `Node`.
        concurrency: How many items may work at the same time.
        output: Type of the output, see `graphbit_nb.core.outputs.output_type`.
        retry: Number of attempts in all, or a retry policy.
        timeout: Seconds.
        fallback: Value that stands in when the node fails, an `LlmConfig` to ask instead, or a list of such, which
            are asked one after the other; its last item may be a value.
        cache: One of ``default``, ``recompute``, ``disable``, ``ignore``, or how old a remembered answer may be:
            ``"90s"``, ``"3h"``, ``"1D"``.
        origin: Where it is defined.
        namespace: Where `output` looks up the names of classes.
        **settings: What only this kind knows; None is the same as not given.

    Raises:
        DefinitionError: something is not allowed; the message begins with the node's name.
    """
    processor = processor_of(kind)
    name = check_name(name)
    given = {key: value for key, value in settings.items() if value is not None}
    for key in given:
        if key not in processor.options:
            known = (*processor.options, *COMMON)
            article = "an" if kind[0] in "aeiou" else "a"
            raise UsageError(f"{name}: {article} {kind} node has no {key!r}{did_you_mean(key, known)}")
    if processor.runs_as != "task":
        refuse_task_arguments(name, kind, retry, None if processor.runs_as == "nodes" else timeout)
    try:
        prepared = processor.prepare(body, **given)
        references = processor.references(prepared)
        loop = for_each if for_each is None or isinstance(for_each, Loop) else Loop(for_each)
        if loop is not None:
            references = outside(references, loop)
        elif isinstance(on_item_error, str) and on_item_error == "skip":
            raise UsageError("on_item_error='skip' is for the items of for_each, and there is none")
        declared = None if output is None else output_type(output, namespace)
        if fallback is not MISSING:
            fallback = checked_fallback(fallback, declared, asks_model=processor.asks_model)
    except GraphbitError as error:
        if isinstance(error, TemplateError):
            error.node = name
        else:
            error.args = (f"{name}: {error}",)
        raise
    return _assembled(
        name,
        kind,
        prepared,
        references,
        () if type(after) is tuple and not after else checked_after(name, after),
        () if type(when) is tuple and not when else read_branches(name, when),
        one_of(name, "join", join, JOINS),
        loop,
        one_of(name, "on_item_error", on_item_error, ITEM_ERRORS),
        None if concurrency is None else checked_concurrency(name, concurrency),
        declared,
        checked_retry(name, retry),
        checked_timeout(f"{name}: timeout", timeout),
        fallback,
        checked_cache(name, cache),
        origin,
    )
