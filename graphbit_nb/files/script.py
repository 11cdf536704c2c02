"""A workflow as a Python program: what a person would write, and what runs without a notebook."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import UsageError
from graphbit_nb.files.configs import config_data
from graphbit_nb.files.definitions import sorted_imports
from graphbit_nb.files.node_calls import NodeCalls
from graphbit_nb.files.python_text import assignment, call, laid_out, text, value
from graphbit_nb.files.schema import SubworkflowDocument

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.files.schema import InnerDocument, WorkflowDocument
    from graphbit_nb.graph.workflow import Workflow

_MAIN = '''\
def {plain}(value: object) -> object:
    """Return what JSON does not know as something that it does."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return sorted(value, key=str) if isinstance(value, set) else str(value)


def {main}(argv: list[str] | None = None, config: {gb}.LlmConfig | None = {CONFIG}) -> int:
    """Run the workflow, and print what its nodes gave as JSON."""
    parser = {argparse}.ArgumentParser(description=__doc__)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
{answer_option}\
    options = parser.parse_args(argv)
    inputs = dict({INPUTS})
    for given in options.set:
        name, _, text = given.partition("=")
        try:
            inputs[name] = {json}.loads(text)
        except ValueError:  # no JSON, so it is a text
            inputs[name] = text
    try:
{run}
    except {gb}.GraphbitError as error:
        print(error, file={sys}.stderr)
        return 1
    print({json}.dumps(result.outputs, ensure_ascii=False, indent=2, default={plain}))
    if result.is_success():
        return 0
    print(result.summary(), file={sys}.stderr)
    for name, error in result.errors.items():
        print(f"{{name}}: {{error}}", file={sys}.stderr)
    return 1


if __name__ == "__main__":
    {sys}.exit({main}())
'''
_RUN = """\
        with {contextlib}.redirect_stdout({sys}.stderr):  # what nodes print is no output
            result = {gb}.WorkflowExecutor(config).execute({build}(), inputs)"""
_RUN_WITH_ANSWERS = """\
        answers = dict(given.split("=", 1) for given in options.answer if "=" in given)
        executor = {gb}.WorkflowExecutor(config)
        with {contextlib}.redirect_stdout({sys}.stderr):  # what nodes print is no output
            result = executor.execute({build}(), inputs, answers=answers)"""
_ANSWER_OPTION = """\
    parser.add_argument("--answer", action="append", default=[], metavar="NODE=TEXT")
"""
_OWN = ("gb", "argparse", "contextlib", "json", "sys", "build", "main", "plain", "CONFIG", "INPUTS")


def write_script(
    workflow: Workflow,
    document: WorkflowDocument,
    *,
    inputs: Mapping[str, Any] | None = None,
    config: LlmConfig | None = None,
) -> str:
    """Return a program that builds the workflow and runs it.

    Its `build()` returns the workflow, and its `main(argv, config)` runs it and prints the outputs as JSON.

    Args:
        workflow: The workflow.
        document: The same as a document.
        inputs: Values of its inputs, unless the command line gives others.
        config: The model to ask, without its key; None is the embedded one.

    Raises:
        UsageError: something cannot be written as Python text.
    """
    imports, code, taken = _split(document.code or "")
    names = {name: _free(name, taken, imports) for name in _OWN}
    calls = NodeCalls(names["gb"], taken | set(names.values()))
    build = [_builder(names["build"], workflow, document, calls)]
    imports |= calls.imports
    for module in ("argparse", "contextlib", "json", "sys"):
        imports.add(f"import {module}" + (f" as {names[module]}" if names[module] != module else ""))
    imports.add(f"import graphbit_nb as {names['gb']}")
    given = {str(name): item for name, item in (inputs or {}).items()}
    head = [
        assignment(names["INPUTS"], value(given, "inputs")),
        assignment(names["CONFIG"], "None" if config is None else calls.config(config_data(config, "config"))),
        *calls.constants,
    ]
    if config is None:
        head[1] += "  # the embedded model"
    has_people = "human" in calls.kinds
    words = names | {
        "answer_option": _ANSWER_OPTION if has_people else "",
        "run": (_RUN_WITH_ANSWERS if has_people else _RUN).format(**names),
    }
    parts = [
        _docstring(workflow),
        "\n" + sorted_imports(imports),
        "\n" + code if code and not _is_definition(code) else "\n\n" + code if code else "",
        *calls.registrations,
        ("\n\n" if _ends_in_definition(code) and not calls.registrations else "\n") + "\n".join(head) + "\n",
        *("\n\n" + function for function in (*calls.functions, *calls.builders, *build)),
        "\n\n" + _MAIN.format(**words),
    ]
    program = "".join(parts)
    compile(program, "<script>", "exec", dont_inherit=True)
    return program


def _builder(name: str, workflow: Workflow, document: InnerDocument, calls: NodeCalls) -> str:
    head = [text(document.name)]
    named = {} if document.description is None else {"description": text(document.description)}
    lines = [laid_out(call(f"{calls.gb}.WorkflowBuilder", *head, **named), 4, len("builder = "))]
    lines[0] = f"builder = {lines[0]}"
    for part in document.nodes:
        if isinstance(part, SubworkflowDocument):
            inner = workflow.nodes[part.name].settings.workflow
            function = calls.free(f"build_{part.name}")
            calls.builders.append(_builder(function, inner, part.workflow, calls))
            node = calls.node(part, workflow, body=f"{function}()")
        else:
            node = calls.node(part, workflow)
        lines.append(laid_out(call("builder.add_node", node), 4))
    lines += [laid_out(call("builder.connect", *map(text, given)), 4) for given in document.connections]
    lines.append("return builder.build()")
    told = '"""Put the workflow together."""'
    return f"def {name}() -> {calls.gb}.Workflow:\n    {told}\n" + "".join(f"    {line}\n" for line in lines)


def _split(code: str) -> tuple[set[str], str, set[str]]:
    """Return the import lines of a file's code, the rest of it, and all names that it defines."""
    imports: set[str] = set()
    taken: set[str] = set()
    begins = None
    for node in ast.parse(code).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.add(ast.unparse(node))
            taken.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
            continue
        lines = [node.lineno, *(part.lineno for part in getattr(node, "decorator_list", ()))]
        begins = min(lines) if begins is None else begins
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            taken.add(node.name)
        taken.update(
            part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
        )
    rest = "" if begins is None else "\n".join(code.split("\n")[begins - 1 :])
    return imports, rest, taken


def _free(name: str, taken: set[str], imports: set[str]) -> str:
    """Return a name of the program's own that the workflow's code does not use."""
    own = "import graphbit_nb as gb" if name == "gb" else f"import {name}"
    if own in imports:
        return name
    while name in taken:
        name += "_"
    return name


def _docstring(workflow: Workflow) -> str:
    told = workflow.name + ("\n\n" + workflow.description if workflow.description else "")
    lines = ["".join(c if c.isprintable() else " " for c in line).rstrip() for line in told.strip().splitlines()]
    escaped = "\n".join(lines).replace("\\", "\\\\").replace('"', '\\"')
    if not escaped:
        raise UsageError("the workflow has no name that can be printed")
    return f'"""{escaped}' + ('\n"""\n' if len(lines) > 1 else '"""\n')


def _ends_in_definition(code: str) -> bool:
    body = ast.parse(code).body
    return bool(body) and isinstance(body[-1], ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def _is_definition(code: str) -> bool:
    return code.startswith(("def ", "async def ", "class ", "@"))
