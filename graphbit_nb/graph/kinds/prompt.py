"""The `prompt` kind: a template is filled in, a model answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from graphbit_nb.core.config import LlmConfig
from graphbit_nb.core.llm import GenerateRequest, Message
from graphbit_nb.core.outputs import TEXT, OutputType
from graphbit_nb.core.paths import item_number
from graphbit_nb.errors import DefinitionError, GraphbitError, TemplateError, did_you_mean
from graphbit_nb.graph.agents import Agent
from graphbit_nb.graph.kinds.pictures import image_references, image_values, read_images
from graphbit_nb.graph.registry import NodeInput, NodeOutput, NodeProcessor, Prompt
from graphbit_nb.templating import Reference, Template, Turn, to_text

if TYPE_CHECKING:
    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.registry import Repair


ITEM = "item"
MOST_SAMPLES = 1_000_000
SAMPLES_APART = 1000  # between the numbers of two samples' repairs


@dataclass(frozen=True, slots=True)
class Example:
    """One worked example: what is asked (a text, or values for the prompt's own template) and what is answered."""

    asked: str | Mapping[str, Any]
    answered: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSettings:
    """What a prompt node is made of. None is not sent."""

    template: Template
    system: Template | None = None
    examples: tuple[Example, ...] = ()
    model: str | None = None
    provider: str | LlmConfig | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    stop: tuple[str, ...] | None = None
    seed: int | None = None
    sample: int | Literal["item"] | None = None
    images: tuple[Any, ...] = ()

    def parameters(self) -> dict[str, Any]:
        """Return the sampling parameters that were given."""
        names = ("temperature", "max_tokens", "top_p", "stop", "seed", "sample")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class PromptProcessor(NodeProcessor):
    """A prompt for a language model.

    The body is the prompt. ``{{ names }}`` are other nodes or inputs; lines @system, @user and @assistant alone on a
    line divide it into turns.
    """

    node_type = "prompt"
    options: ClassVar[tuple[str, ...]] = (
        "agent", "model", "provider", "system", "examples", "temperature", "max_tokens", "top_p", "stop", "seed",
        "sample", "images",
    )  # fmt: skip
    default_output = TEXT
    asks_model = True

    def prepare(self, body: Any, **options: Any) -> PromptSettings:
        """Check the template and the options. Raises `DefinitionError`."""
        return PromptSettings(**self._prepared(body, options))

    @staticmethod
    def _prepared(body: Any, options: dict[str, Any]) -> dict[str, Any]:
        """Return the values of a prompt's settings. Raises `DefinitionError`."""
        if not isinstance(body, str):
            raise DefinitionError(f"the prompt must be a text, not {type(body).__name__}")
        if not body.strip():
            raise DefinitionError("the prompt is empty")
        options = _with_agent(options)
        stop = options.pop("stop", None)
        system = options.pop("system", None)
        if stop is not None and not isinstance(stop, str | Sequence):
            raise DefinitionError(f"stop={stop!r}: give a text, or a list of texts")
        model, provider = options.get("model"), options.get("provider")
        if model is not None and not isinstance(model, str):
            raise DefinitionError(f"model={model!r}: give the model's name")
        if provider is not None and not isinstance(provider, str | LlmConfig):
            raise DefinitionError(f"provider={provider!r}: give a provider's name, or an LlmConfig")
        template = Template(body)
        if "sample" in options:
            options["sample"] = _checked_sample(options["sample"])
        return {
            **options,
            "template": template,
            "system": None if system is None else _system(system),
            "examples": _read_examples(options.pop("examples", ()), template),
            "images": read_images(options.pop("images", None)),
            "stop": (stop,) if isinstance(stop, str) else None if stop is None else tuple(stop),
        }

    def references(self, settings: PromptSettings) -> tuple[Reference, ...]:
        """Return what the prompt, its system prompt and its pictures read."""
        shown = image_references(settings.images)
        if settings.system is None:
            return settings.template.references + shown
        return settings.template.references + settings.system.references + shown

    def render(self, node: Node, values: Mapping[str, Any]) -> Prompt:
        """Return the messages: system, examples, then the prompt's own turns."""
        settings: PromptSettings = node.settings
        turns = list(settings.template.turns(values))
        head: list[Turn] = []
        if settings.system is not None:
            head.append(settings.system.turns(values)[-1]._replace(role="system"))
        while turns and turns[0].role == "system":
            head.append(turns.pop(0))
        output = node.output or TEXT
        for number, example in enumerate(settings.examples, start=1):
            head += _example_turns(example, number, settings.template, values, output)
        everything = (*head, *turns)
        return Prompt(
            messages=tuple(Message(turn.role, turn.text) for turn in everything),  # type: ignore[arg-type]
            origins=tuple(turn.origins for turn in everything),
            pictures=image_values(settings.images, values),
        )

    async def process(self, input: NodeInput) -> NodeOutput:  # noqa: A002
        """Ask the model."""
        response = await input.services.generate(self._request(input))
        return NodeOutput(response.text, is_text=True)

    def _request(self, input: NodeInput) -> GenerateRequest:  # noqa: A002
        """Return what the model is asked: the prompt, what was said since, and what was wrong with the last answer."""
        settings: PromptSettings = input.node.settings
        output = input.node.output or TEXT
        request = GenerateRequest(
            messages=input.rendered.messages + input.said,
            model=settings.model,
            temperature=settings.temperature,
            max_tokens=settings.max_tokens,
            top_p=settings.top_p,
            stop=settings.stop,
            seed=settings.seed,
            schema=output.schema,
            schema_name=_schema_name(output),
            node=input.path,
            sample=_sample_of(settings.sample, input.path),
        )
        if (repair := input.repair) is not None:
            request = replace(request, sample=request.sample * SAMPLES_APART + repair.number)
            if input.services.model_info().structured_output != "grammar":
                request = replace(request, messages=request.messages + told_again(repair))
        return request


def _checked_sample(sample: Any) -> Any:
    if isinstance(sample, int) and not isinstance(sample, bool) and 0 <= sample <= MOST_SAMPLES:
        return sample
    if isinstance(sample, str) and sample == ITEM:
        return sample
    near = did_you_mean(sample, (ITEM,)) if isinstance(sample, str) else ""
    raise DefinitionError(
        f"sample={sample!r}{near}; give the number of the sample from 0, or 'item' for one of its own for each item "
        "of for_each"
    )


def _sample_of(sample: int | str | None, path: str) -> int:
    """Return which sample of its request a node asks for."""
    if sample != ITEM:
        return int(sample or 0)
    return item_number(path) or 0


def told_again(repair: Repair) -> tuple[Message, ...]:
    """Return the turns that show a model its answer and ask for another."""
    asked = f"That answer cannot be used: {repair.error}\nAnswer again, with nothing but the corrected answer."
    return Message("assistant", repair.text), Message("user", asked)


def _with_agent(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options, and those of the agent where nothing else is said."""
    agent = options.pop("agent", None)
    if agent is None:
        return options
    if not isinstance(agent, Agent):
        raise DefinitionError(f"agent={agent!r}: give an Agent, such as Agent('editor', 'You are a strict editor.')")
    if agent.tools:
        raise DefinitionError(f"the agent {agent.name} has tools, and a prompt calls none; make it an agent node")
    return {**agent.options(), **options}


def _system(text: str) -> Template:
    try:
        template = Template(text)
    except TemplateError as error:
        raise TemplateError(f"in the system prompt: {error.message}") from None
    if template.is_divided:
        raise TemplateError("the system prompt cannot have turns; write lines such as @user in the prompt itself")
    return template


def _schema_name(output: OutputType) -> str:
    return "".join(c if c.isalnum() or c in "_-" else "_" for c in output.label).strip("_")[:64] or "answer"


def _read_examples(examples: Any, template: Template) -> tuple[Example, ...]:
    if isinstance(examples, tuple) and not examples:
        return ()
    if isinstance(examples, str | Mapping) or not isinstance(examples, Sequence):
        raise DefinitionError(
            f"examples must be a list of pairs (what is asked, what is answered), not {type(examples).__name__}"
        )
    read = tuple(_read_example(example, number) for number, example in enumerate(examples, start=1))
    known = {reference.name for reference in template.references}
    for number, example in enumerate(read, start=1):
        if example.answered is None:
            raise DefinitionError(f"example {number} has no answer: it is None")
        for name in example.asked if isinstance(example.asked, Mapping) else ():
            if name not in known:
                raise DefinitionError(f"example {number}: the prompt has no {name!r}{did_you_mean(str(name), known)}")
    return read


def _read_example(example: Any, number: int) -> Example:
    if isinstance(example, Example):
        return example
    if isinstance(example, Mapping) and set(example) == {"user", "assistant"}:
        example = (example["user"], example["assistant"])
    if isinstance(example, str | Mapping) or not isinstance(example, Sequence) or len(example) != 2:
        raise DefinitionError(
            f"example {number} must be a pair (what is asked, what is answered), or a dict with 'user' and 'assistant'"
        )
    asked, answered = example
    if not isinstance(asked, str | Mapping):
        raise DefinitionError(f"example {number}: what is asked must be a text or a dict of the prompt's values")
    return Example(asked, answered)


def _example_turns(
    example: Example, number: int, template: Template, values: Mapping[str, Any], output: OutputType
) -> list[Turn]:
    try:
        if isinstance(example.asked, Mapping):
            asked = template.turns({**values, **example.asked})[-1].text
        else:
            asked = example.asked
        if output.is_text:
            answered = to_text(example.answered)
        elif isinstance(example.answered, str) and _is_json(example.answered, output):
            answered = example.answered
        else:
            answered = output.encode(example.answered)
    except GraphbitError as error:
        raise DefinitionError(f"example {number}: {error}") from None
    return [Turn("user", asked, ()), Turn("assistant", answered, ())]


def _is_json(text: str, output: OutputType) -> bool:
    """Whether an example's answer is already written the way the model should write it."""
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, dict) and (output.wrapper is None or set(found) == {output.wrapper})
