"""Writes events, and what the package itself has to say, as log lines: for a person or as JSON. Uses structlog.

structlog carries what a line is about (run, node, attempt) as values up to the writer, so that one line serves the
person and the program that reads logs; the standard library's logging would flatten them into a text first. Nothing of
structlog's own settings is touched: those are the user's.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

from graphbit_nb.core import events as e
from graphbit_nb.core.redaction import redact_label
from graphbit_nb.errors import UsageError, did_you_mean
from graphbit_nb.telemetry.logfile import LogFile, is_writable
from graphbit_nb.telemetry.loglines import LEVELS, level_of, line_of, said

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, MutableMapping

LogFormat = Literal["console", "json"]
FORMATS = ("console", "json")
_SHORT = 200  # characters of names and ids


class Logs:
    """Log lines of one process.

    Args:
        level: The least that is written: ``"debug"``, ``"info"``, ``"warning"``, ``"error"`` or ``"critical"``.
        format: ``"console"`` for a person, ``"json"`` for a program, one object a line.
        file: The path of a file that is added to, or a stream; None is stderr.
        content: Whether prompts, answers, inputs and outputs are written as well. Keys never are.

    Raises:
        UsageError: an argument is not allowed, or the file cannot be written.
    """

    def __init__(
        self,
        level: str = "info",
        *,
        format: LogFormat = "console",  # noqa: A002 (the word for it)
        file: str | os.PathLike[str] | Any = None,
        content: bool = False,
    ) -> None:
        _one_of("log_level", level, tuple(LEVELS))
        _one_of("log_format", format, FORMATS)
        self.level = LEVELS[level]
        self.content = content
        self._lock = threading.Lock()
        self._own = None
        if file is None:
            self._stream: Any = sys.stderr
        elif is_writable(file):
            self._stream = file
        else:
            self._stream = self._own = LogFile(_path(file))
        colours = format == "console" and self._own is None and bool(getattr(self._stream, "isatty", bool)())
        self.kinds = frozenset(kind for kind in e.EVENT_TYPES.values() if level_of(kind) >= self.level)
        self._write = _processors(format, colours)
        self._handler = _Handler(self)

    @property
    def path(self) -> str | None:
        """The file that is written, if it is one."""
        return None if self._own is None else str(self._own.path)

    def sink(self, workflow: str = "") -> RunLog:
        """Return a sink for one run."""
        return RunLog(self, workflow)

    def install(self) -> None:
        """Write what the package says through the standard library's logging as well."""
        logger = logging.getLogger("graphbit_nb")
        logger.setLevel(self.level)
        if self._handler not in logger.handlers:
            logger.addHandler(self._handler)

    def close(self) -> None:
        """Take everything back, and give back the file."""
        logger = logging.getLogger("graphbit_nb")
        if self._handler in logger.handlers:
            logger.removeHandler(self._handler)
            logger.setLevel(logging.NOTSET)
        if self._own is not None:
            self._own.close()

    def write(self, level: int, time: float, event: str, fields: Mapping[str, Any]) -> None:
        """Write one line."""
        # what is longer was said by somebody, and is without keys already
        clean = {
            name: redact_label(value) if type(value) is str and len(value) < _SHORT else value
            for name, value in fields.items()
        }
        line: Any = {"time": time, "level": _name(level), "event": event, **clean}
        for process in self._write:
            line = process(None, line["level"] if isinstance(line, dict) else "", line)
        with self._lock:
            self._stream.write(f"{line}\n")


class RunLog:
    """The sink of one run; each line has its run, and where there is one its node and which attempt it is."""

    wants_tokens = False

    def __init__(self, logs: Logs, workflow: str) -> None:
        self._logs = logs
        self._workflow = workflow
        self._attempts: Counter[str] = Counter()
        self._asking: set[str] = set()  # nodes that ask models

    def __call__(self, event: e.Event) -> None:
        """Write an event's line, if its level is high enough."""
        kind = type(event)
        if kind in _COUNTED:
            self._count(event)
        logs = self._logs
        if kind not in logs.kinds:
            return
        level, fields = line_of(event, content=logs.content)
        if level < logs.level:
            return
        about: dict[str, Any] = {"run": event.run_id}
        if self._workflow:
            about["workflow"] = self._workflow
        node = getattr(event, "node", None)
        if node is not None:
            about["node"] = node
            if attempt := self._attempts.get(node):
                about["attempt"] = attempt
        logs.write(level, event.time, event.kind, {**about, **fields})

    def _count(self, event: Any) -> None:
        match event:
            case e.RunStarted():
                self._workflow = event.workflow
            case e.LlmRequested():
                self._asking.add(event.node)
                self._attempts[event.node] += 1
            case e.RetryScheduled():
                self._attempts.setdefault(event.node, 1)
            case e.NodeResumed():  # one that asks a model says so itself
                self._attempts[event.node] += event.node not in self._asking


_COUNTED = frozenset({e.RunStarted, e.LlmRequested, e.RetryScheduled, e.NodeResumed})


class _Handler(logging.Handler):
    """Brings records of the standard library's logging into the same lines."""

    def __init__(self, logs: Logs) -> None:
        super().__init__()
        self._logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        try:
            fields = {"logger": record.name}
            if record.exc_info and record.exc_info[0] is not None:
                fields["exception"] = said(logging.Formatter().formatException(record.exc_info))
            elif record.exc_text:  # a key was taken out of it
                fields["exception"] = said(record.exc_text)
            self._logs.write(record.levelno, record.created, said(record.getMessage()), fields)
        except Exception:  # noqa: BLE001 (logging reports it by its own rules)
            self.handleError(record)


def _processors(form: LogFormat, colours: bool) -> tuple[Any, ...]:
    import structlog

    if form == "json":
        encode = json.JSONEncoder(default=str, ensure_ascii=False).encode  # made once: that is half of the time
        return _time, structlog.processors.JSONRenderer(serializer=lambda line, **_: encode(line))
    console = structlog.dev.ConsoleRenderer(colors=colours, timestamp_key="time", pad_event_to=18, sort_keys=False)
    return _time, console


def _time(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Write the time of the event itself, not that of the writing."""
    line["time"] = f"{dt.datetime.fromtimestamp(line['time'], dt.UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    return line


_NAMES = {number: name for name, number in LEVELS.items()}


def _name(level: int) -> str:
    found = _NAMES.get(level)
    return found or next((name for name, number in reversed(LEVELS.items()) if level >= number), "debug")


def _path(file: Any) -> Any:
    import os

    if isinstance(file, str | os.PathLike) and str(file):
        return file
    raise UsageError(f"log_file={file!r}: give the path of a file, or a stream that takes text")


def _one_of(what: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        near = did_you_mean(str(value), allowed)
        raise UsageError(f"{what}={value!r}{near}; one of {', '.join(allowed)}")
