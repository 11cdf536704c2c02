"""What Tab offers on a magic's line: kinds and commands, options, their values, names and files."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphbit_nb.graph.registry import ProcessorRegistry
from graphbit_nb.notebook.arguments import flag
from graphbit_nb.notebook.commands.command import COMMANDS
from graphbit_nb.notebook.options import OF_ALL, OF_CELL, options_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbit_nb.notebook.commands.command import Command
    from graphbit_nb.notebook.names import Names

_WORD = re.compile(r"(?:[^\s'\"]|'[^']*(?:'|$)|\"[^\"]*(?:\"|$))+")
_PIECE = re.compile(r"[^\s'\"=|,<>!()]*$")
_SUFFIXES = {"export": (".py", ".json", ".yaml", ".yml", ".mmd", ".dot", ".svg"), "load": (".json", ".yaml", ".yml")}
_MANY = 99


@dataclass(frozen=True, slots=True)
class Line:
    """A magic's line up to the cursor.

    Attributes:
        words: The words that are there, without their quotes.
        begun: The word that is being typed, without the quote that it begins with.
        is_quoted: Whether that word has such a quote.
    """

    words: list[str]
    begun: str = ""
    is_quoted: bool = False

    @classmethod
    def read(cls, text: str) -> Line:
        """Read what stands behind the magic's name."""
        found = list(_WORD.finditer(text))
        words = [word[0].strip("'\"") for word in found]
        if not found or found[-1].end() != len(text):
            return cls(words)
        begun = found[-1][0]
        return cls(words[:-1], begun.lstrip("'\""), begun[0] in "'\"")

    def value(self, option: str) -> str | None:
        """Return the value of an option, if the line gives one."""
        return self.words[self.words.index(option) + 1] if option in self.words[:-1] else None


@dataclass(frozen=True, slots=True)
class Offer:
    """What may stand at the cursor.

    Attributes:
        piece: What of it is there already.
        words: The candidates; those that do not begin with the piece do not count.
        alone: Whether nothing else fits there.
    """

    piece: str = ""
    words: tuple[str, ...] | list[str] = ()
    alone: bool = False


def offer_on(line: Line, names: Names, *, is_cell: bool) -> Offer:
    """Return what may be typed next.

    Args:
        line: The line up to the cursor.
        names: What the notebook knows.
        is_cell: Whether it is the first line of a cell.
    """
    if not line.words:
        commands = [name for name, command in COMMANDS.items() if not is_cell or command.free_text]
        return Offer(line.begun, [*(ProcessorRegistry.kinds() if is_cell else ()), *commands], alone=True)
    head = line.words[0]
    if is_cell and head in ProcessorRegistry.kinds():
        readings = {flag(name): reading for name, reading in {**options_of(head), **OF_ALL, **OF_CELL}.items()}
        return _next_word(line, readings, names, lambda: names.undefined(head), most=1)
    return _offer_of_command(COMMANDS[head], line, names) if head in COMMANDS else Offer()


def _offer_of_command(command: Command, line: Line, names: Names) -> Offer:
    if command.free_text and len(line.words) == 2:
        return Offer(line.begun, names.answers(line.words[1]), alone=True)
    if command.words == "file" and len(line.words) == 1 and not line.begun.startswith("-"):
        return Offer(line.begun, files_for(line.begun, _SUFFIXES[command.name], is_quoted=line.is_quoted), alone=True)
    readings = {text: reading for texts, reading in command.arguments for text in texts if text.startswith("-")}
    plain = [reading for texts, reading in command.arguments if not texts[0].startswith("-")]
    choices = [str(choice) for reading in plain for choice in reading.get("choices", ())]
    most = _MANY if any(reading.get("nargs") in ("*", "+") for reading in plain) else len(plain)
    return _next_word(line, readings, names, lambda: choices or names.of_sort(command.words), most=most)


def _next_word(
    line: Line, readings: dict[str, Any], names: Names, first: Callable[[], list[str]], *, most: int
) -> Offer:
    """Offer options, values of the option before, or what the words without a dash may be."""
    begun, words = line.begun, line.words[1:]
    if begun.startswith("-"):
        return Offer(begun, _options(readings, words), alone=True)
    option = next((word for word in reversed(words) if word.startswith("-")), None)
    values = 0 if option is None else words[::-1].index(option)
    reading = readings.get(option or "")
    if reading is not None and _takes(reading, values):
        piece = _piece_of(begun)
        found = [str(choice) for choice in reading.get("choices", ())]
        return Offer(piece, found or names.values_of(str(option), piece, begun[: len(begun) - len(piece)], line), True)
    plain = [] if option is not None else words
    if (option is None or (reading is not None and reading.get("action") == "store_true")) and len(plain) < most:
        return Offer(begun, [name for name in first() if name not in plain], alone=True)
    return Offer(begun, _options(readings, words), alone=True)


def _options(readings: dict[str, Any], words: list[str]) -> list[str]:
    given = {word for word in words if readings.get(word, {}).get("action") not in ("append", "extend")}
    return [
        text
        for text, reading in readings.items()
        if text not in given and not str(reading.get("help", "")).startswith("refused")
    ]


def _takes(reading: dict[str, Any], values: int) -> bool:
    """Whether an option takes one more value."""
    return reading.get("action") != "store_true" and (values == 0 or reading.get("nargs") == "+")


def _piece_of(word: str) -> str:
    found = _PIECE.search(word)
    return "" if found is None else found[0]


def files_for(begun: str, suffixes: tuple[str, ...], *, is_quoted: bool) -> list[str]:
    """Return the files with one of these suffixes, and the folders, whose path begins so."""
    head, _, tail = begun.rpartition("/")
    folder = f"{head}/" if head or begun.startswith("/") else ""
    try:
        entries = sorted(os.scandir(Path(folder or ".").expanduser()), key=lambda entry: entry.name)
    except OSError:
        return []
    found = []
    for entry in entries:
        if entry.name.startswith(".") and not tail.startswith("."):
            continue
        if is_quoted or not re.search(r"[\s'\"]", entry.name):  # others need quotes, which are not ours to add
            if entry.is_dir():
                found.append(f"{folder}{entry.name}/")
            elif entry.name.lower().endswith(suffixes):
                found.append(f"{folder}{entry.name}")
    return found
