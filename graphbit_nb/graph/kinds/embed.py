"""The `embed` kind: texts become vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.config import LlmConfig
from graphbit_nb.core.llm import EmbedRequest
from graphbit_nb.errors import DefinitionError, OutputError
from graphbit_nb.graph.registry import NodeProcessor
from graphbit_nb.templating import Expression, Template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.registry import NodeInput
    from graphbit_nb.templating import Reference


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedSettings:
    """What an embed node is made of. `whole` is set when the body is nothing but one value."""

    template: Template
    whole: Expression | None = None
    model: str | None = None
    provider: str | LlmConfig | None = None


class EmbedProcessor(NodeProcessor):
    """Turns a text into a vector: a list of floats.

    The body is a template. If it is nothing but one value, such as ``{{ passages }}``, and that is a list of texts,
    the output is a list of vectors, asked for in one call.
    """

    node_type = "embed"
    options = ("model", "provider")
    asks_model = True
    embeds = True

    def prepare(self, body: Any, **options: Any) -> EmbedSettings:
        """Check the template and the options. Raises `DefinitionError`."""
        if not isinstance(body, str) or not body.strip():
            raise DefinitionError("an embed node needs a text, such as '{{ passage }}'")
        model, provider = options.get("model"), options.get("provider")
        if model is not None and not isinstance(model, str):
            raise DefinitionError(f"model={model!r}: give the model's name")
        if provider is not None and not isinstance(provider, str | LlmConfig):
            raise DefinitionError(f"provider={provider!r}: give a provider's name, or an LlmConfig")
        template, text = Template(body), body.strip()
        inner = text.removeprefix("{{").removesuffix("}}")
        is_whole = len(inner) == len(text) - 4 and "{{" not in inner and "}}" not in inner
        return EmbedSettings(template=template, whole=Expression(inner) if is_whole else None, **options)

    def references(self, settings: EmbedSettings) -> tuple[Reference, ...]:
        """Return what the text reads."""
        return settings.template.references

    def render(self, node: Node, values: Mapping[str, Any]) -> str | list[str]:
        """Return the text, or the list of texts."""
        settings: EmbedSettings = node.settings
        if settings.whole is not None:
            value = settings.whole.evaluate(values)
            if isinstance(value, list | tuple):
                for number, item in enumerate(value, start=1):
                    if not isinstance(item, str):
                        raise OutputError(f"item {number} of the list is {type(item).__name__}, not a text to embed")
                return list(value)
        return settings.template.render(values)

    async def process(self, input: NodeInput) -> Any:  # noqa: A002
        """Ask the model for the vectors."""
        texts = input.rendered
        if isinstance(texts, list) and not texts:
            return []
        listed = (texts,) if isinstance(texts, str) else tuple(texts)
        response = await input.services.embed(
            EmbedRequest(texts=listed, model=input.node.settings.model, node=input.path)
        )
        if len(response.vectors) != len(listed):
            raise OutputError(f"{len(listed)} texts were sent and {len(response.vectors)} vectors came back")
        vectors = [list(vector) for vector in response.vectors]
        return vectors[0] if isinstance(texts, str) else vectors
