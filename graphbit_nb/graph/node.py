"""What a node is, before it belongs to a workflow."""

from __future__ import annotations

import keyword
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.outputs import OutputType, output_type
from graphbit_nb.errors import DefinitionError, GraphbitError, TemplateError, UsageError, did_you_mean
from graphbit_nb.graph.registry import ProcessorRegistry, processor_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.templating import Reference

RESERVED = frozenset({"loop", "true", "false", "none", "and", "or", "not", "in", "is", "if", "else", "for"})
CACHE_MODES = ("default", "recompute", "disable", "ignore")


class _Missing:
    """Marks that nothing was given, where None is a value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"

    def __reduce__(self) -> str:
        return "MISSING"


MISSING = _Missing()


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a node was defined.

    Attributes:
        source: The text that defined it, for example the whole cell.
        place: How a person calls that place, for example ``"In [3]"``.
        cell: Id of the cell, the same when the cell is run again.
    """

    source: str
    place: str = ""
    cell: str | None = None


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
class Node(metaclass=_KindsAsConstructors):
    """One step of a workflow. Made by `Node.prompt`, `Node.python` and the like; immutable.

    Attributes:
        name: The node's name, an identifier.
        kind: What sort of step it is.
        settings: What only this kind knows.
        references: The nodes and inputs that it reads.
        after: Nodes that must have succeeded before, without being read.
        output: Type of its output; None when nothing was said.
        retry: Attempts in all, or a policy; None is the executor's.
        timeout: Seconds that one run of the node may take.
        fallback: Value that stands in when the node fails; MISSING when there is none.
        cache: One of the cache's modes; None is the executor's.
        origin: Where it was defined.
    """

    name: str
    kind: str
    settings: Any
    references: tuple[Reference, ...] = ()
    after: tuple[str, ...] = ()
    output: OutputType | None = None
    retry: Any = None
    timeout: float | None = None
    fallback: Any = MISSING
    cache: str | None = None
    origin: Origin | None = field(default=None, repr=False, compare=False)

    @staticmethod
    def prompt(
        name: str,
        template: str,
        *,
        model: str | None = None,
        provider: str | LlmConfig | None = None,
        system: str | None = None,
        examples: Sequence[Any] = (),
        temperature: float | None = None,
        max_tokens: int | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        seed: int | None = None,
        **common: Any,
    ) -> Node:
        """A prompt for a language model.

        Args:
            name: The node's name.
            template: The prompt; ``{{ names }}`` in it are other nodes or inputs of the workflow.
            model: Model to ask; None is the executor's.
            provider: Provider to ask, by name or as a config; None is the executor's.
            system: The system prompt, a template as well.
            examples: Pairs of what is asked and what is answered, shown to the model before the prompt. What is
                asked is a text, or a dict of values with which the prompt itself is rendered.
            temperature: Sent as it is; so are `max_tokens`, `top_p`, `stop` and `seed`. None is not sent.
            max_tokens: Limit on the answer.
            top_p: See `temperature`.
            stop: Text or texts that end the answer.
            seed: See `temperature`.
            **common: `output`, `after`, `retry`, `timeout`, `fallback`, `cache`.

        Raises:
            DefinitionError: the name, the template or an option is not allowed.
        """
        return make_node(
            "prompt", name, template, model=model, provider=provider, system=system, examples=examples,
            temperature=temperature, max_tokens=max_tokens, top_p=top_p, stop=stop, seed=seed, **common,
        )  # fmt: skip

    @staticmethod
    def python(
        name: str,
        fn: Callable[..., Any],
        *,
        inputs: Mapping[str, str] | Sequence[str] | None = None,
        **common: Any,
    ) -> Node:
        """A Python function, plain or async. Plain ones run in a thread of their own.

        Args:
            name: The node's name.
            fn: Its parameters are other nodes or inputs of the workflow, by name.
            inputs: What a parameter is bound to where its name does not say it: a dict of parameter to
                ``"node"`` or ``"node.path"``, or a list in the order of the parameters (further ones go to ``*args``).
            **common: `output`, `after`, `retry`, `timeout`, `fallback`, `cache`.

        Raises:
            DefinitionError: the name, the function or an option is not allowed.
        """
        return make_node("python", name, fn, inputs=inputs, **common)


def make_node(
    kind: str,
    name: str,
    body: Any = None,
    *,
    after: str | Node | Sequence[str | Node] = (),
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
        output: Type of the output, see `graphbit_nb.core.outputs.output_type`.
        retry: Number of attempts in all, or a retry policy.
        timeout: Seconds.
        fallback: Value that stands in when the node fails.
        cache: One of ``default``, ``recompute``, ``disable``, ``ignore``.
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
            known = (*processor.options, "after", "output", "retry", "timeout", "fallback", "cache")
            raise UsageError(f"{name}: a {kind} node has no {key!r}{did_you_mean(key, known)}")
    try:
        prepared = processor.prepare(body, **given)
        references = processor.references(prepared)
        declared = None if output is None else output_type(output, namespace)
        if declared is not None and fallback is not MISSING and fallback is not None:
            fallback = declared.parse(fallback) if isinstance(fallback, str) else declared.check(fallback)
    except GraphbitError as error:
        if isinstance(error, TemplateError):
            error.node = name
        else:
            error.args = (f"{name}: {error}",)
        raise
    return Node(
        name=name,
        kind=kind,
        settings=prepared,
        references=references,
        after=_checked_after(name, after),
        output=declared,
        retry=_checked_retry(name, retry),
        timeout=_checked_timeout(name, timeout),
        fallback=fallback,
        cache=_checked_cache(name, cache),
        origin=origin,
    )


def check_name(name: str) -> str:
    """Return a node's name as Python reads it (NFKC). Raises `DefinitionError` for what ``{{ }}`` could not hold."""
    if not isinstance(name, str) or not name.isidentifier():
        raise DefinitionError(f"{name!r} is no name for a node; use letters, digits and _, such as 'summary_2'")
    if keyword.iskeyword(name) or name in RESERVED or name.startswith("__"):
        raise DefinitionError(f"{name!r} is a word of the language and no name for a node; try '{name.strip('_')}_'")
    return unicodedata.normalize("NFKC", name)


def _checked_after(name: str, after: Any) -> tuple[str, ...]:
    listed = (after,) if isinstance(after, str | Node) else after
    if not isinstance(listed, Iterable):
        raise UsageError(f"{name}: after={after!r}: give the name of a node, or a list of names")
    names = tuple(before.name if isinstance(before, Node) else before for before in listed)
    for before in names:
        if not isinstance(before, str):
            raise UsageError(f"{name}: after={before!r}: give the names of nodes")
    return names


def _checked_retry(name: str, retry: Any) -> Any:
    if retry is None or hasattr(retry, "execute"):
        return retry
    if isinstance(retry, int) and not isinstance(retry, bool) and retry >= 1:
        return retry
    raise UsageError(f"{name}: retry={retry!r}: give the number of attempts in all (1 or more) or a RetryPolicy")


def _checked_timeout(name: str, timeout: float | None) -> float | None:
    if timeout is None or (isinstance(timeout, int | float) and not isinstance(timeout, bool) and timeout > 0):
        return timeout
    raise UsageError(f"{name}: timeout={timeout!r}: give seconds, more than 0")


def _checked_cache(name: str, cache: str | None) -> str | None:
    if cache is None or cache in CACHE_MODES:
        return cache
    raise UsageError(f"{name}: cache={cache!r}{did_you_mean(str(cache), CACHE_MODES)}; one of {', '.join(CACHE_MODES)}")
