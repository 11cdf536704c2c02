"""Lines with a role alone, which divide a template into turns."""

from __future__ import annotations

import re

from graphbit_nb.errors import TemplateError
from graphbit_nb.templating.filters import MARK

DIVIDER = re.compile(rf"{MARK}(system|user|assistant){MARK}[ \t]*\n?")

_ROLE_LINE = re.compile(r"^@(system|user|assistant)[ \t]*$", re.MULTILINE)
_RAW = re.compile(r"\{%[-+]?\s*raw\s*[-+]?%\}.*?\{%[-+]?\s*endraw\s*[-+]?%\}", re.DOTALL)


def mark_role_lines(source: str) -> str:
    """Put marks around the roles that stand alone on a line, outside raw blocks."""
    if "@" not in source:
        return source
    raw = [match.span() for match in _RAW.finditer(source)]

    def mark(match: re.Match[str]) -> str:
        if any(start <= match.start() < end for start, end in raw):
            return match[0]
        return f"{MARK}{match[1]}{MARK}"

    return _ROLE_LINE.sub(mark, source)


def refuse_blank_turns(text: str) -> None:
    """Raise `TemplateError` when nothing is written below a marked role; what values leave empty is allowed."""
    dividers = list(DIVIDER.finditer(text))
    ends = [following.start() for following in dividers[1:]] + [len(text)]
    for divider, end in zip(dividers, ends, strict=True):
        if not text[divider.end() : end].strip():
            raise TemplateError(
                f"the turn of @{divider[1]} is empty; write its text below the line, or take the line out",
                line=text.count("\n", 0, divider.start()) + 1,
            )
