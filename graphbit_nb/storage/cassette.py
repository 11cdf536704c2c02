"""Cassettes: files of calls to models that were made once, and are played again, readable line by line."""

from __future__ import annotations

import json
import logging
import os
import threading
from codecs import BOM_UTF8
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from graphbit_nb.core.encoding import from_text, to_text
from graphbit_nb.core.llm import ModelInfo
from graphbit_nb.core.paths import without_numbers
from graphbit_nb.core.redaction import redact
from graphbit_nb.errors import NotRecordedError, StorageError, UsageError, did_you_mean
from graphbit_nb.storage.differences import Difference, differences
from graphbit_nb.storage.recordings import INFO, Recording, in_utf_8, read_recording
from graphbit_nb.storage.tables import package_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.core.calls import CallRecord, Identity

logger = logging.getLogger("graphbit_nb")

Mode = Literal["once", "new_episodes", "none", "all"]

MODES: tuple[Mode, ...] = ("once", "new_episodes", "none", "all")
FORMAT = "graphbit-cassette"
VERSION = 1
LARGEST = 1 << 30  # bytes of a file

_MOST_LINES = 12  # of differences in an error


class Cassette:
    """A file of recorded calls. Any thread may use it, and runs at the same time may share it.

    Modes, as other tools name them: ``"once"`` records when there is no file yet, and else plays it; ``"new_episodes"``
    plays what is there and records what is new; ``"none"`` only plays, and needs neither a key nor a network; ``"all"``
    asks everything and begins the file anew. What is to be played and is not there is a `NotRecordedError`.

    Args:
        path: The file; JSON Lines, by custom ``NAME.cassette.jsonl``.
        mode: See above.
        speed: How fast pieces of answers come when they are played: 1 is as they came, 4 is four times as fast; None
            does not wait.

    Raises:
        UsageError: there is no such mode, or the speed is no number above 0.
        StorageError: the file cannot be read, or is no cassette.
    """

    def __init__(self, path: Any, mode: Mode = "once", *, speed: float | None = None) -> None:
        if not isinstance(path, str | os.PathLike) or not str(path):
            raise UsageError(f"cassette={path!r}: give the path of a file")
        if mode not in MODES:
            near = did_you_mean(str(mode), MODES) or f"; one of {', '.join(MODES)}"
            raise UsageError(f"mode={mode!r}{near}")
        is_number = isinstance(speed, int | float) and not isinstance(speed, bool)
        if speed is not None and (not is_number or not 0 < speed < float("inf")):
            raise UsageError(f"speed={speed!r}: give a number above 0, such as 1 or 4, or None not to wait")
        self.path = Path(os.fspath(path))
        self.mode: Mode = mode
        self.speed = speed
        self._lock = threading.Lock()
        self._is_fresh = mode == "all"  # whether the file is still to be begun anew
        exists = _size(self.path) > 0
        if mode == "none" and not exists:
            raise StorageError(f"there is no cassette {self.path}; record it first, with mode='once'")
        self._recordings = _read(self.path) if exists and mode != "all" else []
        self._records = mode in ("new_episodes", "all") or (mode == "once" and not exists)

    def __repr__(self) -> str:
        return f"Cassette({str(self.path)!r}, {self.mode!r}, {len(self._recordings)} calls)"

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """The calls on it, in the order in which they ended."""
        with self._lock:
            return tuple(self._recordings)

    @property
    def records(self) -> bool:
        """Whether what is not there is asked and recorded."""
        return self._records

    @property
    def plays(self) -> bool:
        """Whether what is there is played."""
        return self.mode != "all"

    def summary(self) -> str:
        """Say what is on it: a line for each node."""
        recordings = self.recordings
        if not recordings:
            return f"{self.path.name}: empty"
        nodes = Counter(without_numbers(one.record.node or "?") for one in recordings)
        failed = sum(one.record.error is not None for one in recordings)
        head = f"{self.path.name}: {len(recordings):,} calls" + (f", {failed:,} failed" if failed else "")
        return "\n".join([head, *(f"  {node}: {count:,}" for node, count in nodes.items())])

    def tape(self) -> Tape:
        """Return it as one run plays it, from the beginning."""
        return Tape(self)

    def add(self, key: str, record: CallRecord, info: ModelInfo) -> None:
        """Record a call: its line is in the file when this returns. What cannot be written is logged, not raised."""
        known = {name: getattr(info, name) for name in INFO}
        try:
            line = _line(key, record, known)
            with self._lock:
                self._append(line)
                self._recordings.append(Recording(0, key, record, known))
        except (OSError, StorageError, ValueError) as error:
            logger.warning("a call of %s is not recorded on %s: %s", record.node, self.path, error)

    def _append(self, line: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self._is_fresh:
            self._is_fresh = False
            _begin(self.path)
        with self.path.open("ab") as file:  # one write at the end of the file: others may do the same
            size = file.tell()
            before = ""
            if not size:
                before = _head() + "\n"
            elif not _ends_with_newline(self.path, size):
                before = "\n"
            file.write((before + line + "\n").encode())


class Tape:
    """A cassette as one run plays it: of equal requests the first gets the first recording, the next one the next.

    Args:
        cassette: What is played and recorded on.
    """

    def __init__(self, cassette: Cassette) -> None:
        self.cassette = cassette
        self._by_key: dict[str, list[Recording]] = defaultdict(list)
        if cassette.plays:
            for recording in cassette.recordings:
                self._by_key[recording.key].append(recording)
        self._taken: Counter[str] = Counter()

    def take(self, key: str) -> Recording | None:
        """Return the next recording of a request; the last one again when there are no more. None: there is none."""
        found = self._by_key.get(key)
        if not found:
            return None
        at = min(self._taken[key], len(found) - 1)
        self._taken[key] += 1
        return found[at]

    def info(self, identity: Identity) -> ModelInfo | None:
        """Return what was known of a model when it was recorded; None when nothing was recorded of it."""
        best: Recording | None = None
        for found in self._by_key.values():
            request = found[0].record.request
            if (request.get("provider"), request.get("endpoint")) == (identity.provider, identity.endpoint):
                if request.get("model") == identity.model:
                    best = found[0]
                    break
                best = best or found[0]
        return None if best is None else ModelInfo(provider=identity.provider, **best.info)

    def refusal(self, data: Mapping[str, Any], node: str | None) -> NotRecordedError:
        """Return the error of a call that is not there: what is nearest to it, and what to do."""
        path = self.cassette.path
        who = node or "this call"
        nearest = self._nearest(data, node)
        if nearest is None:
            told = "nothing is recorded on it"
        else:
            recording, found = nearest
            where = f"line {recording.line}" if recording.line else "a call of this session"
            told = f"the nearest is {where}, of {recording.record.node or '?'}; " + _told(found)
        return NotRecordedError(
            f"{who}: this call is not recorded on {path.name}: {told}; record it with mode='new_episodes' "
            "(%graphbit run --record), or undo the change",
            provider=str(data.get("provider")),
            model=data.get("model"),
        )

    def _nearest(self, data: Mapping[str, Any], node: str | None) -> tuple[Recording, tuple[Difference, ...]] | None:
        """Return the recording that is most like a request: of the same node before any other."""
        wanted = without_numbers(node or "")
        best: tuple[tuple[bool, int, int], Recording, tuple[Difference, ...]] | None = None
        for recordings in self._by_key.values():
            for recording in recordings[:1]:
                found = differences(recording.record.request, data)
                is_same = without_numbers(recording.record.node or "") == wanted
                rank = (is_same, -len(found), -sum(len("".join(one.lines)) for one in found))
                if best is None or rank > best[0]:
                    best = rank, recording, found
        return None if best is None else (best[1], best[2])


# ---- the file


def _head() -> str:
    made = {"format": FORMAT, "version": VERSION, "made_by": f"graphbit_nb {package_version()}"}
    return json.dumps({**made, "at": datetime.now(UTC).isoformat(timespec="seconds")})


def _begin(path: Path) -> None:
    """Begin a file anew, so that a reader sees the old one or the new one."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(_head() + "\n", encoding="utf-8")
    fresh.replace(path)


def _ends_with_newline(path: Path, size: int) -> bool:
    with path.open("rb") as file:
        file.seek(size - 1)
        return file.read(1) == b"\n"


def _line(key: str, record: CallRecord, info: Mapping[str, Any]) -> str:
    """Return a call as one line without keys; where something was taken out, the request's own key stands for it."""
    data = record.data()
    parts = {name: data[name] for name in ("node", "response", "error", "request", "told") if name in data}
    line = to_text({**parts, "client": dict(info)})
    clean = redact(line)
    if clean == line:
        return line
    logger.warning("%s: what looks like a key was taken out of the recording", record.node or "a call")
    return redact(to_text({"key": key, **parts, "client": dict(info)}))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except (OSError, ValueError) as error:  # a name that is too long, a NUL in it, a directory that is not ours
        raise StorageError(f"{str(path)!r} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _read(path: Path) -> list[Recording]:
    try:
        if _size(path) > LARGEST:
            raise StorageError(f"{path} is larger than {LARGEST >> 30} GiB: it is no cassette of ours")
        content = path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from None
    lines = content.split(b"\n")
    _check_head(lines[0], path)
    found = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        try:
            found.append(read_recording(line, number))
        except StorageError as error:
            if number == len(lines):  # what follows the last line break: the writer was cut off
                logger.warning("%s: its last line is cut off and left out", path)
                continue
            raise StorageError(f"{path}, line {number}: {error}") from None
    return found


def _check_head(line: bytes, path: Path) -> None:
    if b"\0" in line:
        raise StorageError(f"{path} has NUL characters, as UTF-16 has; save it as UTF-8")
    try:
        head = from_text(in_utf_8(line.removeprefix(BOM_UTF8)))
    except StorageError:
        head = None
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise StorageError(f"{path} is no cassette: its first line does not say so")
    if head.get("version") != VERSION:
        raise StorageError(f"{path} was made by a newer graphbit_nb ({head.get('made_by')}); update graphbit_nb")


def _told(found: tuple[Difference, ...]) -> str:
    if not found:
        return "it is the same, but was recorded for fewer calls"
    lines = [line for one in found for line in str(one).splitlines()]
    shown = "; ".join(line.strip() for line in lines[:_MOST_LINES])
    return f"it differs in: {shown}" + ("; …" if len(lines) > _MOST_LINES else "")
