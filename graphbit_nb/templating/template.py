"""A template that was found to be safe, and its rendering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import TemplateError
from graphbit_nb.templating import shortcut, syntax
from graphbit_nb.templating.effort import Effort
from graphbit_nb.templating.evaluator import Evaluator, Turn, Writer
from graphbit_nb.templating.filters import FILTERS, MARK
from graphbit_nb.templating.turns import mark_role_lines, refuse_blank_turns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.templating.reading import Reference


class Template:
    """A template that was found to be safe. Immutable.

    Args:
        source: The text as written.

    Attributes:
        references: What it reads.
        is_divided: Whether lines with a role alone divide it into turns.

    Raises:
        TemplateError: the text does not parse, or uses what is not allowed.
    """

    __slots__ = ("_body", "_roots", "is_divided", "references", "source")

    def __init__(self, source: str) -> None:
        if not isinstance(source, str):
            raise TemplateError(f"a template is a text, not {type(source).__name__}")
        self.source = source
        if MARK in source:
            raise TemplateError("the text has a NUL character", line=source[: source.index(MARK)].count("\n") + 1)
        text = mark_role_lines(source.replace("\r\n", "\n").replace("\r", "\n") if "\r" in source else source)
        self.is_divided = MARK in text
        self._body: list[Any] | str = text
        self.references: tuple[Reference, ...] = ()
        self._roots: dict[int, str] = {}
        if "{{" in text or "{%" in text:
            self._body, self.references, self._roots = shortcut.read(text) or syntax.read(text)
        if self.is_divided:
            refuse_blank_turns(text)

    def render(self, values: Mapping[str, Any]) -> str:
        """Fill the values in and return the text; lines that divide turns are left out.

        Raises:
            MissingInputError: a name has no value.
            TemplateError: a path leads nowhere, or values do not fit what is done with them.
            InputTooLarge: the text would be too long.
        """
        return "\n".join(turn.text for turn in self.turns(values))

    def turns(self, values: Mapping[str, Any]) -> tuple[Turn, ...]:
        """Fill the values in and return the turns. Text before the first dividing line is the user's.

        Raises:
            MissingInputError: a name has no value.
            TemplateError: a path leads nowhere, or values do not fit what is done with them.
            InputTooLarge: the text would be too long.
        """
        writer = Writer(Effort(values, len(self.source)))
        if isinstance(self._body, str):
            writer.literal(self._body)
        else:
            Evaluator(values, self._roots, writer).block(self._body)
        return writer.finish()

    def __repr__(self) -> str:
        return f"Template({self.source!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and self.source == other.source

    def __hash__(self) -> int:
        return hash(self.source)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Template, (self.source,))


class SafeTemplateEngine:
    """The rules for templates as one object, under the name that GraphBit gives it.

    Attributes:
        allowed_functions: Names of the filters that a template may use; nothing else can be called.
    """

    allowed_functions: frozenset[str] = frozenset(FILTERS)

    def parse(self, source: str) -> Template:
        """Check a template and return it. Raises `TemplateError`."""
        return Template(source)

    def render(self, source: str, values: Mapping[str, Any]) -> str:
        """Check and render a template in one go. Raises as `Template` and `Template.render` do."""
        return Template(source).render(values)
