"""The command lines of the magics: argparse that answers with one clear line, and help that is generated from it."""

from __future__ import annotations

import argparse
import ast
import shlex
from typing import TYPE_CHECKING, Any, NoReturn

from graphbit_nb.errors import UsageError, did_you_mean
from graphbit_nb.graph.node import CACHE_MODES
from graphbit_nb.graph.registry import ProcessorRegistry
from graphbit_nb.providers.clients import FACTORIES

if TYPE_CHECKING:
    from collections.abc import Mapping

# Options of cells, in the order of the help. (name, how argparse reads it)
COMMON: dict[str, dict[str, Any]] = {
    "output": {"metavar": "TYPE", "help": "text, json, int, float, bool, 'yes|no', list[str], or a pydantic model"},
    "after": {"metavar": "NODE", "nargs": "+", "help": "nodes that come before without being read"},
    "retry": {"metavar": "N", "type": int, "help": "attempts in all"},
    "timeout": {"metavar": "S", "type": float, "help": "seconds that the node may take"},
    "fallback": {"metavar": "TEXT", "help": "stands in when the node fails"},
    "cache": {"metavar": "MODE", "help": ", ".join(CACHE_MODES)},
}
OF_KIND: dict[str, dict[str, Any]] = {
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
}
VARIABLES = ("examples",)
"""Options that name a variable of the notebook."""


class Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of printing and leaving."""

    def __init__(self, prog: str, description: str = "") -> None:
        super().__init__(
            prog=prog, description=description, add_help=False, allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError`."""
        raise UsageError(f"{self.prog}: {message.removeprefix('argument ')}")

    def read(self, words: list[str]) -> argparse.Namespace:
        """Parse, and name the nearest option for one that does not exist. Raises `UsageError`."""
        options, rest = self.parse_known_args(words)
        if rest:
            word = rest[0].split("=")[0]
            if word.startswith("-"):
                known = self.options()
                near = did_you_mean(word, known) or f"; there are {', '.join(known)}"
                self.error(f"no option {word}{near}")
            self.error(f"{rest[0]!r} is one word too many; put text with blanks in quotes")
        return options

    def options(self) -> list[str]:
        """Return the options, as they are typed."""
        return [text for action in self._actions for text in action.option_strings]


def split(line: str) -> list[str]:
    """Split a magic's line the way a shell does. Raises `UsageError`."""
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"the line cannot be read: {str(error).lower()}: {line.strip()}") from None


def cell_parser(kind: str) -> Parser:
    """Return the parser of ``%%graphbit KIND NAME ...``."""
    processor = ProcessorRegistry.find(kind)
    parser = Parser(f"%%graphbit {kind}", (type(processor).__doc__ or "").strip())
    parser.add_argument("name", metavar="NAME", help="name of the node")
    for name in getattr(processor, "options", ()):
        if name != "inputs":
            parser.add_argument(_flag(name), dest=name, **OF_KIND.get(name, {"metavar": "VALUE", "type": literal}))
    for name, reading in COMMON.items():
        parser.add_argument(_flag(name), dest=name, **reading)
    parser.add_argument("--run", action="store_true", help="also run this node and what it needs")
    parser.add_argument("--into", metavar="VAR", help="put the output into this variable whenever the node has run")
    return parser


def node_arguments(options: argparse.Namespace, kind: str, namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was given on a cell's line as arguments of `make_node`. Raises `UsageError`."""
    own = ("name", "run", "into")
    given = {name: value for name, value in vars(options).items() if value is not None and name not in own}
    for name in VARIABLES:
        if name in given:
            given[name] = variable(given[name], namespace, f"%%graphbit {kind} {_flag(name)}")
    provider = given.get("provider")
    if provider is not None and type(namespace.get(provider)).__name__ == "LlmConfig":
        given["provider"] = namespace[provider]
    elif provider is not None and provider not in FACTORIES:
        near = did_you_mean(provider, FACTORIES) or f"; there are {', '.join(FACTORIES)}"
        raise UsageError(f"%%graphbit {kind} --provider: no provider {provider!r}{near}, or a variable's LlmConfig")
    return given


def variable(name: str, namespace: Mapping[str, Any], where: str) -> Any:
    """Return a variable of the notebook. Raises `UsageError`."""
    if name not in namespace:
        known = [key for key in namespace if not key.startswith("_")]
        raise UsageError(f"{where}: no variable {name!r}{did_you_mean(name, known)}")
    return namespace[name]


def literal(text: str) -> Any:
    """Read a value as a Python literal, or as the text that it is."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def assignments(pairs: list[str] | None) -> dict[str, Any]:
    """Read ``k=v`` pairs. Raises `UsageError`."""
    found = {}
    for pair in pairs or ():
        name, sign, value = pair.partition("=")
        if not sign or not name.strip().isidentifier():
            raise UsageError(f"--set {pair!r}: write it as name=value")
        found[name.strip()] = literal(value)
    return found


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
