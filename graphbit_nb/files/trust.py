"""What a file makes the machine do, shown before it is done: code, and addresses that prompts and keys are sent to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbit_nb.errors import UsageError
from graphbit_nb.files.schema import AgentDocument, AskingDocument, ConfigDocument, EmbedDocument, SubworkflowDocument

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphbit_nb.files.problems import Path, Places
    from graphbit_nb.files.schema import InnerDocument, WorkflowDocument

SHOWN_LINES = 15
SHOWN_PIECES = 20


class UntrustedCodeError(UsageError):
    """A file has code, or addresses, and nobody said that it may be trusted.

    Attributes:
        code: Each piece, by its place in the file.
    """

    def __init__(self, message: str, *, code: dict[str, str] | None = None) -> None:
        self.code = code or {}
        super().__init__(message)


def demand_trust(document: WorkflowDocument, places: Places) -> None:
    """Refuse a document that would run code, or send prompts to an address of its own.

    Raises:
        UntrustedCodeError: it would; the message shows what.
    """
    pieces: list[tuple[Path, str]] = [(("code",), document.code)] if document.code else []
    pieces += _pieces(document, ())
    if not pieces:
        return
    shown = [f"{places.of(path)}:\n{_shown(text)}" for path, text in pieces[:SHOWN_PIECES]]
    more = len(pieces) - len(shown)
    listed = "\n".join(shown) + (f"\n… and {more} more" if more else "")
    raise UntrustedCodeError(
        f"{places.name} has code or addresses, which are not used before you have read them; then load it with "
        f"trust=True\n{listed}",
        code={places.of(path): text for path, text in pieces},
    )


def _pieces(document: InnerDocument, path: Path) -> Iterator[tuple[Path, str]]:
    for number, node in enumerate(document.nodes):
        at = (*path, "nodes", number)
        for key in ("function", "body"):
            text = getattr(node, key, None)
            if node.kind in ("python", "condition") and isinstance(text, str):
                yield (*at, key), text
        if isinstance(node, AgentDocument):
            for place, tool in enumerate(node.tools):
                yield (*at, "tools", place), tool if isinstance(tool, str) else tool.function
        provider = node.provider if isinstance(node, AskingDocument | EmbedDocument) else None
        if isinstance(provider, ConfigDocument):
            yield from _address((*at, "provider"), provider)
        if node.fallback is not None:
            for model in node.fallback.models:
                yield from _address((*at, "fallback", "ask"), model)
        if isinstance(node, SubworkflowDocument):
            yield from _pieces(node.workflow, (*at, "workflow"))


def _address(path: Path, config: ConfigDocument) -> Iterator[tuple[Path, str]]:
    if config.base_url is not None:
        yield (*path, "base_url"), config.base_url


def _shown(text: str) -> str:
    lines = text.rstrip().split("\n")
    shown = ["    " + "".join(c if c.isprintable() else repr(c)[1:-1] for c in line) for line in lines[:SHOWN_LINES]]
    more = len(lines) - len(shown)
    return "\n".join([*shown, *([f"    … {more} more line{'s' if more > 1 else ''}"] if more else [])])
