"""What one run remembers and is reminded of: the answers of its models, and the outputs of its computed nodes."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.encoding import CannotKeepError, decode_noting, encode
from graphbit_nb.core.paths import without_numbers
from graphbit_nb.errors import StorageError
from graphbit_nb.graph.caching import CacheMode, first_mode
from graphbit_nb.storage.entries import Entry, canonical, key_of, sealed
from graphbit_nb.storage.remembering import Answers, RememberingClient, found_in, is_too_old

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphbit_nb.core.calls import Identity
    from graphbit_nb.core.llm import LlmClient
    from graphbit_nb.graph.node import Node


class RunMemory:
    """Serves the engine (`execution.memory.NodeMemory`) and wraps the clients of one run.

    Args:
        store: Where answers are remembered.
        mode: What is done with them where a node says nothing: the call's, else the executor's.
        workflow: Name of the workflow.
        run_id: The run.
        clock: Seconds from any start, for the times of pieces of an answer.
    """

    def __init__(
        self,
        store: Answers,
        mode: CacheMode | None = None,
        *,
        workflow: str = "",
        run_id: str | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.store = store
        self.mode = mode or CacheMode()
        self._workflow = workflow
        self._run_id = run_id
        self._clock = clock
        self._asked: dict[str, list[str]] = {}

    def mode_of(self, node: Node) -> CacheMode:
        """Return what is done for a node: its own mode goes before the run's."""
        return first_mode(node.cache, self.mode)

    def wrap(self, client: LlmClient, node: Node, identity: Identity, code: str | None = None) -> LlmClient:
        """Return a client that remembers, or the client itself where nothing is remembered.

        A script is never remembered: its answers depend on how often it was asked. Nor is a client that says so by an
        attribute ``remembers = False``.

        Args:
            client: Makes the calls.
            node: Who asks.
            identity: Whom it asks.
            code: What tells one version of the client from another, if somebody may change it.
        """
        mode = self.mode_of(node)
        if not mode.writes or identity.provider == "scripted" or getattr(client, "remembers", True) is False:
            return client
        if code is not None:
            identity = replace(identity, options={**identity.options, "code": code})
        return RememberingClient(
            client,
            self.store,
            mode,
            identity=identity,
            workflow=self._workflow,
            run_id=self._run_id,
            asked=self._asked,
            clock=self._clock,
        )

    # ---- for the engine

    async def recall(self, data: Mapping[str, Any], mode: CacheMode) -> tuple[Any, str] | None:
        """Return what a computed node gave and printed when it was run with the same, or None."""
        if not mode.reads:
            return None
        text = canonical(data)
        key = key_of(text)
        entry = await found_in(self.store, key)
        if entry is None or is_too_old(entry, mode, self.store.clock()):
            return None
        try:
            value = _output(entry, text)
        except StorageError as error:
            self.store.warn(f"{error} (the entry {key} is thrown away)")
            self.store.forget((key,))
            return None
        if value is not None:
            self.store.used(key)
        return value

    def keep(self, data: Mapping[str, Any], path: str, value: Any, printed: str = "") -> str | None:
        """Remember what a computed node gave and printed. Returns why it cannot be, if so."""
        try:
            record = sealed({"output": encode(value), "printed": printed})
        except CannotKeepError as error:
            return f"its output cannot be kept: {error}"
        text = canonical(data)
        self.store.keep(
            Entry(
                key=key_of(text),
                kind="node",
                node=without_numbers(path),
                workflow=self._workflow,
                request=text,
                record=record,
                run=self._run_id,
            )
        )
        return None

    def ended(self, path: str, *, is_rejected: bool) -> None:
        """A node has ended.

        Args:
            path: What the run calls it.
            is_rejected: Whether it failed because what its model answered does not fit. Then the answers are forgotten:
                they would fail again each time.
        """
        keys = self._asked.pop(path, None)
        if keys and is_rejected:
            self.store.forget(keys)


def _output(entry: Entry, text: str) -> tuple[Any, str] | None:
    """Return what an entry holds, or None when it holds what is not there any more. Raises `StorageError`."""
    given = entry.given()
    if entry.request != text or not isinstance(given, dict) or "output" not in given:
        raise StorageError("what was remembered is damaged: it is no output")
    value, missing = decode_noting(given["output"])
    printed = given.get("printed")
    return None if missing else (value, printed if isinstance(printed, str) else "")
