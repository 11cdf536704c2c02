"""A workflow becomes a document, so that reading the document gives an equal workflow; or it is said what hinders."""

from __future__ import annotations

import ast
import dataclasses
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError as PydanticError

from graphbit_nb.core.config import LlmConfig
from graphbit_nb.core.outputs import output_type
from graphbit_nb.errors import DefinitionError, GraphbitError, UsageError, ValidationError
from graphbit_nb.files.annotations import write_type
from graphbit_nb.files.configs import config_data
from graphbit_nb.files.declared import example_data, fallback_data, gives
from graphbit_nb.files.definitions import Definitions
from graphbit_nb.files.names import global_names_of_body
from graphbit_nb.files.problems import Places, schema_problems
from graphbit_nb.files.schema import BODIES, FORMAT, VERSION, WorkflowDocument
from graphbit_nb.files.values import plain
from graphbit_nb.graph.arguments import read_branches
from graphbit_nb.graph.kinds.agent import AgentSettings, own_options
from graphbit_nb.graph.kinds.condition import LabelTemplate
from graphbit_nb.graph.kinds.embed import EmbedSettings
from graphbit_nb.graph.kinds.prompt import PromptSettings
from graphbit_nb.graph.kinds.python import PythonSettings
from graphbit_nb.graph.kinds.workflow import WorkflowSettings
from graphbit_nb.graph.missing import MISSING
from graphbit_nb.graph.registry import BUILT_IN, TemplateSettings, processor_of
from graphbit_nb.graph.tools import tool_of
from graphbit_nb.graph.workflow import Workflow
from graphbit_nb.reliability.retry import RetryPolicy
from graphbit_nb.templating import Expression

if TYPE_CHECKING:
    from graphbit_nb.core.outputs import OutputType
    from graphbit_nb.graph.node import Node

DEEPEST = 12
"""Workflows inside of each other."""


def to_document(workflow: Any) -> WorkflowDocument:
    """Return a workflow as the document that a file holds.

    Raises:
        UsageError: something in it cannot be written so that it is read back as it was; the message names it.
    """
    if not isinstance(workflow, Workflow):
        built = "; call .build() on it first" if hasattr(workflow, "build") else ""
        raise UsageError(f"a Workflow is written, not {type(workflow).__name__}{built}")
    definitions = Definitions()
    data = {"format": FORMAT, "version": VERSION, **_workflow(workflow, definitions, 0)}
    if code := definitions.text():
        data["code"] = code
    try:
        return WorkflowDocument.model_validate(data)
    except PydanticError as error:
        raise ValidationError(schema_problems(error, data, Places(workflow.name))) from None


def node_data(node: Node) -> tuple[dict[str, Any], str]:
    """Return one node as the data of a file, and the code that it needs. Raises as `to_document` does."""
    definitions = Definitions()
    return _node(node, definitions, 0), definitions.text()


def _workflow(workflow: Workflow, definitions: Definitions, depth: int) -> dict[str, Any]:
    if depth > DEEPEST:
        raise UsageError(f"{workflow.name}: workflows inside of each other, more than {DEEPEST} deep")
    data: dict[str, Any] = {"name": plain(workflow.name, "the workflow's name")}
    if workflow.description is not None:
        data["description"] = plain(workflow.description, "the workflow's description")
    data["nodes"] = [_node(node, definitions, depth) for node in workflow.nodes.values()]
    unsure = {warning.place for warning in workflow.warnings if warning.code == "order-only"}
    connections = [
        [edge.source, edge.target, *([] if f"connect({edge.source!r}, {edge.target!r})" in unsure else ["control"])]
        for edge in workflow.edges
        if edge.kind == "control" and edge.source not in workflow.nodes[edge.target].after
    ]
    return data | ({"connections": connections} if connections else {})


def _node(node: Node, definitions: Definitions, depth: int) -> dict[str, Any]:
    data: dict[str, Any] = {"name": node.name, "kind": node.kind}
    settings = node.settings
    match settings:
        case AgentSettings():
            data |= _prompt(node, settings) | _tools(node, settings, definitions)
        case PromptSettings():
            data |= _prompt(node, settings)
        case EmbedSettings():
            data |= {"text": plain(settings.template.source, f"{node.name}.text"), **_model(node.name, settings)}
        case PythonSettings():
            data |= _code(node, settings, definitions)
        case LabelTemplate():
            data["template"] = plain(settings.template.source, f"{node.name}.template")
        case WorkflowSettings():
            data |= _subworkflow(node, settings, definitions, depth)
        case _:
            data |= _other(node)
    return data | _common(node, definitions)


def _common(node: Node, definitions: Definitions) -> dict[str, Any]:
    name = node.name
    data: dict[str, Any] = {
        "after": list(node.after),
        "when": [str(branch) for branch in node.when],
        "for_each": None if node.for_each is None else plain(node.for_each.source, f"{name}.for_each"),
        "concurrency": node.concurrency,
        "output": None if node.output is None else _output(name, node.output, definitions),
        "retry": _retry(name, node.retry),
        "timeout": plain(node.timeout, f"{name}.timeout"),
        "cache": node.cache,
    }
    try:
        read_again = read_branches(name, data["when"])
    except GraphbitError:
        read_again = ()
    if read_again != node.when:
        raise UsageError(f"{name}: when={data['when']} is not read back as it was; use labels without '|' and '='")
    data = {key: value for key, value in data.items() if value not in (None, [])}
    if node.join != "all":
        data["join"] = node.join
    if node.on_item_error != "fail":
        data["on_item_error"] = node.on_item_error
    if node.fallback is not MISSING:
        data["fallback"] = fallback_data(node)
    return data


def _prompt(node: Node, settings: PromptSettings) -> dict[str, Any]:
    name = node.name
    data: dict[str, Any] = {"prompt": plain(settings.template.source, f"{name}.prompt")}
    if settings.system is not None:
        data["system"] = plain(settings.system.source, f"{name}.system")
    if settings.examples:
        data["examples"] = [
            example_data(example, node.output, f"{name}.examples[{number}]")
            for number, example in enumerate(settings.examples)
        ]
    data |= _model(name, settings)
    for key, value in settings.parameters().items():
        data[key] = plain(list(value) if key == "stop" else value, f"{name}.{key}")
    if settings.images:
        data["images"] = [_image(image, name) for image in settings.images]
    return data


def _image(image: Any, name: str) -> str:
    if not isinstance(image, Expression):
        raise UsageError(f"{name}.images: a picture itself is not written to a file; make it an input of the workflow")
    source: str = image.source
    return source


def _tools(node: Node, settings: AgentSettings, definitions: Definitions) -> dict[str, Any]:
    written: list[Any] = []
    for tool in settings.tools:
        place = f"{node.name}.tools: {tool.name}"
        function = plain(definitions.add_function(tool.fn, place), place)
        try:
            own = tool_of(tool.fn)
            said = (own.name, own.description)
        except DefinitionError:  # a function without a name that a model could call it by
            said = ("", tool_of(tool.fn, name=tool.name).description)
        told = dict(zip(("name", "description"), (tool.name, tool.description), strict=True))
        changed = {key: plain(text, place) for (key, text), was in zip(told.items(), said, strict=True) if text != was}
        written.append({"function": function, **changed} if changed else function)
    return {
        "tools": written,
        **{key: plain(value, f"{node.name}.{key}") for key, value in own_options(settings).items()},
    }


def _model(name: str, settings: Any) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if settings.model is not None:
        data["model"] = plain(settings.model, f"{name}.model")
    if isinstance(settings.provider, LlmConfig):
        data["provider"] = config_data(settings.provider, f"{name}.provider")
    elif settings.provider is not None:
        data["provider"] = plain(settings.provider, f"{name}.provider")
    return data


def _code(node: Node, settings: PythonSettings, definitions: Definitions) -> dict[str, Any]:
    fn, name = settings.fn, node.name
    if settings.is_cell:
        text = getattr(fn, "source", None)
        if not isinstance(text, str):
            raise UsageError(f"{name}: the source of {fn!r} is not known")
        must = [reference.name for reference in fn.references if not reference.soft]
        needed = [found for found in global_names_of_body(ast.parse(text).body) if found not in must]
        definitions.add_body(text, needed, fn.bind(()).__globals__, name)
        return {"body": plain(text, f"{name}.body"), **({"inputs": must} if must else {})}
    inputs = _inputs(node, settings)
    function = definitions.add_function(fn, name)
    return {"function": plain(function, f"{name}.function"), **({} if inputs is None else {"inputs": inputs})}


def _inputs(node: Node, settings: PythonSettings) -> dict[str, str] | list[str] | None:
    """Return the ``inputs=`` that binds the function as it is bound."""
    processor = processor_of(node.kind)
    bindings = settings.bindings
    by_name = _bound(processor, settings.fn, None) or ()
    if by_name == bindings:
        return None
    parameters = [binding.reference.name for binding in by_name]
    parameters += [binding.parameter or "" for binding in bindings[len(by_name) :]]
    listed = [str(binding.reference) for binding in bindings]
    everything = dict(zip(parameters, listed, strict=False))
    changed = {
        name: everything[name]
        for number, (name, binding) in enumerate(zip(parameters, bindings, strict=False))
        if binding not in by_name[number : number + 1]
    }
    for inputs in (changed, everything, listed):
        if _bound(processor, settings.fn, inputs) == bindings:
            return inputs
    raise UsageError(
        f"{node.name}: the inputs of its function cannot be written so that they are read back as they were"
    )


def _bound(processor: Any, fn: Any, inputs: Any) -> tuple[Any, ...] | None:
    try:
        bindings: tuple[Any, ...] = processor.prepare(fn, inputs=inputs).bindings
    except DefinitionError:
        return None
    return bindings


def _subworkflow(node: Node, settings: WorkflowSettings, definitions: Definitions, depth: int) -> dict[str, Any]:
    try:
        inner = _workflow(settings.workflow, definitions, depth + 1)
    except UsageError as error:
        raise UsageError(f"{node.name}: {error}") from None
    data: dict[str, Any] = {"workflow": inner}
    if settings.bindings:
        data["inputs"] = {name: expression.source for name, expression in settings.bindings.items()}
    if settings.repeat_until is not None:
        data |= {"repeat_until": settings.repeat_until.source, "max_iterations": settings.max_iterations}
    if settings.carry:
        data["carry"] = dict(settings.carry)
    if settings.returns is not None:
        data["returns"] = settings.returns
    written: dict[str, Any] = plain(data, node.name)
    return written


def _other(node: Node) -> dict[str, Any]:
    settings, name = node.settings, node.name
    if isinstance(settings, TemplateSettings):
        body, options = settings.template.source, settings.options
    elif (describe := getattr(processor_of(node.kind), "describe", None)) is not None:
        body, options = describe(settings)
    else:
        raise UsageError(
            f"{name}: nodes of the kind {node.kind!r} cannot be written: its processor has no describe(settings) "
            "that returns the body and the options they are made of"
        )
    if node.kind in BUILT_IN:
        return {BODIES[node.kind]: plain(body, f"{name}.{BODIES[node.kind]}")}
    data: dict[str, Any] = {} if body is None else {"body": plain(body, f"{name}.body")}
    return data | ({"options": plain(dict(options), f"{name}.options")} if options else {})


def _output(name: str, output: OutputType, definitions: Definitions) -> Any:
    if gives(lambda: output_type(output.label), output):
        return plain(output.label, f"{name}.output")
    try:
        text, classes = write_type(output.annotation)
        for class_name, cls in classes.items():
            definitions.add_class(class_name, cls, f"{name}.output")
    except UsageError as error:
        raise UsageError(f"{name}.output: {str(error).removeprefix(f'{name}.output: ')}") from None
    if text == output.label and gives(lambda: output_type(text, classes), output):
        return text
    data = {"type": text}
    return data | ({"label": output.label} if output_type(output.annotation).label != output.label else {})


def _retry(name: str, retry: Any) -> Any:
    if retry is None or type(retry) is int:
        return retry
    if type(retry) is not RetryPolicy:
        raise UsageError(f"{name}.retry: a {type(retry).__name__} cannot be written to a file; use a RetryPolicy")
    data = {field.name: getattr(retry, field.name) for field in dataclasses.fields(retry)}
    data["max_attempts_for"] = {kind.__name__: count for kind, count in retry.max_attempts_for.items()}
    for field in ("max_time", "max_attempts_for"):  # most policies say nothing of them
        if not data[field]:
            del data[field]
    return plain(data, f"{name}.retry")
