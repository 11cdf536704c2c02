"""Lines of ours that IPython would take for something else are made calls before it reads them.

``%graphbit run?`` asks for help on the command, and an answer may end with a question mark; IPython takes it for its
own help on whatever word stands before it. And a cell whose ``%%graphbit`` is not its first line is no Python.
"""

from __future__ import annotations

import re

from graphbit_nb.notebook.awaiting import NAMES

_ENDS = re.compile(rf"(?P<before>\s*(?:[^\W\d]\w*\s*=\s*)?)%(?:{'|'.join(NAMES)})\s+(?P<rest>\S.*\?)\s*$")
_BELOW = re.compile(rf"\s*(?P<rest>%%(?:{'|'.join(NAMES)}))(?:\s|$)")
_BEGINS = re.compile(rf"(?P<before>\s*)\?{{1,2}}\s*%{{1,2}}(?:{'|'.join(NAMES)})\s+(?P<rest>[\w-]+)\s*$")


def keep_ours(lines: list[str]) -> list[str]:
    """Rewrite such lines of a cell. Registered with IPython among the transformers that come first."""
    text = "".join(lines)
    if _BELOW.match(text):
        return [lines[0].lstrip(), *lines[1:]]
    if text.startswith("%%") or not ("?" in text or "%%" in text):
        return lines
    written: list[str] = []
    for line in lines:
        found = _BELOW.match(line) or _BEGINS.match(line) or _ENDS.match(line)
        if found is None or _is_open("".join(written)):
            written.append(line)
        elif found.re is _BELOW:
            return [_call("", found["rest"])]
        else:
            written.append(_call(found["before"], f"help {found['rest']}" if found.re is _BEGINS else found["rest"]))
    return written


def _is_open(code: str) -> bool:
    """Whether a text of several lines is begun and not ended in this code, as far as its quotes tell."""
    return any(code.count(quotes) % 2 for quotes in ('"""', "'''"))


def _call(before: str, line: str) -> str:
    return f"{before}get_ipython().run_line_magic({NAMES[0]!r}, {line!r})\n"
