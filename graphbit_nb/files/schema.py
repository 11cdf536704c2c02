"""What a workflow's file holds: the schema of version 1."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    StrictBool,
    StrictInt,
    StrictStr,
    Tag,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from graphbit_nb.graph.arguments import COMMON
from graphbit_nb.graph.registry import BUILT_IN

FORMAT = "graphbit-workflow"
VERSION = 1
TAG = "as:"
"""What the names of alternatives begin with, so that no key of a file is taken for one."""


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("number", "a number is needed")
    try:
        is_finite = math.isfinite(value)
    except OverflowError:  # a whole number that no float is near to
        is_finite = False
    if not is_finite:
        raise PydanticCustomError("number", "a finite number is needed")
    return value


Number = Annotated[Any, PlainValidator(_number, json_schema_input_type=float)]
Names = tuple[StrictStr, ...]


def _sample(value: Any) -> int | str:
    if value != "item" and (isinstance(value, bool) or not isinstance(value, int)):
        raise PydanticCustomError("sample", "a whole number or 'item' is needed")
    return value  # type: ignore[no-any-return]


Sample = Annotated[Any, PlainValidator(_sample, json_schema_input_type=StrictInt | Literal["item"])]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ConfigDocument(_Part):
    """A model to ask. A key is never in a file."""

    provider: StrictStr
    model: StrictStr | None = None
    base_url: StrictStr | None = None
    timeout: Number = 120.0
    total_timeout: Number | None = None
    headers: dict[StrictStr, StrictStr] = {}
    options: dict[StrictStr, Any] = {}
    responses: dict[StrictStr, Any] | None = None


class RetryDocument(_Part):
    """A retry policy."""

    max_attempts: StrictInt = 5
    base_delay: Number = 0.5
    max_delay: Number = 30.0
    backoff_multiplier: Number = 2.0
    jitter: Number = 1.0
    max_time: Number | None = None
    max_attempts_for: dict[StrictStr, StrictInt] = {}


class TypeDocument(_Part):
    """A declared output that no label says: ``dict[str, int]``. `label` is how it is shown, if not so."""

    type: StrictStr
    label: StrictStr | None = None


class FallbackDocument(_Part):
    """What stands in for a node that failed: a model to ask, or several in their order; a value, which may be null."""

    value: Any = None
    ask: ConfigDocument | list[ConfigDocument] | None = None

    @property
    def models(self) -> list[ConfigDocument]:
        """The models to ask."""
        return [] if self.ask is None else self.ask if isinstance(self.ask, list) else [self.ask]

    @model_validator(mode="after")
    def _is_something(self) -> FallbackDocument:
        if not self.models and "value" not in self.model_fields_set:
            raise PydanticCustomError("fallback", "'value' or 'ask' is needed")
        return self


class ExampleDocument(_Part):
    """A worked example. `typed` says that the answer is a value of the node's declared output."""

    asked: StrictStr | dict[StrictStr, Any]
    answered: Any
    typed: StrictBool = False


class ToolDocument(_Part):
    """A tool whose name or description is not its function's own."""

    function: StrictStr
    name: StrictStr | None = None
    description: StrictStr | None = None


def _shape(value: Any) -> str:
    return TAG + ("fields" if isinstance(value, dict | BaseModel) else "plain")


def _either(plain: Any, fields: Any) -> Any:
    return Annotated[
        Annotated[plain, Tag(f"{TAG}plain")] | Annotated[fields, Tag(f"{TAG}fields")], Discriminator(_shape)
    ]


if TYPE_CHECKING:
    Provider = str | ConfigDocument
    Output = str | TypeDocument
    Retry = int | RetryDocument
    Inputs = tuple[str, ...] | dict[str, str]
    ToolItem = str | ToolDocument
else:
    Provider = _either(StrictStr, ConfigDocument)
    Output = _either(StrictStr, TypeDocument)
    Retry = _either(StrictInt, RetryDocument)
    Inputs = _either(Names, dict[StrictStr, StrictStr])
    ToolItem = _either(StrictStr, ToolDocument)


class NodeDocument(_Part):
    """What nodes of every kind have. What is not there has its default."""

    name: StrictStr
    kind: StrictStr
    after: Names = ()
    when: Names = ()
    join: Literal["all", "any"] = "all"
    for_each: StrictStr | None = None
    on_item_error: Literal["fail", "skip"] = "fail"
    concurrency: StrictInt | None = None
    output: Output | None = None
    retry: Retry | None = None
    timeout: Number | None = None
    fallback: FallbackDocument | None = None
    cache: StrictStr | None = None  # a mode, or how old what is taken may be: "3h"

    @model_serializer(mode="wrap")
    def _common_last(self, write: Any) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        return {key: written[key] for key in sorted(written, key=lambda key: key in COMMON)}


class AskingDocument(NodeDocument):
    """What prompts and agents have: a prompt, and what goes along with it to the model."""

    prompt: StrictStr
    system: StrictStr | None = None
    examples: tuple[ExampleDocument, ...] = ()
    model: StrictStr | None = None
    provider: Provider | None = None
    temperature: Number | None = None
    max_tokens: Number | None = None
    top_p: Number | None = None
    stop: Names | None = None
    seed: Number | None = None
    sample: Sample | None = None
    images: Names | None = None


class PromptDocument(AskingDocument):
    """A prompt for a language model."""

    kind: Literal["prompt"]


class AgentDocument(AskingDocument):
    """A prompt whose model may call tools; these are functions of the file's `code`."""

    kind: Literal["agent"]
    tools: tuple[ToolItem, ...] = ()
    max_turns: StrictInt | None = None
    tool_timeout: Number | None = None


class _CodeDocument(NodeDocument):
    """`function` names one of the file's `code`, or is a lambda; `body` is a function's body without its head.

    With a function, `inputs` are what its parameters are bound to; with a body, the names that must have a value.
    """

    function: StrictStr | None = None
    body: StrictStr | None = None
    inputs: Inputs | None = None


class PythonDocument(_CodeDocument):
    """A Python function."""

    kind: Literal["python"]


class ConditionDocument(_CodeDocument):
    """A condition: a template whose text is the label, or code that returns it."""

    kind: Literal["condition"]
    template: StrictStr | None = None


class HumanDocument(NodeDocument):
    """A question to a person."""

    kind: Literal["human"]
    question: StrictStr


class EmbedDocument(NodeDocument):
    """A text, or a list of texts, that becomes vectors."""

    kind: Literal["embed"]
    text: StrictStr
    model: StrictStr | None = None
    provider: Provider | None = None


Connection = Annotated[tuple[StrictStr, ...], Field(min_length=2, max_length=3)]


class InnerDocument(_Part):
    """A workflow: nodes in their order, and connections that no node says.

    A connection is source and target; ``"control"`` as a third says that it is meant for the order alone.
    """

    name: StrictStr
    description: StrictStr | None = None
    nodes: tuple[AnyNode, ...]
    connections: tuple[Connection, ...] = ()


class SubworkflowDocument(NodeDocument):
    """A workflow as one node."""

    kind: Literal["workflow"]
    workflow: InnerDocument
    inputs: dict[StrictStr, StrictStr] = {}
    repeat_until: StrictStr | None = None
    max_iterations: StrictInt | None = None
    carry: dict[StrictStr, StrictStr] = {}
    returns: StrictStr | None = None


class PluginDocument(NodeDocument):
    """A node of a kind that another package brings."""

    body: Any = None
    options: dict[StrictStr, Any] = {}


def _kind(value: Any) -> str:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return TAG + (kind if isinstance(kind, str) and kind in BUILT_IN else "plugin")


AnyNode = Annotated[
    Annotated[PromptDocument, Tag(f"{TAG}prompt")]
    | Annotated[AgentDocument, Tag(f"{TAG}agent")]
    | Annotated[PythonDocument, Tag(f"{TAG}python")]
    | Annotated[ConditionDocument, Tag(f"{TAG}condition")]
    | Annotated[HumanDocument, Tag(f"{TAG}human")]
    | Annotated[EmbedDocument, Tag(f"{TAG}embed")]
    | Annotated[SubworkflowDocument, Tag(f"{TAG}workflow")]
    | Annotated[PluginDocument, Tag(f"{TAG}plugin")],
    Discriminator(_kind),
]


class WorkflowDocument(InnerDocument):
    """A workflow's file.

    Attributes:
        format: What sort of file it is.
        version: The version of the format.
        code: What the code of the nodes needs: imports, constants, functions, classes. Loading it needs trust.
    """

    format: Literal["graphbit-workflow"] = Field(default="graphbit-workflow")
    version: Literal[1] = 1
    code: StrictStr | None = None

    @model_serializer(mode="wrap")
    def _in_order(self, write: Any) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        order = ("format", "version", "name", "description", "code", "nodes", "connections")
        return {key: written[key] for key in order if key in written}


for _document in (InnerDocument, SubworkflowDocument, WorkflowDocument):
    _document.model_rebuild()

BODIES = {
    "agent": "prompt", "prompt": "prompt", "python": "function", "condition": "template", "human": "question",
    "embed": "text", "workflow": "workflow",
}  # fmt: skip
"""The key that holds a node's body, by kind; of other kinds it is ``body``."""

FIELDS: dict[str, type[BaseModel]] = {
    "agent": AgentDocument, "prompt": PromptDocument, "python": PythonDocument, "condition": ConditionDocument,
    "human": HumanDocument, "embed": EmbedDocument, "workflow": SubworkflowDocument,
}  # fmt: skip
"""The schema of a node, by kind; of other kinds it is `PluginDocument`."""


def plain_data(document: WorkflowDocument) -> dict[str, Any]:
    """Return a document as lists and dicts in the order of a file, without what was not given."""
    written: dict[str, Any] = document.model_dump(mode="python", exclude_unset=True)
    head = {"format": FORMAT, "version": VERSION}
    return _listed({**head, **{key: value for key, value in written.items() if key not in head}})  # type: ignore[no-any-return]


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, list | tuple) else value
