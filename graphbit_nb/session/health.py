"""Whether what runs need is there: providers, the embedded model, the store. Asks nothing that costs anything.

Every check goes on by itself in a daemon thread, and what has not answered in time is said to be late: a provider
that hangs, or a file that is locked, holds nobody up.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import sys
import threading
import time
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from graphbit_nb.core.redaction import redact
from graphbit_nb.errors import AuthenticationError, GraphbitError, ProviderError, UsageError
from graphbit_nb.session.home import DATABASE, expected_home
from graphbit_nb.session.shared import _Shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.providers.clients import LlmClientManager

State = Literal["ok", "off", "warning", "failed"]
TIMEOUT = 3.0
LONGEST = 60.0
LITTLE_SPACE = 200 * 1024**2
NO_SPACE = 20 * 1024**2
_PACKAGES = ("graphbit-nb", "httpx", "pydantic", "ipywidgets", "anywidget")
_MARKS: Mapping[State, str] = {"ok": "+", "off": "-", "warning": "!", "failed": "x"}
_ANY_MODEL = "any"  # a config must name one; lists do not depend on it


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Attributes:
        what: Which, such as ``"provider openai"``.
        state: ``"ok"``; ``"off"`` for what is not set up; ``"warning"``; ``"failed"``.
        said: What was found, and what to do about it.
        seconds: How long that took.
    """

    what: str
    state: State
    said: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """What `health_check` found. Printed it is a line for each check."""

    checks: tuple[Check, ...]
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing has failed. What is not set up has not."""
        return not self.failed

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that have failed."""
        return tuple(check for check in self.checks if check.state == "failed")

    def __getitem__(self, what: str) -> Check:
        for check in self.checks:
            if check.what == what:
                return check
        raise KeyError(what)

    def __repr__(self) -> str:
        wide = max((len(check.what) for check in self.checks), default=0)
        lines = [f"{_MARKS[c.state]} {c.what:<{wide}}  {c.state:<7}  {c.said}" for c in self.checks]
        verdict = "all is well" if self.ok else f"{len(self.failed)} failed"
        return "\n".join([f"health: {verdict}", *lines, self.versions_line]).rstrip()

    @property
    def versions_line(self) -> str:
        """The versions in one line."""
        return ", ".join(f"{name} {version}" for name, version in self.versions.items())


def health_check(timeout: float = TIMEOUT, *, configs: Iterable[LlmConfig] = ()) -> HealthReport:
    """Look whether what runs need is there, and say what was found. Raises nothing but for its own arguments.

    Providers are asked for their list of models, which costs nothing: those with a key, those that run on this
    machine, and those of `configs`. The store is written to and the writing taken back.

    Args:
        timeout: Seconds that it may take in all.
        configs: Models that are to be asked with exactly these addresses and keys.

    Raises:
        UsageError: an argument is not allowed.
    """
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout <= LONGEST:
        raise UsageError(f"timeout={timeout!r}: give a number of seconds up to {LONGEST:g}")
    board = _Board(timeout)
    wanted = _Wanted.of(tuple(configs))
    board.begin("home", _home)
    board.begin("store", lambda: _store(timeout))
    board.begin("cache", _cache)
    board.begin("disk", _disk)
    board.begin("local model", _local)
    board.begin("circuits", _circuits)
    board.begin_asking(wanted)
    if wanted.without_key:
        board.tell(Check(what="no key", state="off", said=", ".join(wanted.without_key)))
    return HealthReport(checks=board.wait(), versions=_versions())


class _Board:
    """Where each check writes down what it found."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._found: dict[str, Check | None] = {}
        self._all = threading.Event()

    def begin(self, what: str, look: Callable[[], tuple[State, str]]) -> None:
        """Have something looked at, in a thread of its own."""
        self._found[what] = None

        def work() -> None:
            self.tell(_checked(what, look, self._began))

        self._start(what, work)

    def begin_asking(self, wanted: _Wanted) -> None:
        """Have providers asked, all on one loop."""
        for what in wanted.asked:
            self._found[what] = None
        if wanted.asked:
            self._start("providers", lambda: asyncio.run(_ask_all(wanted, self, self._timeout)))

    def tell(self, check: Check) -> None:
        """Write down what was found."""
        with self._lock:
            self._found[check.what] = check
            if all(found is not None for found in self._found.values()):
                self._all.set()

    def wait(self) -> tuple[Check, ...]:
        """Return what was found once all is there or the time is up."""
        left = self._timeout - (time.monotonic() - self._began)
        while left > 0 and any(found is None for found in self._found.values()):
            self._all.wait(left)
            self._all.clear()
            left = self._timeout - (time.monotonic() - self._began)
        late = f"no answer within {self._timeout:g} s"
        with self._lock:
            return tuple(
                Check(what=what, state="failed", said=late, seconds=self._timeout) if found is None else found
                for what, found in self._found.items()
            )

    def _start(self, what: str, work: Callable[[], Any]) -> None:
        threading.Thread(target=work, name=f"graphbit-health-{what}", daemon=True).start()


def _checked(what: str, look: Callable[[], tuple[State, str]], began: float) -> Check:
    try:
        state, said = look()
    except Exception as error:  # noqa: BLE001 (whatever is wrong, that is what is to be told)
        state, said = "failed", _told(error)
    return Check(what=what, state=state, said=redact(said), seconds=time.monotonic() - began)


def _told(error: BaseException) -> str:
    text = str(error) if isinstance(error, GraphbitError | OSError) else f"{type(error).__name__}: {error}"
    return redact(" ".join(text.split())[:500]) or type(error).__name__


# ---- providers


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which providers are asked, by what each check is called; whether it is expected to be there."""

    asked: Mapping[str, tuple[LlmConfig, bool]]
    without_key: tuple[str, ...]

    @classmethod
    def of(cls, configs: tuple[LlmConfig, ...]) -> _Wanted:
        """Find the providers that are set up. Raises `UsageError` for what is no config."""
        from graphbit_nb.core.config import LlmConfig
        from graphbit_nb.providers.catalog import PRESETS
        from graphbit_nb.providers.environment import environment

        asked: dict[str, tuple[LlmConfig, bool]] = {}
        for config in configs:
            if not isinstance(config, LlmConfig):
                raise UsageError(f"configs: {config!r} is no LlmConfig, such as LlmConfig.openai('gpt-4o-mini')")
            if config.provider not in {"scripted", "local"}:
                asked[_called(config, asked)] = (config.with_model(config.model or _ANY_MODEL), True)
        environ, kept, without = environment(), _kept(), []
        named = {config.provider for config, _ in asked.values()}
        for preset in PRESETS.values():
            if preset.name in named or preset.name == "local":
                continue
            has_address = bool(preset.address_variable and environ.get(preset.address_variable))
            has_key = bool(preset.key_variable and environ.get(preset.key_variable)) or preset.name in kept
            if preset.needs_key and not has_key:
                without.append(preset.name)
            elif preset.base_url or has_address:
                config = LlmConfig(provider=preset.name, model=_ANY_MODEL)
                asked[f"provider {preset.name}"] = (config, preset.needs_key or has_address or has_key)
        return cls(asked, tuple(without))


def _called(config: LlmConfig, taken: Mapping[str, Any]) -> str:
    host = urlsplit(config.base_url or "").hostname
    name = f"provider {config.provider}{f' at {host}' if host else ''}"
    number = 2
    while name in taken:
        name, number = f"{name.partition(' (')[0]} ({number})", number + 1
    return name


def _kept() -> frozenset[str]:
    """Return the providers whose key is kept; none when that cannot be read, which the asking tells."""
    from graphbit_nb.storage.secrets import SecureConfig

    try:
        return frozenset(SecureConfig().names())
    except GraphbitError:
        return frozenset()


async def _ask_all(wanted: _Wanted, board: _Board, longest: float) -> None:
    from graphbit_nb.providers.clients import LlmClientManager
    from graphbit_nb.storage.secrets import stored_key

    manager = LlmClientManager(keys=stored_key)

    async def ask(what: str, config: LlmConfig, *, is_expected: bool) -> None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(max(longest * 0.9, longest - 0.3)):
                state, said = await _reached(manager, config)
        except TimeoutError:
            state, said = ("failed" if is_expected else "off"), f"no answer within {longest:g} s"
        except Exception as error:  # noqa: BLE001 (as above)
            is_there = isinstance(error, AuthenticationError)
            state = "failed" if is_expected or is_there else "off"
            said = _told(error) if state == "failed" else "not running here"
        board.tell(Check(what=what, state=state, said=redact(said), seconds=time.monotonic() - began))

    async with asyncio.TaskGroup() as tasks:
        for what, (config, is_expected) in wanted.asked.items():
            tasks.create_task(ask(what, config, is_expected=is_expected))
    await manager.aclose()


async def _connected(config: LlmConfig) -> tuple[State, str]:
    """Look whether there is anybody at the address of a provider that has no list to be asked for."""
    from graphbit_nb.providers.presets import resolve
    from graphbit_nb.storage.secrets import stored_key

    address = urlsplit(resolve(config, keys=stored_key).base_url)
    port = address.port or (80 if address.scheme == "http" else 443)
    _, writer = await asyncio.open_connection(address.hostname, port)
    writer.close()
    return "ok", f"{address.hostname} can be reached; it has no list of models by which the key could be tried"


async def _reached(manager: LlmClientManager, config: LlmConfig) -> tuple[State, str]:
    from graphbit_nb.providers.catalog import PRESETS

    client = manager.client(config)
    if (preset := PRESETS.get(config.provider)) is not None and not preset.lists_models:
        return await _connected(config)
    try:
        listed = tuple(await client.list_models())
    except ProviderError as error:
        if error.status in {404, 405, 501}:
            return "ok", "reachable; it has no list of its models"
        raise
    if config.model in {None, _ANY_MODEL} or config.model in listed or not listed:
        return "ok", f"reachable, {len(listed):,} models" if listed else "reachable"
    return "ok", f"reachable, {len(listed):,} models; {config.model} is not listed"


# ---- this machine


def _home() -> tuple[State, str]:
    path = expected_home()
    if path.exists() and not path.is_dir():
        return "failed", f"{path} is a file; say where with graphbit_nb.init(home=...)"
    return "ok", str(path) if path.is_dir() else f"{path}, made at the first run"


def _store(timeout: float) -> tuple[State, str]:
    from graphbit_nb.storage.database import Database

    path = expected_home() / DATABASE
    if not path.exists():
        return _can_be_made(path.parent)
    database = Database(path, patience=timeout)
    try:
        database.check()
        try:
            database.change(_write_and_take_back)
        except _TakenBackError:
            return "ok", f"{DATABASE} can be written"
        return "failed", f"{DATABASE} does not take back what was written"
    finally:
        database.close()


class _TakenBackError(Exception):
    """Ends a transaction so that nothing of it stays."""


def _write_and_take_back(connection: sqlite3.Connection) -> None:
    connection.execute(
        "INSERT INTO workflows (id, name, format, definition, created) VALUES ('health', 'health', '', '', 0.0)"
    )
    raise _TakenBackError


def _can_be_made(directory: Path) -> tuple[State, str]:
    import tempfile

    place = _nearest(directory)
    with tempfile.TemporaryFile(dir=place) as file:
        file.write(b"health")
        file.flush()
    return "ok", f"not made yet; {place} can be written"


def _nearest(path: Path) -> Path:
    return next(place for place in (path, *path.parents) if place.is_dir())


def _cache() -> tuple[State, str]:
    from graphbit_nb.storage.database import Database

    path = expected_home() / DATABASE
    if not path.is_file():
        return "ok", "empty"
    database = Database(path)
    try:
        entries, size = database.query("SELECT count(*), coalesce(sum(size), 0) FROM cache")[0]
    finally:
        database.close()
    return "ok", f"{entries:,} answers, {_size(size)}; the file has {_size(path.stat().st_size)}"


def _disk() -> tuple[State, str]:
    place = _nearest(expected_home())
    free = shutil.disk_usage(place).free
    said = f"{_size(free)} free"
    if free < NO_SPACE:
        return "failed", f"{said} at {place}: runs cannot be kept; %graphbit forget and %graphbit cache make room"
    return ("warning", f"{said} at {place}") if free < LITTLE_SPACE else ("ok", said)


def _local() -> tuple[State, str]:
    from graphbit_nb.providers.local import is_available
    from graphbit_nb.providers.local.catalog import SMOLLM2
    from graphbit_nb.providers.local.weights import find

    if not is_available():
        return "off", "not installed: pip install 'graphbit-nb[local]'"
    path = find(SMOLLM2)
    if path is None:
        return "warning", "the runtime is there, its model is not: graphbit-nb local install"
    return "ok", f"{path.name}, {_size(path.stat().st_size)}"


def _circuits() -> tuple[State, str]:
    manager = _Shared.manager
    states = {} if manager is None else dict(manager.guards.states())
    bad = {name: state for name, state in states.items() if state != "closed"}
    if bad:
        return "warning", ", ".join(f"{name} {state.replace('_', ' ')}" for name, state in sorted(bad.items()))
    return "ok", f"{len(states)} closed" if states else "none yet in this process"


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"


def _versions() -> dict[str, str]:
    found = {"python": sys.version.split()[0], "sqlite": sqlite3.sqlite_version}
    for name in _PACKAGES:
        try:
            found[name] = installed(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
