"""What a node gives: the type named by `output=`, its JSON schema, and how a text becomes such a value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cached_property
from typing import Any, Literal, get_args, get_origin

from graphbit_nb.errors import OutputError, OutputTypeError, did_you_mean

PLAIN: dict[str, Any] = {"text": str, "str": str, "json": Any, "int": int, "float": float, "bool": bool}
_SIMPLE = (*PLAIN.values(), list[str], list[int], list[float], list[bool], list[Any])
_FENCE = re.compile(r"\A\s*```[\w-]*\n(.*?)\n?```\s*\Z", re.DOTALL)
_SPELLINGS = "; use text, json, int, float, bool, labels such as 'yes|no', list[...] or the name of a pydantic model"
_SHOWN = 200  # characters of an answer that an error quotes


class OutputType:
    """A declared output.

    Models are asked for a JSON object, since that is what every provider can be held to. A value that is no object
    travels inside one: a list as ``{"items": [...]}``, anything else as ``{"value": ...}``.

    Args:
        label: How the type is shown, for example ``"list[str]"``.
        annotation: The Python type, or `Any` for JSON of any shape.
    """

    def __init__(self, label: str, annotation: Any) -> None:
        self.label = label
        self.annotation = annotation

    @property
    def is_text(self) -> bool:
        """Whether the answer is taken as it comes."""
        return self.annotation is str and self.label in ("text", "str")

    @cached_property
    def labels(self) -> tuple[Any, ...]:
        """The labels that may be answered; empty for any other type."""
        return get_args(self.annotation) if get_origin(self.annotation) is Literal else ()

    @cached_property
    def choices(self) -> tuple[str, ...]:
        """Everything that may be given, as labels of conditions, where that is a short list; else empty."""
        if self.annotation is bool:
            return ("true", "false")
        members = self.annotation if isinstance(self.annotation, type) and issubclass(self.annotation, Enum) else ()
        return tuple(label for value in (*self.labels, *members) if (label := label_of(value)) is not None)

    @cached_property
    def _adapter(self) -> Any:
        from pydantic import TypeAdapter

        return TypeAdapter(self.annotation)

    @cached_property
    def _value_schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = self._adapter.json_schema()
        return schema

    @cached_property
    def wrapper(self) -> str | None:
        """Key under which the value travels, or None when the value is an object itself."""
        if self.annotation is Any:
            return None
        schema = self._value_schema
        if "$ref" in schema:
            schema = schema["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
        if schema.get("type") == "object":
            return None
        return "items" if schema.get("type") == "array" else "value"

    @cached_property
    def schema(self) -> dict[str, Any] | None:
        """JSON schema of the object that a model is asked for; None for text and for JSON of any shape."""
        if self.is_text or self.annotation is Any:
            return None
        inner = dict(self._value_schema)
        if self.wrapper is None:
            return inner
        definitions = inner.pop("$defs", None)
        outer = {
            "type": "object",
            "properties": {self.wrapper: inner},
            "required": [self.wrapper],
            "additionalProperties": False,
        }
        return outer if definitions is None else {**outer, "$defs": definitions}

    def parse(self, text: str) -> Any:
        """Turn a model's answer into a value.

        Raises:
            OutputError: the answer is no such value.
        """
        if self.is_text:
            return text
        fenced = _FENCE.match(text)
        body = (fenced[1] if fenced else text).strip()
        if body in self.labels:
            return body
        try:
            value = json.loads(body)
        except (ValueError, RecursionError) as error:
            if self.wrapper != "value":
                raise OutputError(f"the answer is not JSON ({error}): {_quote(body)}", text=text) from None
            value = body  # a bare label or number, as models without a schema say it
        if self.wrapper is not None and isinstance(value, Mapping) and set(value) == {self.wrapper}:
            value = value[self.wrapper]
        return self._validated(value, lambda: text, strict=False)

    def check(self, value: Any) -> Any:
        """Check a Python value, as a function returned it.

        Raises:
            OutputError: the value is of another type.
        """
        if self.annotation is Any:
            return value
        return self._validated(value, lambda: repr(value), strict=None)

    def encode(self, value: Any) -> str:
        """Write a value as a model would answer it.

        Raises:
            OutputError: the value is of another type.
        """
        if isinstance(value, str) and self.is_text:
            return value
        checked = self.check(value)
        try:
            plain = self._adapter.dump_python(checked, mode="json")
        except ValueError as error:  # what pydantic raises for a value that JSON cannot hold
            raise OutputError(f"the value cannot be written as JSON: {error}", text=repr(value)) from None
        return json.dumps(plain if self.wrapper is None else {self.wrapper: plain}, ensure_ascii=False)

    def _validated(self, value: Any, spell: Callable[[], str], *, strict: bool | None) -> Any:
        from pydantic import ValidationError as PydanticError

        try:
            return self._adapter.validate_python(value, strict=strict)
        except PydanticError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            text = spell()
            place = ".".join(str(part) for part in first["loc"])
            more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
            where = f"at {place}: " if place else ""
            raise OutputError(
                f"the answer is no {self.label}: {where}{first['msg']}{more}: {_quote(text)}", text=text
            ) from None

    def __str__(self) -> str:
        return self.label

    def __repr__(self) -> str:
        return f"OutputType({self.label!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OutputType):
            return NotImplemented
        return self.label == other.label and self.annotation == other.annotation

    def __hash__(self) -> int:
        return hash(self.label)


TEXT = OutputType("text", str)


def label_of(value: Any) -> str | None:
    """Return the label that a value stands for where nodes are chosen by it; None when it is no label."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip() if isinstance(value, str | int | float) else None


def output_type(spec: Any, namespace: Mapping[str, Any] | None = None) -> OutputType:
    """Read an `output=`.

    Args:
        spec: ``"text"``, ``"json"``, ``"int"``, ``"float"``, ``"bool"``, labels as ``"positive|negative"``,
            ``"list[...]"`` of any of these, the name of a class in `namespace`, or a Python type.
        namespace: Where names of classes are looked up.

    Raises:
        OutputTypeError: `spec` names no type.
    """
    if isinstance(spec, OutputType):
        return spec
    if isinstance(spec, str):
        try:
            annotation = _annotation(spec.strip(), namespace or {})
        except RecursionError:
            raise OutputTypeError(f"output {_quote(spec)} is nested too deeply") from None
        return _checked(OutputType(_spelled(spec), annotation))
    if spec is Any or isinstance(spec, type) or hasattr(spec, "__origin__") or hasattr(spec, "__args__"):
        return TEXT if spec is str else _checked(OutputType(_type_name(spec), spec))
    raise OutputTypeError(f"output={spec!r} is no type; give a name such as 'list[str]', or a class")


def _checked(found: OutputType) -> OutputType:
    """Refuse now, not when the answer is there, what has no JSON schema."""
    if found.annotation not in _SIMPLE and not found.labels:
        from pydantic.errors import PydanticUserError

        try:
            found.schema  # noqa: B018 (made once, and kept)
        except PydanticUserError as error:
            reason = str(error).partition("\n")[0]
            raise OutputTypeError(f"output {found.label!r} cannot be asked of a model: {reason}") from None
    return found


def _spelled(spec: str) -> str:
    return "text" if spec.strip() == "str" else re.sub(r"\s*([\[\]|])\s*", r"\1", spec.strip())


def _annotation(spec: str, namespace: Mapping[str, Any]) -> Any:
    if spec in PLAIN:
        return PLAIN[spec]
    if spec.startswith("list[") and spec.endswith("]"):
        return list[_annotation(spec[5:-1].strip(), namespace)]  # type: ignore[misc]
    if "|" in spec and "[" not in spec:
        labels = tuple(label.strip() for label in spec.split("|"))
        if all(labels) and len(set(labels)) == len(labels):
            return Literal[labels]
        raise OutputTypeError(f"output {spec!r}: labels must be different and not empty, as in 'positive|negative'")
    found = namespace.get(spec)
    if isinstance(found, type) or hasattr(found, "__origin__"):
        return found
    known = [*PLAIN, "list[str]", *(name for name, value in namespace.items() if _is_model(value))]
    if found is not None:
        raise OutputTypeError(f"output {spec!r} is a {type(found).__name__}, not a class")
    raise OutputTypeError(f"output {spec!r} is no known type{did_you_mean(spec, known) or _SPELLINGS}")


def _is_model(value: Any) -> bool:
    return isinstance(value, type) and hasattr(value, "model_json_schema")


def _type_name(annotation: Any) -> str:
    if isinstance(annotation, type) and not hasattr(annotation, "__args__"):
        return annotation.__name__
    return str(annotation).replace("typing.", "")


def _quote(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
