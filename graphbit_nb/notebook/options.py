"""The options of cells: those that every cell takes, those of its kind, and what they mean as arguments of a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbit_nb.core.config import LlmConfig
from graphbit_nb.errors import UsageError, did_you_mean
from graphbit_nb.graph.arguments import CACHE_MODES, COMMON, ITEM_ERRORS, JOINS
from graphbit_nb.graph.registry import processor_of
from graphbit_nb.graph.tools import Tool
from graphbit_nb.graph.workflow import Workflow
from graphbit_nb.notebook.arguments import Parser, flag, functions, listed, literal, pairs, variable
from graphbit_nb.providers.registry import ProviderRegistry

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

# How argparse reads them, in the order of the help.
OF_ALL: dict[str, dict[str, Any]] = {
    "output": {"metavar": "TYPE", "help": "text, json, int, float, bool, 'yes|no', list[str], or a pydantic model"},
    "after": {"metavar": "NODE", "nargs": "+", "action": "extend", "help": "nodes that come before without being read"},
    "when": {
        "metavar": "NODE=LABEL",
        "nargs": "+",
        "action": "extend",
        "help": "run only if that node gave this label; 'node=a|b' for either",
    },
    "join": {"metavar": "MODE", "help": f"{' or '.join(JOINS)} of the nodes before: which must have been taken"},
    "for_each": {"metavar": "'X in LIST'", "help": "run once for each item, as in 'point in outline.points'"},
    "concurrency": {"metavar": "N", "type": int, "help": "items that may work at the same time"},
    "on_item_error": {"metavar": "MODE", "help": f"{' or '.join(ITEM_ERRORS)}: what a failed item does"},
    "retry": {"metavar": "N", "type": int, "help": "attempts in all"},
    "timeout": {"metavar": "S", "type": float, "help": "seconds that the node may take"},
    "fallback": {"metavar": "TEXT", "help": "stands in when the node fails"},
    "fallback_model": {
        "metavar": "VAR",
        "nargs": "+",
        "action": "extend",
        "help": "LlmConfigs: the models to ask, one after the other, when the node's own fails",
    },
    "cache": {"metavar": "MODE", "help": f"{', '.join(CACHE_MODES)}, or how old an answer may be: 90s, 3h, 1D"},
}
OF_MODELS: dict[str, dict[str, Any]] = {
    "tools": {
        "metavar": "F,G",
        "nargs": "+",
        "action": "extend",
        "help": "functions of this notebook that the model may call",
    },
    "max_turns": {"metavar": "N", "type": int, "help": "how often the model may answer, 10 otherwise"},
    "tool_timeout": {"metavar": "S", "type": float, "help": "seconds that a call of a tool may take, 60 otherwise"},
    "agent": {"metavar": "VAR", "help": "an Agent: who is asked, where nothing else is said"},
    "model": {"metavar": "M", "help": "model to ask"},
    "provider": {
        "metavar": "P",
        "help": "openai, anthropic, ollama, local, or the name of a variable with an LlmConfig",
    },
    "system": {"metavar": "TEXT", "help": "the system prompt"},
    "examples": {"metavar": "VAR", "help": "a list of pairs: what is asked, what is answered"},
    "temperature": {"metavar": "T", "type": float, "help": "sent as it is"},
    "max_tokens": {"metavar": "N", "type": int, "help": "limit on the answer"},
    "top_p": {"metavar": "P", "type": float, "help": "sent as it is"},
    "stop": {"metavar": "TEXT", "action": "append", "help": "text that ends the answer; may be given again"},
    "seed": {"metavar": "N", "type": int, "help": "sent as it is"},
    "sample": {
        "metavar": "N",
        "type": literal,
        "help": "which answer to the same question, from 0; 'item': one of its own for each item of --for-each",
    },
    "images": {
        "metavar": "NAME",
        "action": "append",
        "help": "a node or a variable that is a picture: a path, bytes, an address, a figure; may be given again",
    },
}
OF_NODES: dict[str, dict[str, Any]] = {
    "of": {"metavar": "WORKFLOW", "help": "a workflow of this notebook, or a variable with one"},
    "repeat_until": {"metavar": "EXPR", "help": "again until this holds, as in 'critic.score >= 8'"},
    "max_iterations": {"metavar": "N", "type": int, "help": "how often at most"},
    "carry": {
        "metavar": "INPUT=NODE",
        "nargs": "+",
        "action": "extend",
        "help": "inputs that take the output of an inner node from the second time on",
    },
    "returns": {"metavar": "NODE", "help": "the inner node whose output is this node's; all of them otherwise"},
}
OF_CELL: dict[str, dict[str, Any]] = {
    "run": {"action": "store_true", "help": "also run this node and what it needs"},
    "into": {"metavar": "VAR", "help": "put the output into this variable whenever the node has run"},
}
_PLUGIN = {"metavar": "VALUE", "type": literal}
_NOT_ON_A_LINE = ("name", "inputs", *OF_CELL, *OF_ALL, *COMMON)
"""Options of kinds that cells do not offer: the body says it, or every cell has one of that name."""


def options_of(kind: str) -> dict[str, dict[str, Any]]:
    """Return the options that only cells of this kind take. Raises `UsageError` when there is no such kind."""
    processor = processor_of(kind)
    known = {**(OF_MODELS if processor.asks_model else {}), **(OF_NODES if processor.runs_as == "nodes" else {})}
    names = [name for name in processor.options if name.isidentifier() and name not in _NOT_ON_A_LINE]
    return {name: known.get(name, _PLUGIN) for name in names}


def takes_code(kind: str) -> bool:
    """Whether the body of a cell of this kind is code. Raises `UsageError` when there is no such kind."""
    return processor_of(kind).body == "code"


def cell_parser(kind: str) -> Parser:
    """Return the parser of ``%%graphbit KIND NAME ...``."""
    parser = Parser(f"%%graphbit {kind}")
    parser.add_argument("name", metavar="NAME", help="name of the node")
    for name, reading in {**options_of(kind), **OF_ALL, **OF_CELL}.items():
        parser.add_argument(flag(name), dest=name, **reading)
    return parser


def node_arguments(
    options: argparse.Namespace, kind: str, namespace: Mapping[str, Any], workflow: Callable[[str], Workflow | None]
) -> dict[str, Any]:
    """Return what was given on a cell's line as arguments of `make_node`.

    Args:
        options: The line as it was read.
        kind: The cell's kind.
        namespace: The notebook's variables.
        workflow: Gives the notebook's workflow of a name.

    Raises:
        UsageError: an option names something that is not there.
    """
    where = f"%%graphbit {kind}"
    given = {
        name: value for name, value in vars(options).items() if value is not None and name not in ("name", *OF_CELL)
    }
    own = options_of(kind)
    for name in ("agent", "examples"):
        if name in given and own.get(name) is OF_MODELS[name]:
            given[name] = variable(given[name], namespace, f"{where} --{name}")
    if "tools" in given and own.get("tools") is OF_MODELS["tools"]:
        given["tools"] = [_tool(name, namespace, f"{where} --tools") for name in listed(given["tools"])]
    if "provider" in given and own.get("provider") is OF_MODELS["provider"]:
        given["provider"] = _provider(given["provider"], namespace, where)
    if own.get("of") is OF_NODES["of"]:
        given["of"] = _workflow(given.get("of"), namespace, workflow, where)
    if "carry" in given and own.get("carry") is OF_NODES["carry"]:
        given["carry"] = {name: node.strip() for name, node in pairs(given["carry"], f"{where} --carry").items()}
    if (names := given.pop("fallback_model", None)) is not None:
        models = [_config(name, namespace, f"{where} --fallback-model") for name in names]
        given["fallback"] = [*models, given["fallback"]] if "fallback" in given else models
    return given


def _provider(name: str, namespace: Mapping[str, Any], where: str) -> Any:
    if isinstance(namespace.get(name), LlmConfig):
        return namespace[name]
    if name not in (known := ProviderRegistry.names()):
        near = did_you_mean(name, known) or f"; there are {', '.join(known)}, or name a variable with an LlmConfig"
        raise UsageError(f"{where} --provider: no provider {name!r}{near}")
    return name


def _tool(name: str, namespace: Mapping[str, Any], where: str) -> Any:
    """Return a function of the notebook, or a method of an object: ``archive.search``."""
    first, *path = name.split(".")
    if first not in namespace:
        raise UsageError(f"{where}: no function {first!r}{did_you_mean(first, functions(namespace))}")
    found = namespace[first]
    for attribute in path:
        if not hasattr(found, attribute):
            raise UsageError(f"{where} {name}: there is no {attribute!r}{did_you_mean(attribute, dir(found))}")
        found = getattr(found, attribute)
    if not callable(found) and not isinstance(found, Tool):
        raise UsageError(f"{where} {name}: that is a {type(found).__name__}, and a model can call functions only")
    return found


def _config(name: str, namespace: Mapping[str, Any], where: str) -> LlmConfig:
    found = variable(name, namespace, where)
    if not isinstance(found, LlmConfig):
        raise UsageError(f"{where} {name}: that is a {type(found).__name__}, not an LlmConfig")
    return found


def _workflow(
    name: str | None, namespace: Mapping[str, Any], workflow: Callable[[str], Workflow | None], where: str
) -> Workflow:
    if name is None:
        raise UsageError(f"{where}: say which workflow runs inside: --of WORKFLOW (%graphbit list shows them)")
    found = workflow(name) or namespace.get(name)
    if isinstance(found, Workflow):
        return found
    if name in namespace:
        built = "; call .build() on it first" if hasattr(found, "build") else ""
        raise UsageError(f"{where} --of {name}: that is a {type(found).__name__}, not a Workflow{built}")
    raise UsageError(f"{where} --of {name}: no workflow of that name, and no variable; %graphbit list shows them")
