"""How large prompts and answers will be, in tokens, by what is known of them before anything is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbit_nb.graph.registry import Prompt, processor_of
from graphbit_nb.session.ranges import NONE, ONE, Range
from graphbit_nb.templating import to_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphbit_nb.graph.node import Node
    from graphbit_nb.session.past_calls import PastNode

USUAL_ANSWER = 300.0
USUAL_VALUE = 200.0
USUAL_ITEMS = 3.0
_MESSAGE = Range(2.0, 4.0, 16.0)  # tokens that a message takes beside its text
_REPAIRS = 2.0


def how_many(scopes: list[Any] | None) -> Range:
    """Return how many times a node is run, by what its values are in each."""
    return Range(0.0, USUAL_ITEMS, None) if scopes is None else Range.exactly(float(len(scopes)))


def parts_of(scopes: list[Any] | None, past: PastNode | None) -> Range:
    """Return the same, by past runs where it is not known."""
    if scopes is None and past is not None and past.parts:
        return past.spread(past.parts) or how_many(None)
    return how_many(scopes)


def filled_in(node: Node, values: Mapping[str, Any]) -> Any:
    """Return a prompt with its values filled in; None where they are not there."""
    if any(reference.name not in values for reference in node.references if reference.required):
        return None
    try:
        return processor_of(node.kind).render(node, values)
    except Exception:  # noqa: BLE001 (values are anybody's; what cannot be rendered is not known)
        return None


def tokens_of(text: str) -> Range:
    """Return the tokens of a text, whoever counts them: models differ, by language more than by length."""
    plain = sum(map(str.isascii, text)) if not text.isascii() else len(text)
    other = len(text) - plain
    return Range(plain / 8 + other / 4, plain / 4 + other * 0.7, plain / 2 + other * 2.5)


def size_of(rendered: Any, node: Node) -> Range:
    """Return the tokens of what was rendered, and of what goes with it."""
    if isinstance(rendered, Prompt):
        total = sum((tokens_of(message.content) + _MESSAGE for message in rendered.messages), NONE)
        if rendered.pictures:
            total = total + Range(0.0, 800.0 * len(rendered.pictures), None)
        return total + _beside(node)
    texts = rendered if isinstance(rendered, list) else [rendered]
    return sum((tokens_of(str(text)) + Range(0.0, 2.0, 4.0) for text in texts), NONE)


def _beside(node: Node) -> Range:
    """Return the tokens of what is sent beside the messages: the schema of the answer, what tools there are."""
    length = len(str(node.output.schema)) if node.output is not None and node.output.schema is not None else 0
    length += sum(len(str(tool.spec)) for tool in getattr(node.settings, "tools", ()))
    return Range(0.0, length / 4, length * 1.5) if length else NONE


def known_size(value: Any) -> Range:
    """Return the tokens that a value takes in a prompt."""
    try:
        return tokens_of(to_text(value)).perhaps()
    except Exception:  # noqa: BLE001 (values are anybody's)
        return Range(0.0, USUAL_VALUE, None)


def _texts(node: Node) -> Iterator[str]:
    for name in ("template", "system"):
        template = getattr(node.settings, name, None)
        if template is not None:
            yield template.source


def unrendered(
    node: Node, known: Mapping[str, Any], sizes: Mapping[str, Range], past: PastNode | None
) -> tuple[Range, str]:
    """Return the size of a prompt that cannot be rendered yet, and where that is from."""
    if past is not None and (spread := past.spread(past.input_tokens)) is not None:
        return spread, f"prompt from {past.said}"
    total = sum((tokens_of(text) + _MESSAGE for text in _texts(node)), NONE) + _beside(node)
    unknown = []
    for name in dict.fromkeys(reference.name for reference in node.references):
        if name in known:
            total = total + known_size(known[name])
        elif name in sizes:
            total = total + sizes[name].perhaps()
        else:
            unknown.append(name)
            total = total + Range(0.0, USUAL_VALUE, None)
    read = f"; size of {', '.join(unknown)} unknown" if unknown else ""
    return total, f"prompt guessed from its template{read}"


def calls_of(node: Node, past: PastNode | None) -> Range:
    """Return how many calls one node makes: turns of an agent, answers that do not fit."""
    least = ONE
    if hasattr(node.settings, "max_turns"):
        least = Range(1.0, 2.0, node.settings.max_turns * (1 + _REPAIRS))
    elif node.output is not None and not node.output.is_text:
        least = Range(1.0, 1.0, 1 + _REPAIRS)
    if past is None or not past.calls or past.is_changed:
        return least
    seen = Range(1.0, sum(past.calls) / len(past.calls), max(past.calls))
    return Range(1.0, max(seen.likely, 1.0), max(seen.high or 1.0, least.high or 1.0))


def answer_of(node: Node, past: PastNode | None, *, embeds: bool) -> tuple[Range, str, bool]:
    """Return the tokens of an answer, where that is from, and whether there is a bound or a past."""
    if embeds:
        return NONE, "", True
    most = getattr(node.settings, "max_tokens", None)
    if past is not None and (spread := past.spread(past.output_tokens)) is not None:
        if most is not None:
            spread = Range(min(spread.low, most), min(spread.likely, most), min(spread.high or most, most))
        return spread, f"answer from {past.said}", not past.is_changed
    if most is not None:
        return Range(1.0, min(USUAL_ANSWER, most), float(most)), f"answer unknown: up to max_tokens={most}", True
    return Range(1.0, USUAL_ANSWER, None), "length of the answer unknown, and no max_tokens bounds it", False
