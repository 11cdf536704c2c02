"""Starts, shares, restarts and stops the child processes that run local models."""

from __future__ import annotations

import atexit
import json
import os
import queue
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pydantic import SecretStr

from graphbit_nb.core.redaction import holds_key
from graphbit_nb.errors import ConfigurationError, GraphbitError, ProviderConnectionError, ProviderTimeoutError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INSTALL_RUNTIME = 'install the local model\'s runtime: pip install "graphbit-nb[local]"'
MOST_THREADS = 4

_CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_SECRET = re.compile(r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASS(?:WORD|WD|PHRASE)?|PAT|CREDENTIALS?)$", re.IGNORECASE)
_LOG_PREFIX = re.compile(r"^[\d.]+ [A-Z] +(?:\w+ {2,})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """What makes two servers the same one.

    Attributes:
        path: The model's file.
        name: What the model is called in answers.
        threads: CPU threads.
        slots: Answers at the same time.
        context: Tokens of prompt and answer, for each slot.
    """

    path: str
    name: str
    threads: int
    slots: int
    context: int


@dataclass(frozen=True, slots=True)
class Address:
    """Where a running server listens, and the key that it wants."""

    url: str
    key: SecretStr
    pid: int


def default_threads() -> int:
    """One thread less than there are cores for us, so that the kernel stays responsive; at most four.

    More of them than free cores do not share the work: they wait for each other, spinning.
    """
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 2
    with suppress(OSError, ValueError):  # a container's share of the processors
        quota, period = _CPU_QUOTA.read_text(encoding="ascii").split()
        cores = min(cores, int(quota) // int(period))
    return max(1, min(MOST_THREADS, cores - 1))


class LocalServer:
    """One child process, started when it is needed. Every method may be called from any thread.

    Args:
        options: What to run.
        command: The command that runs the child.
        start_timeout: Seconds until the model must be loaded.
        stop_timeout: Seconds in which the child must end by itself.
    """

    def __init__(
        self,
        options: ServerOptions,
        *,
        command: Sequence[str] | None = None,
        start_timeout: float = 120.0,
        stop_timeout: float = 3.0,
    ) -> None:
        # -P: the folder of the script holds modules whose names must not get in the way of the runtime's imports
        self._command = command or (sys.executable, "-P", str(Path(__file__).with_name("server.py")))
        self._options = options
        self._start_timeout = start_timeout
        self._stop_timeout = stop_timeout
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._address: Address | None = None

    @property
    def address(self) -> Address | None:
        """The address of the running child; None when there is none."""
        process, address = self._process, self._address
        return address if process is not None and process.poll() is None else None

    def start(self) -> Address:
        """Return the address of the child, which is started when none is running. Blocks until the model is loaded.

        Raises:
            ConfigurationError: it cannot run here; the message says why and what to do.
            ProviderError: it did not start this time.
        """
        with self._lock:
            if (address := self.address) is not None:
                return address
            self._end()
            key = secrets.token_hex(16)
            with tempfile.TemporaryFile() as log:
                self._process = self._launch(key, log)
                told = self._first_line(self._process)
                if "address" not in told:
                    code = self._end(kill=told.get("kind") == "Timeout")
                    raise self._explain(told, code, _read_log(log))
            self._address = Address(told["address"], SecretStr(key), self._process.pid)
            return self._address

    def exit_code(self, patience: float = 1.0) -> int | None:
        """Return the exit code of a child that has ended or is just ending, and None for one that runs on."""
        process = self._process
        if process is None:
            return None
        try:
            return process.wait(patience)
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> None:
        """End the child. A later call starts another one."""
        with self._lock:
            self._end()

    def _launch(self, key: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
        own_group: dict[str, Any] = {"start_new_session": True}  # Ctrl-C in the terminal is not meant for it
        if sys.platform == "win32":
            own_group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
        try:
            process = subprocess.Popen(  # noqa: S603 (our own file)
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=_harmless(os.environ),
                **own_group,
            )
        except OSError as error:
            raise ConfigurationError(f"the local model's process could not be started: {error}") from error
        with suppress(OSError):  # a child that is gone already has told why
            if process.stdin is not None:
                process.stdin.write((json.dumps({**asdict(self._options), "key": key}) + "\n").encode())
                process.stdin.flush()
        return process

    def _first_line(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        stdout = process.stdout
        if stdout is None:
            return {}
        threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
        try:
            line = lines.get(timeout=self._start_timeout)
            told = json.loads(line) if line else {}
        except queue.Empty:
            return {"kind": "Timeout"}
        except ValueError:
            return {"kind": "ValueError", "error": f"it said {line[:200]!r}"}
        return told if isinstance(told, dict) else {}

    def _explain(self, told: dict[str, Any], code: int | None, log: str) -> GraphbitError:
        kind, said = told.get("kind", ""), str(told.get("error", ""))
        if kind == "ModuleNotFoundError":
            return ConfigurationError(f"{INSTALL_RUNTIME} ({said})")
        if kind == "ImportError" and "libgomp" in said:
            return ConfigurationError(
                f"the local model needs a system library ({said}); on Debian and Ubuntu: apt-get install libgomp1"
            )
        if kind == "Timeout":
            message = f"the local model was not loaded within {self._start_timeout:g} seconds"
            return ProviderTimeoutError(message, provider="local", model=self._options.name)
        reason = "; ".join(part for part in (said, log) if part)
        if kind:
            return ConfigurationError(f"the local model {self._options.path!r} cannot be loaded: {reason}")
        if sys.platform != "win32" and code == -signal.SIGILL:
            return ConfigurationError("the local model's runtime needs a processor with AVX2")
        return ProviderConnectionError(
            f"the local model's process ended at its start ({describe_exit(code)}){': ' if reason else ''}{reason}",
            provider="local",
            model=self._options.name,
        )

    def _end(self, *, kill: bool = False) -> int | None:
        process, self._process, self._address = self._process, None, None
        if process is None:
            return None
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()  # the child takes it as the sign to end
        try:
            code = process.wait(0.0 if kill else self._stop_timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if process.stdout is not None:
            process.stdout.close()
        return code


def describe_exit(code: int | None) -> str:
    """Say in words how a process ended."""
    if code is not None and code < 0:
        with suppress(ValueError):
            return f"by signal {signal.Signals(-code).name}"
    return f"exit code {code}"


def _harmless(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without keys and passwords: the child asks nobody, and must not be told them."""
    return {name: value for name, value in environ.items() if not (_SECRET.search(name) or holds_key(value))}


def _read_log(log: IO[bytes]) -> str:
    """The first line that the runtime logged as an error: the later ones are its consequences."""
    log.seek(0)
    lines = [line.strip() for line in log.read(64 * 1024).decode(errors="replace").splitlines() if line.strip()]
    told = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "")
    return _LOG_PREFIX.sub("", told)[:500]


_lock = threading.Lock()
_shared: dict[ServerOptions, tuple[LocalServer, int]] = {}


def acquire(options: ServerOptions) -> LocalServer:
    """Return the server that all clients with these options share. Give it back with `release`."""
    with _lock:
        server, users = _shared.get(options) or (LocalServer(options), 0)
        _shared[options] = (server, users + 1)
        return server


def release(options: ServerOptions) -> None:
    """Give a shared server back; when nobody is left who uses it, it is stopped. Blocks until it is."""
    with _lock:
        server, users = _shared.get(options, (None, 0))
        if users > 1 and server is not None:
            _shared[options] = (server, users - 1)
            return
        _shared.pop(options, None)
    if server is not None:
        server.stop()


@atexit.register
def _stop_all() -> None:
    with _lock:
        servers = [server for server, _ in _shared.values()]
        _shared.clear()
    for server in servers:
        server.stop()
