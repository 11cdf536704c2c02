"""Turns an exception into what is kept of it: type, text, and the place in the user's own code."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from graphbit_nb.core.events import ErrorInfo
from graphbit_nb.core.redaction import redact
from graphbit_nb.errors import CircuitOpenError, GraphbitError, ProviderError

if TYPE_CHECKING:
    from collections.abc import Sequence

_ENDS_LOOPS = (StopIteration, SystemExit, KeyboardInterrupt, GeneratorExit)
_OURS = str(Path(__file__).resolve().parents[1])
_MOST = 2_000  # characters of a foreign exception's text
_FRAMES = 20  # of a traceback, counted from its end


def describe_error(error: BaseException, *, node: str, attempts: int = 1) -> ErrorInfo:
    """Return what is kept of `error`. The exception and its frames are not."""
    message = _text(error)
    if isinstance(error, ProviderError):
        return ErrorInfo(
            type(error).__name__, message, node, max(error.attempts, attempts), provider=error.provider or None,
            model=error.model, status=error.status, request_id=error.request_id, retry_after=error.retry_after,
        )  # fmt: skip
    if isinstance(error, GraphbitError):
        rest = error.retry_after if isinstance(error, CircuitOpenError) else None
        return ErrorInfo(type(error).__name__, message, node, attempts, retry_after=rest)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_users(frame.filename)]
    place = lines = None
    if frames:
        own = frames[0].filename
        last = [frame for frame in frames if frame.filename == own][-1]
        place = f"{_shown(own)}, line {last.lineno}"
        if last.line:
            place += f": {redact(last.line.strip())}"
        lines = redact("".join(_formatted(frames[-_FRAMES:])))
    cut = message if len(message) <= _MOST else message[: _MOST - 1] + "…"
    return ErrorInfo(type(error).__name__, cut, node, attempts, place, lines)


def contained(error: BaseException) -> BaseException:
    """Return the error as one that can be raised on an event loop: some would end the loop or never arrive."""
    if not isinstance(error, _ENDS_LOOPS):
        return error
    text = _text(error)
    said = "" if text == type(error).__name__ else f": {text}"
    return RuntimeError(f"it raised {type(error).__name__}{said}").with_traceback(error.__traceback__)


def _text(error: BaseException) -> str:
    try:
        return redact(str(error)) or type(error).__name__
    except Exception:  # noqa: BLE001 (the text of a foreign exception is made by foreign code)
        return f"{type(error).__name__}, whose text cannot be read"


def _is_users(filename: str) -> bool:
    return not filename.startswith(_OURS) and Path(filename).parent.name != "asyncio"


def _shown(filename: str) -> str:
    return filename if filename.startswith("<") or not Path(filename).suffix else Path(filename).name


def _formatted(frames: Sequence[traceback.FrameSummary]) -> list[str]:
    heads = [f"{_shown(frame.filename)}, line {frame.lineno}, in {frame.name}\n" for frame in frames]
    return [head + (f"    {frame.line}\n" if frame.line else "") for head, frame in zip(heads, frames, strict=True)]
