"""A document becomes a workflow, or everything that is wrong with it is said at once, each with its place."""

from __future__ import annotations

import dataclasses
import re
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError as PydanticError

from graphbit_nb import errors
from graphbit_nb.core.outputs import OutputType, output_type
from graphbit_nb.errors import GraphbitError, OutputTypeError, Problem, UsageError, ValidationError, did_you_mean
from graphbit_nb.files import schema
from graphbit_nb.files.annotations import read_type
from graphbit_nb.files.bodies import FileBody
from graphbit_nb.files.configs import config_of
from graphbit_nb.files.loaded import LoadedCode
from graphbit_nb.files.problems import PLUGIN_HINT, Places, schema_problems
from graphbit_nb.files.trust import demand_trust
from graphbit_nb.graph.builder import WorkflowBuilder
from graphbit_nb.graph.kinds.prompt import Example
from graphbit_nb.graph.missing import MISSING
from graphbit_nb.graph.node import make_node
from graphbit_nb.graph.registry import BUILT_IN, processor_of
from graphbit_nb.graph.tools import tool_of
from graphbit_nb.reliability.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphbit_nb.files.problems import Path
    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.tools import Tool
    from graphbit_nb.graph.workflow import Workflow

_OF_PROMPTS = (
    "system", "examples", "model", "temperature", "max_tokens", "top_p", "stop", "seed", "sample", "images",
)  # fmt: skip
_OF_AGENTS = ("max_turns", "tool_timeout")
_OF_WORKFLOWS = ("inputs", "repeat_until", "max_iterations", "carry", "returns")


def read_document(data: Any, places: Places) -> schema.WorkflowDocument:
    """Check plain data against the schema.

    Raises:
        ValidationError: it does not fit; every place is named.
    """
    if not isinstance(data, dict):
        raise UsageError(f"{places.name}: this is no workflow: it holds {_sort(data)} where keys and values are needed")
    if data.get("format") != schema.FORMAT:
        told = f"format is {data['format']!r}" if "format" in data else "there is no format"
        raise UsageError(f"{places.of(('format',))}: {told}; a workflow's file says format: {schema.FORMAT}")
    version = data.get("version")
    if isinstance(version, bool) or not isinstance(version, int):
        told = f"version is {version!r}" if "version" in data else "there is no version"
        raise UsageError(f"{places.of(('version',))}: {told}; this graphbit_nb reads version {schema.VERSION}")
    if version != schema.VERSION:
        ours = f"this graphbit_nb ({installed_version('graphbit-nb')}) reads version {schema.VERSION}"
        advice = "; install a newer one" if version > schema.VERSION else ""
        raise UsageError(f"{places.of(('version',))}: the file is of version {version}, and {ours}{advice}")
    try:
        return schema.WorkflowDocument.model_validate(data)
    except PydanticError as error:
        raise ValidationError(schema_problems(error, data, places)) from None


def from_document(
    document: schema.WorkflowDocument,
    *,
    trust: bool = False,
    namespace: dict[str, Any] | None = None,
    places: Places | None = None,
) -> Workflow:
    """Return the workflow that a document describes.

    Args:
        document: What `to_document` gave, or a file holds.
        trust: Whether its code may be run and its addresses used.
        namespace: Where its code is run; None is a module of its own. Types of outputs are looked up here as well.
        places: How places of it are called in messages.

    Raises:
        UntrustedCodeError: it has code or addresses, and `trust` is not given.
        ValidationError: it is not sound; `.problems` lists everything.
    """
    if not isinstance(document, schema.WorkflowDocument):
        raise UsageError(f"a WorkflowDocument is needed, not {type(document).__name__}")
    places = places or Places(document.name)
    if not trust:
        demand_trust(document, places)
    try:
        code = LoadedCode(places.name, document.code, namespace) if trust else None
    except GraphbitError as error:
        raise ValidationError([places.problem(("code",), str(error), code="code")]) from error
    return _Reader(code, namespace or {}, places).workflow(document, ())


class _Reader:
    """Makes the nodes of a document and of the workflows in it."""

    def __init__(self, code: LoadedCode | None, namespace: dict[str, Any], places: Places) -> None:
        self._code = code
        self._namespace = namespace if code is None else code.namespace
        self._places = places

    def workflow(self, document: schema.InnerDocument, path: Path) -> Workflow:
        problems: list[Problem] = []
        nodes: list[Node] = []
        for number, part in enumerate(document.nodes):
            at = (*path, "nodes", number)
            try:
                nodes.append(self._node(part, at))
            except ValidationError as error:
                problems += error.problems
            except GraphbitError as error:
                problems.append(self._problem(error, part, at))
        if problems:
            raise ValidationError(problems)
        try:
            builder = WorkflowBuilder(document.name, document.description)
        except UsageError as error:
            raise ValidationError([self._places.problem((*path, "name"), str(error))]) from None
        for node in nodes:
            builder.add_node(node)
        for number, (source, target, *edge) in enumerate(document.connections):
            try:
                builder.connect(source, target, *edge)  # type: ignore[arg-type]
            except UsageError as error:
                raise ValidationError([self._places.problem((*path, "connections", number), str(error))]) from None
        try:
            return builder.build()
        except ValidationError as error:
            raise ValidationError(self._placed(error.problems, document, path)) from None

    def _problem(self, error: GraphbitError, part: schema.NodeDocument, path: Path) -> Problem:
        told = str(error)
        remedy = PLUGIN_HINT if told.startswith("no kind of node") else None
        key = _key_of(told, part)
        return self._places.problem((*path, key) if key else path, told, code="node", remedy=remedy)

    def _placed(self, problems: Iterable[Problem], document: schema.InnerDocument, path: Path) -> list[Problem]:
        """Say of what is wrong with the whole where in the file it is."""
        numbers = {part.name: number for number, part in enumerate(document.nodes)}
        placed = []
        for problem in problems:
            told = problem.place or ""
            at: Path = path
            if told.startswith("connect("):
                at = (*path, "connections")
            elif problem.node in numbers:
                key = told.partition("=")[0]
                at = (
                    *path,
                    "nodes",
                    numbers[problem.node],
                    *([key] if key in schema.NodeDocument.model_fields else []),
                )
            placed.append(dataclasses.replace(problem, node=None, place=self._places.of(at), message=_named(problem)))
        return placed

    # ---- one node

    def _node(self, part: schema.NodeDocument, path: Path) -> Node:
        processor = processor_of(part.kind)
        body, settings = self._settings(part, path)
        if part.kind not in BUILT_IN:
            for name in settings:
                if name not in processor.options:
                    near = did_you_mean(name, processor.options)
                    raise UsageError(f"{part.name}: options: a {part.kind} node has no {name!r}{near}")
        output = None if part.output is None else self._output(part)
        if isinstance(part, schema.AskingDocument) and "examples" in settings:
            settings["examples"] = [_example(example, output) for example in settings["examples"]]
        common = {key: getattr(part, key) for key in ("after", "when", "join", "for_each", "on_item_error")}
        arguments = {key: getattr(part, key) for key in ("concurrency", "timeout", "cache")}
        retry: Any = part.retry
        if isinstance(retry, schema.RetryDocument):
            retry = _policy(part.name, retry)
        fallback: Any = MISSING
        if part.fallback is not None:
            models = [config_of(model) for model in part.fallback.models]
            last = [part.fallback.value] if "value" in part.fallback.model_fields_set else []
            fallback = [*models, *last] if models else part.fallback.value
        try:
            return make_node(
                part.kind,
                part.name,
                body,
                output=output,
                retry=retry,
                fallback=fallback,
                **common,
                **arguments,
                **settings,
            )
        except GraphbitError:
            raise
        except Exception as error:
            if part.kind in BUILT_IN:
                raise
            raise UsageError(f"{part.name}: the kind {part.kind!r} fails: {type(error).__name__}: {error}") from error

    def _settings(self, part: schema.NodeDocument, path: Path) -> tuple[Any, dict[str, Any]]:
        """Return the body, and what only this kind knows."""
        match part:
            case schema.PromptDocument():
                return part.prompt, {**_given(part, _OF_PROMPTS), **_provider(part)}
            case schema.AgentDocument():
                given = {**_given(part, (*_OF_PROMPTS, *_OF_AGENTS)), **_provider(part)}
                return part.prompt, {**given, "tools": [self._tool(part, tool) for tool in part.tools]}
            case schema.EmbedDocument():
                return part.text, {**_given(part, ("model",)), **_provider(part)}
            case schema.HumanDocument():
                return part.question, {}
            case schema.PythonDocument() | schema.ConditionDocument():
                return self._callable(part)
            case schema.SubworkflowDocument():
                inner = self.workflow(part.workflow, (*path, "workflow"))
                return inner, _given(part, _OF_WORKFLOWS)
            case schema.PluginDocument():
                return part.body, dict(part.options)
        raise AssertionError(part)

    def _callable(self, part: schema.PythonDocument | schema.ConditionDocument) -> tuple[Any, dict[str, Any]]:
        keys = ("template", "function", "body")
        given = [key for key in keys if getattr(part, key, None) is not None]
        if len(given) != 1:
            allowed = keys if isinstance(part, schema.ConditionDocument) else keys[1:]
            raise UsageError(
                f"{part.name}: one of {', '.join(allowed)} is needed, and {' and '.join(given) or 'none'} is there"
            )
        if given == ["template"]:
            return part.template, _given(part, ("inputs",))  # type: ignore[union-attr]
        if self._code is None:
            raise AssertionError("code without trust")
        where = f"{part.name}.{given[0]}"
        if part.function is not None:
            return self._code.function(part.function, where), _given(part, ("inputs",))
        if isinstance(part.inputs, dict):
            raise UsageError(f"{part.name}: inputs: a body takes its inputs by name: give a list of names")
        try:
            place = self._code.place(where).strip("<>")
            return FileBody(part.name, part.body or "", self._code.namespace, part.inputs or (), place), {}
        except GraphbitError as error:
            raise UsageError(f"{part.name}: body: {error}") from None

    def _tool(self, part: schema.AgentDocument, told: str | schema.ToolDocument) -> Tool:
        if self._code is None:
            raise AssertionError("code without trust")
        tool = schema.ToolDocument(function=told) if isinstance(told, str) else told
        try:
            fn = self._code.function(tool.function, f"{part.name}.tools")
            return tool_of(fn, name=tool.name, description=tool.description)
        except GraphbitError as error:
            raise UsageError(f"{part.name}: tools: {error}") from None

    def _output(self, part: schema.NodeDocument) -> OutputType:
        declared = part.output
        try:
            if not isinstance(declared, schema.TypeDocument):
                return output_type(declared, self._namespace)
            found = output_type(read_type(declared.type, self._namespace))
        except OutputTypeError as error:
            raise OutputTypeError(f"{part.name}: output: {error}") from None
        return found if declared.label is None else OutputType(declared.label, found.annotation)


def _given(part: Any, keys: Iterable[str]) -> dict[str, Any]:
    return {key: value for key in keys if (value := getattr(part, key)) is not None and key in part.model_fields_set}


def _provider(part: Any) -> dict[str, Any]:
    if part.provider is None:
        return {}
    is_config = isinstance(part.provider, schema.ConfigDocument)
    return {"provider": config_of(part.provider) if is_config else part.provider}


def _policy(name: str, told: schema.RetryDocument) -> RetryPolicy:
    by_error = {}
    for word, count in told.max_attempts_for.items():
        kind = getattr(errors, word, None)
        if not (isinstance(kind, type) and issubclass(kind, errors.ProviderError)):
            near = did_you_mean(word, (one for one in vars(errors) if one.endswith("Error")))
            raise UsageError(f"{name}.retry.max_attempts_for: there is no provider's error {word!r}{near}")
        by_error[kind] = count
    return RetryPolicy(**{**told.model_dump(), "max_attempts_for": by_error})


def _example(example: schema.ExampleDocument, output: OutputType | None) -> Example:
    if example.typed and output is None:
        raise UsageError("examples: typed answers need an output")
    answered = output.check(example.answered) if output is not None and example.typed else example.answered
    return Example(example.asked, answered)


def _key_of(told: str, part: schema.NodeDocument) -> str | None:
    """Return the key of a node that a message is about."""
    fields = type(part).model_fields
    if told.startswith(repr(part.name)):
        return "name"
    if "in the system prompt" in told:
        return "system"
    if told.startswith("no kind of node"):
        return "kind"
    for key in fields:
        if re.search(rf"(?:^|: |\s){key}(?:=|:| \d+ )", told) or (key == "examples" and ": example " in told):
            return key
    body = schema.BODIES.get(part.kind, "body")
    is_of_body = re.match(r"\w+: (?:line \d+: |the prompt |an? \w+ node needs |the text )", told)
    return body if is_of_body and body in fields else None


def _named(problem: Problem) -> str:
    parts = (problem.node, problem.place)
    return ": ".join([*(part for part in parts if part), problem.message])


def _sort(data: Any) -> str:
    return {type(None): "nothing", list: "a list", str: "a text", bool: "true or false"}.get(type(data), "a number")
