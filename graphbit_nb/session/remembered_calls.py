"""Whether the answer to a call that has not been made is remembered already. Looks, and takes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.calls import CallRecord, request_data
from graphbit_nb.core.encoding import CannotKeepError
from graphbit_nb.core.llm import EmbedRequest, GenerateResponse
from graphbit_nb.errors import GraphbitError, StorageError
from graphbit_nb.graph.caching import first_mode
from graphbit_nb.graph.kinds.prompt import PromptProcessor
from graphbit_nb.graph.registry import NodeInput, Prompt, processor_of
from graphbit_nb.providers.identity import code_of_provider, identity_of
from graphbit_nb.session.history import is_kept
from graphbit_nb.session.memory import answers_in_memory, shared_memory
from graphbit_nb.storage.entries import canonical, key_of
from graphbit_nb.storage.remembering import is_too_old

if TYPE_CHECKING:
    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.graph.caching import CacheMode
    from graphbit_nb.graph.node import Node
    from graphbit_nb.storage.remembering import Answers

_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Remembered:
    """A call that would not be made; `output` holds what its node would give, or is None if that is not known."""

    output: tuple[Any] | None


class RememberedCalls:
    """Looks answers up as a run would.

    Args:
        mode: What is done with remembered answers where a node says nothing.
        on_disk: Whether they are in the home; else in this process.
    """

    def __init__(self, mode: CacheMode, *, on_disk: bool = True) -> None:
        self._mode = mode
        self._store: Answers | None = None
        try:
            self._store = (shared_memory().cache if is_kept() else None) if on_disk else answers_in_memory()
        except StorageError:
            self._store = None

    def of(self, node: Node, path: str, rendered: Any, config: LlmConfig) -> Remembered | None:
        """Return what is remembered of the one call of a prompt, or of texts to embed; None when it would be made.

        Args:
            node: The node.
            path: What a run calls it.
            rendered: Its prompt, or its texts.
            config: The model that it asks.
        """
        mode = first_mode(node.cache, self._mode)
        if self._store is None or not mode.reads or config.provider == "scripted":
            return None
        data = _asked(node, path, rendered, config)
        if data is None:
            return None
        text = canonical(data)
        try:
            entry = self._store.look_up(key_of(text)).result(_PATIENCE)
            if entry is None or entry.request != text or is_too_old(entry, mode, self._store.clock()):
                return None
            record = CallRecord.of({**entry.given(), "request": data})
        except (GraphbitError, TimeoutError, TypeError):
            return None
        return Remembered(_output(node, rendered, record))


def _asked(node: Node, path: str, rendered: Any, config: LlmConfig) -> dict[str, Any] | None:
    processor = processor_of(node.kind)
    identity = identity_of(config)
    if (code := code_of_provider(config)) is not None:
        identity = type(identity)(
            identity.provider, identity.endpoint, identity.model, {**identity.options, "code": code}
        )
    try:
        if processor.embeds:
            texts = tuple(rendered) if isinstance(rendered, list) else (rendered,)
            return request_data(EmbedRequest(texts=texts, model=node.settings.model, node=path), identity)
        if type(processor) is PromptProcessor and isinstance(rendered, Prompt) and not rendered.pictures:
            given = NodeInput(node=node, path=path, values={}, rendered=rendered, services=None)  # type: ignore[arg-type]
            return request_data(processor._request(given), identity)  # noqa: SLF001 (nothing is called for it)
    except (CannotKeepError, GraphbitError):
        return None
    return None


def _output(node: Node, rendered: Any, record: CallRecord) -> tuple[Any] | None:
    response = record.response
    try:
        if isinstance(response, GenerateResponse):
            output = node.output or processor_of(node.kind).default_output
            return (response.text if output is None else output.parse(response.text),)
        if response is not None:
            vectors = [list(vector) for vector in response.vectors]
            return (vectors if isinstance(rendered, list) else vectors[0],)
    except (GraphbitError, IndexError):
        return None
    return None
