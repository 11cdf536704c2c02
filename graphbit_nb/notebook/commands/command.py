"""What a command behind ``%graphbit NAME ...`` is, and the table of all of them."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from graphbit_nb.notebook.arguments import Parser

if TYPE_CHECKING:
    from collections.abc import Callable

Argument = tuple[tuple[str, ...], dict[str, Any]]
Words = Literal["node", "path", "workflow", "topic", "asking", "file", "run"]


@dataclass(frozen=True, slots=True)
class Command:
    """A command.

    Attributes:
        name: The word after ``%graphbit``.
        arguments: How its line is read.
        serve: What it does. Of one that runs the workflow, the last argument says whether the cell awaits it.
        runs: Whether it runs the workflow.
        free_text: Whether everything after its first word is one text, quotes and all, or the body of a cell.
        words: What its words without a dash are names of.
        example: How it is used, for the help.
    """

    name: str
    arguments: tuple[Argument, ...]
    serve: Callable[..., Any]
    runs: bool = False
    free_text: bool = False
    words: Words | None = None
    example: str = ""

    def parser(self) -> Parser:
        """Return the parser of the command's line."""
        parser = Parser(f"%graphbit {self.name}")
        for names, reading in self.arguments:
            parser.add_argument(*names, **reading)
        return parser


COMMANDS: dict[str, Command] = {}


def command(name: str, *arguments: Argument, **facts: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function a command; `facts` are attributes of `Command`."""

    def register(serve: Callable[..., Any]) -> Callable[..., Any]:
        COMMANDS[name] = Command(name, arguments, serve, **facts)
        return serve

    return register


def arg(*names: str, **reading: Any) -> Argument:
    """Return one argument, as argparse takes it."""
    return names, reading


INPUTS = (
    arg("--set", metavar="K=V", nargs="+", action="extend", help="values of inputs"),
    arg("--inputs", metavar="VAR", help="a dict of values"),
)
BUDGET = arg("--budget", metavar="LIMITS", help="what it may spend: US dollars, or cost=5,tokens=20000,calls=50")


def free_text(command: Command, line: str, cell: str | None) -> argparse.Namespace:
    """Read the line of a command whose words after the first are one text, or the body of a cell."""
    words = line.split(maxsplit=2)[1:]
    node, text = (*words, None, None)[:2]
    if text is not None:
        text = text.strip()
        if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
            text = text[1:-1]
    body = None if cell is None or not cell.strip() else cell.removesuffix("\n")
    if body is not None and text is not None:
        command.parser().error("give the text on the line or below it, not both")
    return argparse.Namespace(node=node, text=body if text is None else text)
