"""Single expressions and loop heads in the template language: ``critic.score >= 8``, ``point in outline.points``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import TemplateError
from graphbit_nb.templating.effort import Effort
from graphbit_nb.templating.evaluator import Evaluator, Writer
from graphbit_nb.templating.syntax import Reader, parse, target_names
from graphbit_nb.templating.values import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import nodes

    from graphbit_nb.templating.reading import Reference


_HINT = "; to write it as text"


class Expression:
    """What may stand between ``{{`` and ``}}``. Immutable.

    Args:
        source: The expression as written.

    Attributes:
        references: What it reads.

    Raises:
        TemplateError: it does not parse, or uses what is not allowed.
    """

    __slots__ = ("_node", "references", "source")

    def __init__(self, source: str) -> None:
        self.source = _checked(source)
        body = _parsed("{{ " + self.source + " }}", self.source)
        inner: Sequence[Any] = getattr(body[0], "nodes", ()) if len(body) == 1 else ()
        if len(inner) != 1 or type(inner[0]).__name__ == "TemplateData":
            raise TemplateError(f"{source!r} is not one expression, such as critic.score >= 8")
        self._node: nodes.Node = inner[0]
        self.references = _read(body, self.source)

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """Return the value.

        Raises:
            MissingInputError: a name has no value.
            TemplateError: a path leads nowhere, or values do not fit what is done with them.
        """
        return Evaluator(values, {}, Writer(Effort(values, len(self.source)))).value(self._node)

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.source == other.source

    def __hash__(self) -> int:
        return hash(self.source)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Expression, (self.source,))


class Loop:
    """What may stand between ``{% for`` and ``%}``: ``point in outline.points``, ``q, a in pairs``. Immutable.

    Args:
        source: The loop's head as written.

    Attributes:
        variables: The names that each item is given.
        references: What the list is read from.
        path: The one name or path that it is read from, if it is nothing more.

    Raises:
        TemplateError: it does not parse, or uses what is not allowed.
    """

    __slots__ = ("_list", "path", "references", "source", "variables")

    def __init__(self, source: str) -> None:
        self.source = _checked(source)
        body = _parsed("{% for " + self.source + " %}{% endfor %}", self.source)
        if len(body) != 1 or type(body[0]).__name__ != "For":
            raise TemplateError(f"{source!r} is no loop; write it as 'point in outline.points'")
        self.references = _read(body, self.source)
        self.variables = target_names(body[0].target)  # type: ignore[attr-defined]
        self._list: nodes.Node = body[0].iter  # type: ignore[attr-defined]
        is_path = type(self._list).__name__ in ("Name", "Getattr", "Getitem")
        self.path: Reference | None = self.references[0] if is_path and self.references else None

    def items(self, values: Mapping[str, Any], check: Callable[[int], None] | None = None) -> list[dict[str, Any]]:
        """Return, for each item, the values of the variables.

        Args:
            values: What the template would be given.
            check: Told how many there are before anything is made of them; may refuse that by raising.

        Raises:
            MissingInputError: a name has no value.
            TemplateError: there is no list, or an item does not fit the variables.
        """
        found = Evaluator(values, {}, Writer(Effort(values, len(self.source)))).value(self._list)
        if isinstance(found, str | bytes) or not isinstance(found, Sequence | Mapping | set | frozenset):
            raise TemplateError(f"for_each {self.source!r}: {kind_of(found)} cannot be looped over")
        if check is not None:
            check(len(found))
        if len(self.variables) == 1:
            return [{self.variables[0]: item} for item in found]
        fitted = []
        for number, item in enumerate(found, start=1):
            if isinstance(item, str) or not isinstance(item, Sequence) or len(item) != len(self.variables):
                raise TemplateError(f"for_each {self.source!r}: item {number} does not fit {', '.join(self.variables)}")
            fitted.append(dict(zip(self.variables, item, strict=True)))
        return fitted

    def __repr__(self) -> str:
        return f"Loop({self.source!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Loop) and self.source == other.source

    def __hash__(self) -> int:
        return hash(self.source)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Loop, (self.source,))


def _parsed(text: str, source: str) -> list[nodes.Node]:
    try:
        return parse(text, before=text.index(source)).body
    except TemplateError as error:
        what = "a loop, such as 'point in outline.points'" if text.startswith("{%") else "an expression"
        raise TemplateError(f"{source!r} is not {what}: {_bare(error)}") from None


def _read(body: list[nodes.Node], source: str) -> tuple[Reference, ...]:
    reader = Reader()
    try:
        reader.block(body, frozenset())
    except TemplateError as error:
        raise TemplateError(f"in {source!r}: {_bare(error)}") from None
    return tuple(reader.references)


def _bare(error: TemplateError) -> str:
    """Return what is wrong, without what is only true of a text around it."""
    said = error.message.partition(_HINT)[0]
    return said.partition("begins a template, but ")[2] or said


def _checked(source: str) -> str:
    if not isinstance(source, str) or not source.strip():
        raise TemplateError(f"{source!r} is no expression; give a text such as 'outline.points'")
    if "\0" in source:
        raise TemplateError("the expression has a NUL character")
    return source.strip()
