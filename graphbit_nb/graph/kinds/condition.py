"""The `condition` kind: gives a label, and edges with that label are taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.outputs import label_of
from graphbit_nb.errors import DefinitionError, OutputError
from graphbit_nb.graph.kinds.python import FreeNames, PythonProcessor
from graphbit_nb.templating import Template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.registry import NodeInput
    from graphbit_nb.templating import Reference


@dataclass(frozen=True, slots=True)
class LabelTemplate:
    """A condition without code: a template whose text is the label."""

    template: Template


class ConditionProcessor(PythonProcessor):
    """A condition: gives a label, and nodes with ``when=`` run for their labels only.

    In a cell the body is a function's body that returns the label. In Python it is a function, or a template such as
    ``{% if score >= 8 %}good{% else %}poor{% endif %}``, whose text without blanks around it is the label.
    """

    node_type = "condition"

    def prepare(self, body: Any, **options: Any) -> Any:
        """Bind the function's parameters, or read the template. Raises `DefinitionError`."""
        if not isinstance(body, str):
            if not callable(body) and not isinstance(body, FreeNames):
                raise DefinitionError(f"a condition is a function or a template, not {type(body).__name__}")
            return super().prepare(body, **options)
        if options.get("inputs") is not None:
            raise DefinitionError("a template takes its inputs by name; 'inputs' is for functions")
        return LabelTemplate(Template(body))

    def references(self, settings: Any) -> tuple[Reference, ...]:
        """Return what the condition reads."""
        return settings.template.references if isinstance(settings, LabelTemplate) else super().references(settings)

    def render(self, node: Node, values: Mapping[str, Any]) -> Any:
        """Return the label's text, or the arguments of the function."""
        if isinstance(node.settings, LabelTemplate):
            return node.settings.template.render(values)
        return super().render(node, values)

    async def process(self, input: NodeInput) -> Any:  # noqa: A002
        """Decide, and return the label."""
        if isinstance(input.node.settings, LabelTemplate):
            value: Any = input.rendered.strip()
        else:
            value = await super().process(input)
        if label_of(value) is None:
            raise OutputError(
                f"a condition gives a label: a text, a number, true or false; this is {type(value).__name__}"
            )
        return value
