"""Whether a text is one that providers take: a NUL or half of a surrogate pair is what none of them does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from graphbit_nb.errors import InvalidTextError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbit_nb.core.llm import Message

_UNSOUND = re.compile("[\x00\ud800-\udfff]")


def refuse_unsound(messages: Sequence[Message], origins: Sequence[Sequence[tuple[int, int, str]]] = ()) -> None:
    """Refuse messages that could not be sent as they are. Other control characters are sent.

    Args:
        messages: What is to be sent.
        origins: For each, which pieces (start, end) came from the value of which name.

    Raises:
        InvalidTextError: one has a NUL, or a surrogate without its other half; it says where, and where it came from.
    """
    for number, message in enumerate(messages):
        text = message.content
        if text.isascii() and "\x00" not in text:
            continue
        if (found := _UNSOUND.search(text)) is None:
            continue
        at = found.start()
        name = next((name for start, end, name in _of(origins, number) if start <= at < end), "")
        source = f"from {name!r}" if name else "of the template"
        what = "a NUL character" if found[0] == "\x00" else f"half a character, U+{ord(found[0]):04X},"
        line = text.count("\n", 0, at) + 1
        raise InvalidTextError(
            f"the prompt has {what} in line {line}, {source}, which no provider takes: read what it comes from in its "
            "own encoding, or take it out: text.replace('\\x00', '').encode('utf-8', 'replace').decode()"
        )


def _of(origins: Sequence[Sequence[tuple[int, int, str]]], number: int) -> Sequence[tuple[int, int, str]]:
    return origins[number] if number < len(origins) else ()
