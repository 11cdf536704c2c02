"""What a docstring says of its function, and of each parameter: in Google's, NumPy's or Sphinx's style."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_HEADINGS = {
    **dict.fromkeys(("args", "arguments", "parameters", "params", "keyword args", "keyword arguments"), "parameters"),
    **dict.fromkeys(("other parameters", "other args"), "parameters"),
    **dict.fromkeys(("return", "returns"), "return"),
    **dict.fromkeys(("yield", "yields", "raise", "raises", "warns", "example", "examples", "note", "notes"), "other"),
    **dict.fromkeys(("warning", "warnings", "see also", "references", "attributes", "todo", "receives"), "other"),
}
_UNDERLINE = re.compile(r"-{3,}\Z")
_GOOGLE = re.compile(r"\*{0,2}(\w+)\s*(?:\(.*?\))?\s*:(?:\s+(.*))?\Z")
_NUMPY = re.compile(r"([\w*]+(?:\s*,\s*[\w*]+)*)\s*(?::.*)?\Z")
_SPHINX = re.compile(r":(\w+)\s*([^:]*):\s*(.*)\Z")
_SPHINX_PARAMETERS = ("param", "parameter", "arg", "argument", "key", "keyword")


def read_docstring(doc: str, names: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Return what a docstring says of its function, and of each parameter: in Google's, NumPy's or Sphinx's style."""
    found: dict[str, list[str]] = {"": [], "return": [], **{name: [] for name in names}}
    style = kind = ""
    into: tuple[str, ...] = ("",)  # whose description the line belongs to
    margin: int | None = None  # of the entries of a section
    lines = doc.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=False):
        text, indented = line.strip(), len(line) - len(line.lstrip())
        heading = None if indented else _HEADINGS.get(text.removesuffix(":").lower())
        if heading and (_UNDERLINE.match(following) or text.endswith(":")):
            style, kind, margin = "numpy" if _UNDERLINE.match(following) else "google", heading, None
            into = ("return",) if kind == "return" else ()
            continue
        if not indented and (field_ := _SPHINX.match(text)):
            style, kind = "sphinx", "other"
            word, name = field_[1], field_[2].rpartition(" ")[2].lstrip("*")
            into = (name,) if word in _SPHINX_PARAMETERS else ("return",) if word in ("return", "returns") else ()
            text = field_[3]
        elif text and not indented and style in ("google", "sphinx"):
            style, kind, into = "", "", ("",)
        elif kind == "parameters" and text and not _UNDERLINE.match(line):
            margin = indented if margin is None else margin
            entry = (_NUMPY if style == "numpy" else _GOOGLE).match(text) if indented <= margin else None
            if entry is not None:
                into = tuple(name.strip(" *") for name in entry[1].split(","))
                text = "" if style == "numpy" else entry[2] or ""
        for name in into:
            if name in found and not _UNDERLINE.match(line):
                found[name].append(line if name == "" else text)
    prose, given = "\n".join(found.pop("")).strip(), _joined(found.pop("return"))
    told = "\n\n".join(part for part in (prose, given and f"Returns: {given}") if part)
    return told, {name: text for name, said in found.items() if (text := _joined(said))}


def _joined(lines: list[str]) -> str:
    return " ".join(filter(None, lines))
