"""Data as YAML text, and back: YAML 1.2's plain data only, read from the parser's events and never constructed.

There are no tags, and so no objects; `yes` is a text; a key is a text and is there once. Long texts are written as
blocks where a block gives them back exactly.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import UsageError
from graphbit_nb.files.values import DEEPEST, as_number, checked_text

if TYPE_CHECKING:
    from collections.abc import Iterator

Path = tuple[str | int, ...]

MOST_VALUES = 100_000
"""Values in one file, those that an alias repeats counted each time."""

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.inf|\.nan", re.IGNORECASE)
_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_NO_BLOCK = re.compile(r"[^\n\t\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]")


def read_yaml(text: str) -> tuple[Any, dict[Path, int]]:
    """Read data.

    Returns:
        The data, and for each place in it the line, counted from 1.

    Raises:
        UsageError: it is no YAML, more than plain data, or too large.
    """
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Reader(yaml.parse(text, Loader=loader)).document()
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark is not None else ""
        told = ", ".join(part for part in (error.context, error.problem) if part)
        raise UsageError(f"{where}this is no YAML: {told}") from None
    except yaml.YAMLError as error:
        raise UsageError(f"this is no YAML: {' '.join(str(error).split())}") from None


class _Reader:
    """Puts events together, with a stack of its own, so that depth is a number and not a crash."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._lines: dict[Path, int] = {}
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._count = 0

    def document(self) -> tuple[Any, dict[Path, int]]:
        read, ended = None, 0
        for event in self._events:
            match type(event).__name__:
                case "StreamStartEvent" | "StreamEndEvent" | "DocumentEndEvent":
                    pass
                case "DocumentStartEvent":
                    ended += 1
                    if ended > 1:
                        raise UsageError(f"{_line(event)}a second document begins (---); a file holds one workflow")
                case _:
                    read = self._value(event, (), 0)
        return read, self._lines

    def _value(self, event: Any, path: Path, depth: int) -> Any:
        """Read the value that begins with this event. Depth is limited, so the recursion is."""
        self._lines[path] = event.start_mark.line + 1
        before = self._count
        self._count += 1
        if self._count > MOST_VALUES:
            raise UsageError(f"{_line(event)}more than {MOST_VALUES:,} values")
        if depth > DEEPEST:
            raise UsageError(f"{_line(event)}nested more than {DEEPEST} deep")
        sort = type(event).__name__
        if sort == "AliasEvent":
            if event.anchor not in self._anchors:
                raise UsageError(f"{_line(event)}*{event.anchor} stands for nothing that is complete before it")
            value, weight = self._anchors[event.anchor]
            self._count += weight
            return value
        if getattr(event, "tag", None) is not None:
            raise UsageError(f"{_line(event)}tags such as {event.tag!r} are not read: a file holds plain data only")
        if sort == "ScalarEvent":
            value = _scalar(event)
        elif sort == "SequenceStartEvent":
            value = [self._value(item, (*path, n), depth + 1) for n, item in enumerate(self._items("SequenceEndEvent"))]
        else:
            value = self._mapping(path, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = value, self._count - before
        return value

    def _items(self, end: str) -> Iterator[Any]:
        for event in self._events:
            if type(event).__name__ == end:
                return
            yield event

    def _mapping(self, path: Path, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for event in self._items("MappingEndEvent"):
            key = self._value(event, (*path, ""), depth + 1)
            if not isinstance(key, str):
                raise UsageError(f"{_line(event)}the key {_short(key)} is no text; put it into quotes")
            if key in found:
                raise UsageError(f"{_line(event)}the key {key!r} is there twice; take one of them out")
            found[key] = self._value(next(self._events), (*path, key), depth + 1)
            self._lines[*path, key] = event.start_mark.line + 1
        return found


def _scalar(event: Any) -> Any:
    text: str = event.value
    if not event.implicit[0]:
        return checked_text(text, f"line {event.start_mark.line + 1}")
    if text in _WORDS:
        return _WORDS[text]
    if _NOT_FINITE.fullmatch(text):
        raise UsageError(f"{_line(event)}{text} is no number that a file can hold")
    if _NUMBER.fullmatch(text):
        try:
            return as_number(text)
        except ValueError as error:
            raise UsageError(f"{_line(event)}{error}") from None
    return checked_text(text, f"line {event.start_mark.line + 1}")


def _line(event: Any) -> str:
    return f"line {event.start_mark.line + 1}: "


def _short(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= 60 else said[:59] + "…"


def write_yaml(data: Any) -> str:
    """Write data in the order that it has. Texts of several lines are blocks where that is exact."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Indents lists below their key, and writes blocks also where a line ends in blanks."""

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
            super().increase_indent(flow, False)

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
            return True

        def analyze_scalar(self, scalar: str) -> Any:
            analysis = super().analyze_scalar(scalar)
            analysis.allow_block = _may_be_block(scalar)
            return analysis

    def text(dumper: Any, value: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=_style(value))

    def written(style_of_texts: Any) -> str:
        Dumper.add_representer(str, style_of_texts)
        dumped: str = yaml.dump(
            data, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=float("inf"), default_flow_style=False
        )
        return dumped

    blocks = written(text)
    if _reads_back(blocks, data):
        return blocks
    return written(lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"'))


def _style(text: str) -> str | None:
    if text in _WORDS or _NUMBER.fullmatch(text) or _NOT_FINITE.fullmatch(text):
        return '"'
    if "\n" in text:
        return "|" if _may_be_block(text) else '"'
    return None


def _may_be_block(text: str) -> bool:
    """Whether a block scalar holds this text: printable, and its first line says how far it is indented."""
    return bool(text.strip()) and not text.startswith("\t") and _NO_BLOCK.search(text) is None


def _reads_back(text: str, data: Any) -> bool:
    try:
        return _same(read_yaml(text)[0], data)
    except UsageError:
        return False


def _same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
