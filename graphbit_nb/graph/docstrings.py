"""What a docstring says of its function, and of each parameter, as docstring_parser reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docstring_parser import DocstringReturns, DocstringStyle


def read_docstring(doc: str) -> tuple[str, dict[str, str]]:
    """Return what a docstring says of its function and what this returns, and what it says of each parameter.

    The style is the one that finds most in it: Google's, NumPy's, Sphinx's or Epydoc's.
    """
    from docstring_parser import DocstringStyle, ParseError, parse

    try:
        read = parse(f"\n{doc}")  # so that its indents outlive being cleaned once more
    except (ParseError, IndexError):  # the second for a field without a name, as in ": : x"
        return doc.strip(), {}
    if read.style in (DocstringStyle.REST, DocstringStyle.EPYDOC) and not (read.params or read.many_returns):
        return doc.strip(), {}  # prose, of which a line that begins with : or @ is no field
    returns = _line(*(_returned(each, read.style) for each in read.many_returns))
    prose = (read.description or "").strip()
    described = {name.strip(): _line(each.description) for each in read.params for name in each.arg_name.split(",")}
    told = "\n\n".join(part for part in (prose, returns and f"Returns: {returns}") if part)
    return told, {name: text for name, text in described.items() if text}


def _returned(one: DocstringReturns, style: DocstringStyle | None) -> str:
    """Return what is said of a result. A type is told where it is written before it, not in a field of its own."""
    from docstring_parser import DocstringStyle

    match style:
        case DocstringStyle.GOOGLE:
            return ": ".join(filter(None, (one.type_name, one.description)))
        case DocstringStyle.NUMPYDOC:
            return _line(" : ".join(filter(None, (one.return_name, one.type_name))), one.description)
        case _:
            return one.description or ""


def _line(*parts: str | None) -> str:
    return " ".join(" ".join(filter(None, parts)).split())
