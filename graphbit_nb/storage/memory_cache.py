"""Remembered answers that live as long as the process: the same as `CacheStore`, without a file."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graphbit_nb.storage.cache import LARGEST_SHARE, MAX_BYTES
from graphbit_nb.storage.cache_table import CacheStats
from graphbit_nb.storage.differences import Miss, nearest_of
from graphbit_nb.storage.entries import Entry, canonical, key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


class MemoryCache:
    """Remembered answers of this process. Any thread may call.

    Args:
        max_bytes: Room that they may take; then those that were not used for longest go.
        clock: Seconds since 1970.
    """

    def __init__(self, *, max_bytes: int = MAX_BYTES, clock: Callable[[], float] = time.time) -> None:
        self.max_bytes = max_bytes
        self.clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, Entry] = OrderedDict()  # what was used last is at the end
        self._size = 0

    def __repr__(self) -> str:
        return f"MemoryCache({len(self._entries)} entries)"

    def look_up(self, key: str) -> Future[Entry | None]:
        """Find an entry by its key."""
        found: Future[Entry | None] = Future()
        with self._lock:
            found.set_result(self._entries.get(key))
        return found

    def keep(self, entry: Entry) -> None:
        """Remember an answer."""
        now = self.clock()
        entry = replace(entry, created=now, used=now, size=len(entry.request) + len(entry.record))
        if entry.size * LARGEST_SHARE > self.max_bytes:
            return
        with self._lock:
            self._take(entry.key)
            self._entries[entry.key] = entry
            self._size += entry.size
            while self._size > self.max_bytes:
                self._take(next(iter(self._entries)))

    def used(self, key: str) -> None:
        """Note that an answer was taken."""
        with self._lock:
            if (entry := self._entries.get(key)) is not None:
                self._entries[key] = replace(entry, used=self.clock(), hits=entry.hits + 1)
                self._entries.move_to_end(key)

    def forget(self, keys: Iterable[str]) -> None:
        """Throw answers away."""
        with self._lock:
            for key in keys:
                self._take(key)

    def warn(self, message: str) -> None:
        """Nothing is wrong with what nobody else can write."""

    def flush(self) -> None:
        """Nothing waits."""

    def entries(
        self,
        *,
        node: str | None = None,
        model: str | None = None,
        kind: str | None = None,
        older_than: float | None = None,
        limit: int | None = 100,
    ) -> list[Entry]:
        """Return what is remembered, what was used last first, see `CacheStore.entries`."""
        return self._found(node, model, kind, older_than, None)[:limit]

    def stats(self) -> CacheStats:
        """Return how much is remembered."""
        found = self._found(None, None, None, None, None)
        return CacheStats(
            len(found), sum(e.size for e in found), sum(e.hits for e in found),
            sum(e.hits * (e.cost or 0.0) for e in found),
            min((e.created for e in found), default=None), max((e.created for e in found), default=None),
        )  # fmt: skip

    def prune(
        self,
        *,
        keys: Sequence[str] | None = None,
        node: str | None = None,
        model: str | None = None,
        kind: str | None = None,
        older_than: float | None = None,
        unused_for: float | None = None,
    ) -> int:
        """Throw away what fits everything that is said, see `CacheStore.prune`."""
        gone = [e.key for e in self._found(node, model, kind, older_than, unused_for) if keys is None or e.key in keys]
        self.forget(gone)
        return len(gone)

    def explain(self, data: Mapping[str, Any], node: str = "") -> Miss:
        """Say why a request is not remembered, see `CacheStore.explain`."""
        key = key_of(canonical(data))
        found = self._found(None, None, str(data.get("call")), None, None)
        return nearest_of(data, node, [e for e in found if e.key == key], found)

    def why(self, node: str, run: str | None = None) -> Miss | None:
        """Say why a node was asked or computed in a run, see `CacheStore.why`."""
        mine = [e for e in self._found(node, None, None, None, None) if run is None or e.run == run]
        if not mine:
            return None
        asked = max(mine, key=lambda entry: entry.created)
        others = self._found(None, None, asked.kind, None, None)
        before = [e for e in others if e.key != asked.key and e.created <= asked.created]
        return nearest_of(asked.asked(), node, (), before)

    def _found(
        self, node: str | None, model: str | None, kind: str | None, older: float | None, unused: float | None
    ) -> list[Entry]:
        now = self.clock()
        with self._lock:
            found = list(reversed(self._entries.values()))
        return [
            e
            for e in found
            if (node is None or e.node == node)
            and (model is None or e.model == model)
            and (kind is None or e.kind == kind)
            and (older is None or e.created <= now - older)
            and (unused is None or e.used <= now - unused)
        ]

    def _take(self, key: str) -> None:
        if (old := self._entries.pop(key, None)) is not None:
            self._size -= old.size
