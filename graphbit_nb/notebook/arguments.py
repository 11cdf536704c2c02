"""The command lines of the magics: argparse that answers with one clear line, and the words and values on them."""

from __future__ import annotations

import argparse
import ast
import re
import shlex
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, NoReturn

from graphbit_nb.errors import UsageError, did_you_mean
from graphbit_nb.graph.tools import Tool

if TYPE_CHECKING:
    from collections.abc import Mapping


_FUNCTIONS = (FunctionType, MethodType, BuiltinFunctionType, partial, Tool)
_OF_IPYTHON = ("get_ipython", "open", "exit", "quit", "In", "Out")
_LONG_DASHES = "\u2013\u2014"  # what editors make of two plain ones
_NO_NUMBER = re.compile(r"(\S+): invalid (int|float) value: (.*)")
_NUMBERS = {"int": "a whole number", "float": "a number"}


class Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of printing and leaving."""

    def __init__(self, prog: str, description: str = "") -> None:
        super().__init__(
            prog=prog, description=description, add_help=False, allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError`."""
        said = message.removeprefix("argument ")
        missing = said.partition("the following arguments are required: ")[2]
        if missing:
            said = f"{missing} is missing; write {self.prog} {missing.replace(',', '')}"
        elif (found := _NO_NUMBER.fullmatch(said)) is not None:
            said = f"{found[1]} {found[3]}: give {_NUMBERS[found[2]]}"
        else:
            said = re.sub(r": expected (one|at least one) argument$", " needs a value behind it", said)
        raise UsageError(f"{self.prog}: {said}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        choices = list(action.choices or ())
        if choices and value not in choices:
            near = did_you_mean(str(value), choices) or f"; there {'are' if len(choices) > 1 else 'is'} "
            raise argparse.ArgumentError(action, f"no {value!r}{near}{'' if '?' in near else ', '.join(choices)}")

    def read(self, words: list[str]) -> argparse.Namespace:
        """Parse, and name the nearest option for one that does not exist. Raises `UsageError`."""
        options, rest = self.parse_known_args(words)
        if rest:
            word = rest[0].split("=")[0]
            if word.startswith("-"):
                known = self.options()
                near = did_you_mean(word, known) or f"; there are {', '.join(known)}"
                self.error(f"no option {word}{near}")
            if word[0] in _LONG_DASHES:
                self.error(f"{word!r} begins with a typographic dash; write --{word.lstrip(_LONG_DASHES)}")
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


def first_word(line: str) -> str:
    """Return the first word of a magic's line, whatever follows."""
    return line.split(maxsplit=1)[0] if line.strip() else ""


def variable(name: str, namespace: Mapping[str, Any], where: str) -> Any:
    """Return a variable of the notebook. Raises `UsageError`."""
    if name not in namespace:
        known = [key for key in namespace if not key.startswith("_") and key not in _OF_IPYTHON]
        raise UsageError(f"{where}: no variable {name!r}{did_you_mean(name, known)}")
    return namespace[name]


def functions(namespace: Mapping[str, Any]) -> list[str]:
    """Return the names of what the notebook has defined or imported and a model could call."""
    return [
        name
        for name, value in namespace.items()
        if not name.startswith("_") and name not in _OF_IPYTHON and isinstance(value, _FUNCTIONS)
    ]


def listed(words: list[str]) -> list[str]:
    """Return names that were written with commas or blanks between them."""
    return [name for word in words for name in word.replace(",", " ").split()]


def literal(text: str) -> Any:
    """Read a value as a Python literal, or as the text that it is."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def pairs(words: list[str] | None, option: str) -> dict[str, str]:
    """Read ``k=v`` words as they are. Raises `UsageError`."""
    found = {}
    for word in words or ():
        name, sign, value = word.partition("=")
        if not sign or not name.strip().isidentifier():
            raise UsageError(f"{option} {word!r}: write it as name=value, and with blanks 'name=two words'")
        found[name.strip()] = value
    return found


def assignments(words: list[str] | None) -> dict[str, Any]:
    """Read the ``k=v`` words of ``--set``, each value as a literal or as the text that it is. Raises `UsageError`."""
    return {name: literal(value) for name, value in pairs(words, "--set").items()}


def flag(name: str) -> str:
    """Return an argument's name as it is typed."""
    if name == "images":  # each time it is given, it is one
        return "--image"
    return "--" + name.replace("_", "-")
