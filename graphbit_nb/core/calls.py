"""A call to a model as a record: what was asked, what the client told while it went on, and what came of it.

What is kept in the cache and what stands in a line of a cassette is this same record.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from graphbit_nb import errors
from graphbit_nb.core.encoding import decode, encode
from graphbit_nb.core.llm import EmbedRequest, EmbedResponse, GenerateRequest, GenerateResponse
from graphbit_nb.errors import CircuitOpenError, ConfigurationError, GraphbitError, ProviderError, StorageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.core.llm import Image, Message

CallKind = Literal["generate", "embed"]
Response = GenerateResponse | EmbedResponse
R = TypeVar("R", GenerateResponse, EmbedResponse)

_PARAMETERS = ("temperature", "max_tokens", "top_p", "seed")

_ERRORS: dict[str, type[GraphbitError]] = {
    cls.__name__: cls
    for cls in vars(errors).values()
    if isinstance(cls, type) and issubclass(cls, ProviderError | CircuitOpenError | ConfigurationError)
}
_FIELDS: dict[str, tuple[type, ...]] = {
    "provider": (str,), "model": (str, type(None)), "status": (int, type(None)), "request_id": (str, type(None)),
    "retry_after": (float, int, type(None)), "attempts": (int,), "body": (str,), "circuit": (str,),
    "until": (float, int, type(None)),
}  # fmt: skip
"""What failures of calls carry, and of which types it is."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a call asks, as far as the answer depends on it.

    Attributes:
        provider: Name of the provider.
        endpoint: Address, when it is not the provider's own.
        model: Model that is asked where the request names none.
        options: What only this provider understands and what changes its answers.
    """

    provider: str
    endpoint: str | None = None
    model: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One call.

    Attributes:
        request: The request as data, see `request_data`.
        node: The node that asked.
        told: What the client told its listener, as (what, seconds since the call began, more...): ``("token", t,
            text)``, ``("retry", t, attempt, delay, error)``, ``("limited", t, limit, seconds, ahead)``,
            ``("circuit", t, name, state, reason)``, ``("ended", t)``.
        response: The answer; None when the call failed.
        error: The failure, see `error_data`; None when there is an answer.
    """

    request: Mapping[str, Any]
    node: str | None = None
    told: tuple[tuple[Any, ...], ...] = ()
    response: Response | None = None
    error: Mapping[str, Any] | None = None

    @property
    def text(self) -> str:
        """The text of the answer."""
        return self.response.text if isinstance(self.response, GenerateResponse) else ""

    def data(self) -> dict[str, Any]:
        """Return the record as JSON-able data. Raises `CannotKeepError` when there is what cannot be kept."""
        told: dict[str, Any] = {"request": dict(self.request)}
        if self.node is not None:
            told["node"] = self.node
        if self.response is not None:
            told["response"] = encode(self.response)
        if self.error is not None:
            told["error"] = dict(self.error)
        told["told"] = [list(item) for item in self.told]
        return told

    @classmethod
    def of(cls, data: Any) -> CallRecord:
        """Return the record that data describes. Raises `StorageError` when it is none."""
        if not isinstance(data, dict) or not isinstance(data.get("request"), dict):
            raise StorageError("this is no record of a call")
        response = decode(data["response"]) if "response" in data else None
        error, node, told = data.get("error"), data.get("node"), data.get("told", [])
        is_sound = (
            (response is None or isinstance(response, Response))
            and (error is None or isinstance(error_of(error), GraphbitError))
            and (response is None) is not (error is None)
            and (node is None or isinstance(node, str))
            and isinstance(told, list)
            and all(isinstance(item, list) and _is_told(item) for item in told)
        )
        if not is_sound:
            raise StorageError("this record of a call is damaged")
        return cls(request=data["request"], node=node, told=tuple(map(tuple, told)), response=response, error=error)


def request_data(request: GenerateRequest | EmbedRequest, identity: Identity) -> dict[str, Any]:
    """Return a request as it is sent, as JSON-able data: everything that an answer depends on, and nothing else.

    The name of the node, keys, headers and time limits are not in it.

    Raises:
        CannotKeepError: something in it is no data.
    """
    asked: dict[str, Any] = {"provider": identity.provider, "model": request.model or identity.model}
    if identity.endpoint is not None:
        asked["endpoint"] = identity.endpoint
    if identity.options:
        asked["options"] = encode(dict(identity.options))
    if isinstance(request, EmbedRequest):
        return {"call": "embed", **asked, "texts": list(request.texts)}
    asked |= {name: value for name in _PARAMETERS if (value := getattr(request, name)) is not None}
    if request.stop is not None:
        asked["stop"] = list(request.stop)
    if request.schema is not None:
        asked |= {"schema": encode(dict(request.schema)), "schema_name": request.schema_name}
    if request.tools:
        asked["tools"] = [[tool.name, tool.description, encode(dict(tool.parameters))] for tool in request.tools]
    if request.sample:
        asked["sample"] = request.sample
    return {"call": "generate", **asked, "messages": [_message(message) for message in request.messages]}


def request_key(data: Mapping[str, Any]) -> str:
    """Return the key of a request: BLAKE2b of its canonical JSON, 32 hexadecimal digits."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=16).hexdigest()


def error_data(error: BaseException) -> dict[str, Any]:
    """Return the failure of a call as JSON-able data: class, text, and the plain fields that our own errors carry."""
    named = next((cls.__name__ for cls in type(error).__mro__ if cls.__name__ in _ERRORS), None)
    if named is None or _ERRORS[named] not in type(error).__mro__:
        return {"type": "ProviderError", "message": f"{type(error).__name__}: {error}", "foreign": type(error).__name__}
    held = vars(error)
    fields = {name: held[name] for name, types in _FIELDS.items() if name in held and type(held[name]) in types}
    return {"type": named, "message": str(error), **{name: value for name, value in fields.items() if value}}


def error_of(data: Any) -> GraphbitError:
    """Return the failure that data describes: of the same class, with the same fields.

    Raises:
        StorageError: that is none.
    """
    cls = _ERRORS.get(data["type"]) if isinstance(data, dict) and isinstance(data.get("type"), str) else None
    if cls is None or not isinstance(data.get("message"), str):
        raise StorageError("this is no failure of a call")
    found = cls(data["message"])
    for name, types in _FIELDS.items():
        if name in data and hasattr(found, name):
            if type(data[name]) not in types:
                raise StorageError(f"this failure of a call is damaged: its {name} is a {type(data[name]).__name__}")
            setattr(found, name, data[name])
    return found


def _message(message: Message) -> dict[str, Any]:
    told: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        told["tool_calls"] = [[call.id, call.name, encode(dict(call.arguments))] for call in message.tool_calls]
    if message.tool_call_id is not None:
        told["tool_call_id"] = message.tool_call_id
    if message.images:
        told["images"] = [_image(image) for image in message.images]
    if message.native is not None:
        told["native"] = encode(message.native)
    return told


def _image(image: Image) -> dict[str, Any]:
    """Return a picture by its address, or by the digest of its bytes: the bytes themselves are of no use later."""
    if image.data is None:
        return {"url": image.url}
    return {"media_type": image.media_type, "blake2b": blake2b(image.data, digest_size=16).hexdigest()}


def _is_told(item: list[Any]) -> bool:
    if len(item) < 2 or isinstance(item[1], bool) or not isinstance(item[1], int | float):
        return False
    match item:
        case ["token", _, str()]:
            return True
        case ["retry", _, int(), int() | float(), dict() as error]:
            return isinstance(error_of(error), GraphbitError)
        case ["limited", _, str(), int() | float() | None, int()]:
            return True
        case ["circuit", _, str(), str(), str()] | ["ended", _]:
            return True
    return False
