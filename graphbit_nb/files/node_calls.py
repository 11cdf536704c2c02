"""Nodes as the calls that make them, with the functions, constants and imports that the calls need."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.outputs import output_type
from graphbit_nb.errors import OutputTypeError, UsageError
from graphbit_nb.files import schema
from graphbit_nb.files.imports import import_of
from graphbit_nb.files.names import free_names_of_body, is_async
from graphbit_nb.files.python_text import Group, assignment, block, call, text, value
from graphbit_nb.files.source import indent
from graphbit_nb.graph.arguments import COMMON
from graphbit_nb.graph.registry import BUILT_IN, processor_of

if TYPE_CHECKING:
    from graphbit_nb.files.python_text import Code
    from graphbit_nb.graph.workflow import Workflow


class NodeCalls:
    """Writes nodes of one program.

    Args:
        gb: What the program calls this package.
        taken: Names that are used already.

    Attributes:
        imports: Import lines that are needed.
        constants: Assignments of texts that go over several lines.
        functions: Bodies of cells as functions.
        builders: Functions that build the workflows inside.
        registrations: Lines that make kinds of node known.
        kinds: The kinds of the nodes so far.
    """

    def __init__(self, gb: str, taken: set[str]) -> None:
        self.gb = gb
        self._taken = taken
        self.imports: set[str] = set()
        self.constants: list[str] = []
        self.functions: list[str] = []
        self.builders: list[str] = []
        self.registrations: list[str] = []
        self.kinds: set[str] = set()
        self._tool_of = ""

    def free(self, name: str) -> str:
        """Take a name that nothing else has."""
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name

    def node(self, part: schema.NodeDocument, workflow: Workflow, body: str | None = None) -> Group:
        """Return the call that makes a node of `workflow`.

        Args:
            part: The node.
            workflow: The workflow that it belongs to.
            body: The code of its body, if that is made already.
        """
        self.kinds.add(part.kind)
        if part.kind not in BUILT_IN:
            self._register(part)
        named: dict[str, Code] = {}
        key = schema.BODIES.get(part.kind, "body")
        fields = sorted(type(part).model_fields, key=lambda name: name in COMMON)
        given = {name: getattr(part, name) for name in fields if name in part.model_fields_set}
        for name in ("name", "kind", key):
            given.pop(name, None)
        if body is not None:
            first: Code = body
        elif isinstance(part, schema.PythonDocument | schema.ConditionDocument):
            first = self._callable(part, workflow)
            for name in ("function", "template", "body"):
                given.pop(name, None)
            if part.function is None:
                given.pop("inputs", None)
        else:
            first = self._text(part.name, key, getattr(part, key))
        options = given.pop("options", {}) if isinstance(part, schema.PluginDocument) else {}
        for name, item in given.items():
            if item is not None:
                named[name] = self._argument(part.name, name, item)
        named |= {name: value(item, f"{part.name}.{name}") for name, item in options.items()}
        return call(f"{self.gb}.Node.{part.kind}", text(part.name), first, **named)

    def config(self, data: dict[str, Any]) -> Group:
        """Return the call that makes a config."""
        given = {name: value(item, name) for name, item in data.items()}
        fields = {key: item for key, item in data.items() if key != "provider"}
        provider = data["provider"]
        options = fields.get("options", {})
        local = {"provider": "local", "timeout": 600.0, **({"options": options} if options else {})}
        if provider == "local" and fields.get("model") and {"model": data["model"], **local} == data:
            arguments = {name: value(item, name) for name, item in options.items()}
            return call(f"{self.gb}.LlmConfig.local", given["model"], **arguments)
        if provider in ("openai", "anthropic", "ollama") and fields.get("model") is not None:
            more = {name: given[name] for name in fields if name != "model"}
            return call(f"{self.gb}.LlmConfig.{provider}", given["model"], **more)
        return call(f"{self.gb}.LlmConfig", **given)

    # ---- parts of a node

    def _text(self, node: str, key: str, given: Any) -> Code:
        if not isinstance(given, str):
            return value(given, f"{node}.{key}")
        if "\n" not in given:
            return text(given)
        name = self.free(f"{node}_{key}".upper())
        self.constants.append(assignment(name, block(given)))
        return name

    def _callable(self, part: schema.PythonDocument | schema.ConditionDocument, workflow: Workflow) -> Code:
        if part.function is not None:
            return part.function
        if part.body is None:
            return self._text(part.name, "template", getattr(part, "template", None))
        body = ast.parse(part.body).body
        must = [str(name) for name in part.inputs or ()]
        around = {*workflow.nodes, *workflow.inputs} - set(must)
        may = [name for name in free_names_of_body(body) if name in around]
        parameters = ", ".join([*must, *(f"{name}={name}" for name in may)])
        name = self.free(part.name)
        head = f"{'async def' if is_async(body) else 'def'} {name}({parameters}):\n"
        function = head + indent(part.body.rstrip("\n")) + "\n"
        made = ast.parse(function).body[0]
        if [ast.dump(node) for node in made.body] != [ast.dump(node) for node in body]:  # type: ignore[attr-defined]
            raise UsageError(f"{part.name}: the body cannot be indented without changing what it says")
        self.functions.append(function)
        return name

    def _argument(self, node: str, name: str, item: Any) -> Code:
        place = f"{node}.{name}"
        match item:
            case schema.ConfigDocument():
                return self.config(item.model_dump(exclude_unset=True))
            case schema.RetryDocument():
                changed = item.model_dump(exclude_defaults=True)
                kinds = changed.pop("max_attempts_for", {})
                given = {key: value(part, place) for key, part in changed.items()}
                if kinds:
                    by_kind = [(f"{self.gb}.{kind}: ", value(count, place)) for kind, count in kinds.items()]
                    given["max_attempts_for"] = Group("{", tuple(by_kind), "}")
                return call(f"{self.gb}.RetryPolicy", **given)
            case schema.FallbackDocument():
                chain = [self._argument(node, name, model) for model in item.models]
                if "value" in item.model_fields_set:
                    chain.append(value(item.value, place))
                return chain[0] if len(chain) == 1 else Group("[", tuple(("", one) for one in chain), "]")
            case schema.TypeDocument():
                return self._type(item.type)
        if name == "output":
            return self._output(item)
        if name == "tools":
            return Group("[", tuple(("", self._tool(tool, place)) for tool in item), "]")
        if name == "examples":
            pairs = [Group("(", (("", value(e.asked, place)), ("", value(e.answered, place))), ")") for e in item]
            return Group("[", tuple(("", pair) for pair in pairs), "]")
        if name in ("after", "when", "stop") and len(item) == 1:
            return value(item[0], place)
        if isinstance(item, str):
            return self._text(node, name, item)
        return value(list(item) if isinstance(item, tuple) else item, place)

    def _tool(self, tool: str | schema.ToolDocument, place: str) -> Code:
        if isinstance(tool, str):
            return tool
        if not self._tool_of:
            self._tool_of = self.free("tool_of")
            renamed = "" if self._tool_of == "tool_of" else f" as {self._tool_of}"
            self.imports.add(f"from graphbit_nb.graph.tools import tool_of{renamed}")
        told = {
            name: value(item, place) for name in ("name", "description") if (item := getattr(tool, name)) is not None
        }
        return call(self._tool_of, tool.function, **told)

    def _output(self, label: str) -> Code:
        try:
            output_type(label)
        except OutputTypeError:  # names a class of the program
            return self._type(label)
        return text(label)

    def _type(self, written: str) -> Code:
        used = {node.id for node in ast.walk(ast.parse(written)) if isinstance(node, ast.Name)}
        self.imports.update(f"from typing import {name}" for name in ("Any", "Literal") if name in used)
        return written

    def _register(self, part: schema.NodeDocument) -> None:
        kind = type(processor_of(part.kind))
        line = import_of(kind.__name__, kind)
        if line is None:
            raise UsageError(
                f"{part.name}: the kind {part.kind!r} is defined in this notebook or program; put {kind.__name__} "
                "into a module that the script can import"
            )
        register = f"\n{self.gb}.ProcessorRegistry.register({kind.__name__})\n"
        if register not in self.registrations:
            self.imports.add(line)
            self.registrations.append(register)
