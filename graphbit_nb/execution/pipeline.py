"""The four steps of every node: check the inputs, render, process, check the output."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from graphbit_nb.core.limits import size_of
from graphbit_nb.core.soundness import refuse_unsound
from graphbit_nb.errors import MissingInputError, OutputError, TemplateError, UsageError, did_you_mean, nearest
from graphbit_nb.execution.images import images_of
from graphbit_nb.graph.registry import NodeInput, NodeOutput, NodeServices, Prompt, Repair

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.core.limits import InputLimits
    from graphbit_nb.core.llm import Image
    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.registry import NodeProcessor

MAX_REPAIRS = 2


class PipelineServices(NodeServices, Protocol):
    """What the pipeline asks of the engine, beside what a kind may ask."""

    @property
    def limits(self) -> InputLimits:
        """How large things may be."""

    def rendered(self, prompt: Prompt) -> None:
        """Tell that a prompt is complete."""

    def rejected(self, error: OutputError) -> None:
        """Tell that an answer does not fit and that another is asked for."""


async def run_node(
    node: Node, processor: NodeProcessor, path: str, values: Mapping[str, Any], services: PipelineServices
) -> Any:
    """Run one node once and return its output.

    Args:
        node: The node.
        processor: Its kind.
        path: What the run calls it.
        values: Outputs and inputs that are there, by name.
        services: What the engine does for it.

    Raises:
        MissingInputError: a value that the node needs is not there.
        OutputError: the output does not fit its declared type, also after repairs.
        InputTooLarge: the prompt, or the output, is over a limit.
        InvalidTextError: the prompt cannot be sent.
        Exception: whatever the kind raises.
    """
    for reference in node.references:
        if reference.required and not reference.soft and reference.name not in values:
            raise MissingInputError(f"{reference.name!r} has no value", names=(reference.name,))
    rendered = rendered_body(node, processor, values)
    if isinstance(rendered, Prompt):
        if rendered.pictures:
            rendered = shown(rendered, await services.call(images_of, rendered.pictures))
        size = sum(len(message.content) for message in rendered.messages)
        services.limits.refuse("max_prompt_chars", f"the prompt of {path} has {{size}} characters", size)
        services.rendered(rendered)
        refuse_unsound(rendered.messages, rendered.origins)
    given = NodeInput(node=node, path=path, values=values, rendered=rendered, services=services)
    output = node.output or processor.default_output
    while True:
        if processor.is_async:
            produced = await processor.process(given)
        else:
            produced = await services.call(processor.process, given)
            if inspect.isawaitable(produced):
                produced = await produced
        value, is_text = (produced.value, produced.is_text) if isinstance(produced, NodeOutput) else (produced, False)
        if output is None:
            return _checked_size(value, path, services.limits)
        try:
            found = output.parse(value) if is_text else output.check(value)
            return _checked_size(found, path, services.limits)
        except OutputError as error:
            number = given.repair.number + 1 if given.repair else 1
            if not is_text or number > MAX_REPAIRS:
                raise
            services.rejected(error)
            given.repair = Repair(number, str(value), str(error))


def _checked_size(value: Any, path: str, limits: InputLimits) -> Any:
    """Return what a node gave. Raises `InputTooLarge`."""
    if limits.max_output_bytes is not None:
        size = size_of(value, limits.max_output_bytes)
        limits.refuse("max_output_bytes", f"{path} gave {{size}} bytes or more", size)
    return value


def rendered_body(node: Node, processor: NodeProcessor, values: Mapping[str, Any]) -> Any:
    """Fill the values in. Raises whatever the kind raises; lines are those of the place where the node is defined."""
    try:
        return processor.render(node, values)
    except TemplateError as error:
        if error.line is not None and node.origin is not None:
            error.line += node.origin.first_line - 1
        raise


def shown(prompt: Prompt, images: tuple[Image, ...]) -> Prompt:
    """Return the prompt with pictures in what the user says last. Raises `UsageError` when no user speaks."""
    messages = list(prompt.messages)
    for index in reversed(range(len(messages))):
        if messages[index].role == "user":
            messages[index] = replace(messages[index], images=messages[index].images + images)
            return replace(prompt, messages=tuple(messages), pictures=())
    raise UsageError("pictures go with what a user says, and no @user speaks in this prompt")


def checked_inputs(declared: Mapping[str, Any], needed: Mapping[str, bool], given: Mapping[str, Any]) -> dict[str, Any]:
    """Check what a run is given before anything is called.

    Args:
        declared: Every input of the workflow, by name.
        needed: The inputs that this run reads, and whether it can do without.
        given: The values.

    Raises:
        UsageError: a value is given for what is no input.
        MissingInputError: an input has no value.
    """
    for name in given:
        if name not in declared:
            there = f"; there are {', '.join(declared)}" if declared else "; the workflow has none"
            raise UsageError(f"no input {name!r}{did_you_mean(name, declared) or there}")
    missing = tuple(name for name, required in needed.items() if required and name not in given)
    if missing:
        described = []
        for name in missing:
            spec = declared[name]
            near = spec.looks_like or nearest(name, given)
            hint = f"; did you mean {near!r}?" if near else ""
            described.append(f"{name!r} has no value (read by {', '.join(spec.consumers[:5])}){hint}")
        raise MissingInputError("; ".join(described), names=missing)
    return dict(given)
