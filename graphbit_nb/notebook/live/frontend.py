"""What runs in the browser: the modules and style sheets of `front/`, put together and packed.

The modules are plain ones that a browser loads as they are. They are put together by dropping what ties them together:
every name stands in one scope, so the names of all modules are unique (`tests/notebook/test_frontend.py` holds that).
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

ENTRY = "main.js"
STYLES = ("tokens.css", "panels.css", "dag.css", "panels-live.css", "live.css")

_IMPORT = re.compile(r'^import \{[^}\n]*\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let)\b)", re.MULTILINE)
_ROOT = re.compile(r"\.gb(?![\w-])")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_JS_COMMENT = re.compile(r"^[ \t]*(//[^\n]*|/\*\*.*?\*/)\n", re.MULTILINE | re.DOTALL)
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)


def folder() -> Traversable:
    """Return where the modules and style sheets are."""
    return files("graphbit_nb.notebook") / "front"


@cache
def module() -> str:
    """Return the modules as one, which exports `mount` and, as default, what a widget renders with.

    They bring their look along, as the constant `STYLE`.
    """
    parts: dict[str, str] = {"": f"const STYLE = {json.dumps(css())};\n"}
    _collect(ENTRY, parts)
    # What is only for those who read it would be half of what travels. No text of ours goes over several lines.
    return _INDENT.sub("", _JS_COMMENT.sub("", "".join(parts.values())))


def _collect(name: str, parts: dict[str, str]) -> None:
    """Add a module after those that it imports."""
    source = (folder() / name).read_text("utf-8")
    for other in _IMPORT.findall(source):
        if other not in parts:
            _collect(other, parts)
    source = _IMPORT.sub("", source)
    parts[name] = source if name == ENTRY else _EXPORT.sub("", source)


@cache
def css() -> str:
    """Return the style sheets of live views as one, without comments. It applies to them alone, see `html.styles`."""
    whole = "".join((folder() / name).read_text("utf-8") for name in STYLES)
    return _ROOT.sub(":is(.gb-live, .gb-alive)", re.sub(r"\s+", " ", _COMMENT.sub("", whole)).strip())


UNPACK = (
    "(data) => fetch(`data:application/octet-stream;base64,${data}`).then((found) => "
    'new Response(found.body.pipeThrough(new DecompressionStream("gzip"))).text())'
)
"""A function in JavaScript that unpacks what `pack` has packed."""
_IMPORTED = (
    "(text) => { const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' })); "
    "return import(url).finally(() => URL.revokeObjectURL(url)); }"
)


def pack(text: str) -> str:
    """Return a text compressed, in letters, digits and the signs ``+/=``. The same text gives the same."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


@cache
def code() -> str:
    """Return an expression in JavaScript: a promise of the module, which travels packed.

    A notebook holds one of these in each output that shows a run.
    """
    return f'({UNPACK})("{pack(module())}").then({_IMPORTED})'


@cache
def widget_module() -> str:
    """Return the module of a widget: it unpacks the real one."""
    parts = ", ".join(f"{name}: async (args) => (await code).default.{name}(args)" for name in ("initialize", "render"))
    return f"const code = {code()};\nexport default {{ {parts} }};\n"
