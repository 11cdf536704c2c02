"""The arguments of a tool: what a model is told of them, as a schema, and what they must fit, as a pydantic model."""

from __future__ import annotations

import builtins
import inspect
import json
from functools import partial
from types import MethodType, SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Optional, get_args, get_type_hints

from graphbit_nb.core.schemas import rewrite
from graphbit_nb.errors import DefinitionError, did_you_mean
from graphbit_nb.graph.annotations import DEEPEST

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHOWN = 60  # characters of a wrong argument that the model is shown


class Parameter(NamedTuple):
    """A parameter; `field` is what pydantic is told of it, `fills` says that a `Field`'s default is to be passed."""

    name: str
    field: Any
    fills: bool


def title_of(fn: Any) -> str:
    """Return the name of a function; a partial has that of its function, an object that of its class."""
    while isinstance(fn, partial) and not hasattr(fn, "__name__"):
        fn = fn.func
    known = getattr(fn, "__name__", None)
    return known if isinstance(known, str) else type(fn).__name__ if callable(fn) else shown(fn)


def written_function(fn: Any) -> Any:
    """Return the function as it was written, whose names its annotations use."""
    for _ in range(DEEPEST):
        match fn:
            case partial():
                fn = fn.func
            case MethodType():
                fn = fn.__func__
            case _ if hasattr(fn, "__wrapped__"):
                fn = fn.__wrapped__
            case _ if inspect.isroutine(fn):
                return fn
            case _:
                fn = type(fn).__call__
    return fn


def signature_of(fn: Any, title: str) -> dict[str, inspect.Parameter]:
    """Return what the model may give, by name."""
    bound: Mapping[str, Any] = {}
    if isinstance(fn, partial):
        bound = fn.keywords
        fn = partial(fn.func, *fn.args, **fn.keywords)  # as `update_wrapper` has not changed it
    try:
        found = dict(inspect.signature(fn).parameters)
    except (TypeError, ValueError, NameError):
        raise DefinitionError(f"the tool {title}: its parameters cannot be read; wrap it in a function") from None
    first = next(iter(found.values()), None)
    if first is not None and first.name in ("self", "cls") and first.annotation is first.empty:
        raise DefinitionError(f"the tool {title} is a method without its object; give that of an object: x.{title}")
    for name, parameter in found.items():
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise DefinitionError(
                f"the tool {title}: its parameter {name} cannot be given by name, as a model gives it; "
                "wrap it in a function without '/'"
            )
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise DefinitionError(
                f"the tool {title}: a model cannot be told what {str(parameter).partition(':')[0]} takes; "
                "wrap it in a function that names each parameter (a decorator: with functools.wraps)"
            )
    return {name: parameter for name, parameter in found.items() if name not in bound}


def read_parameter(title: str, function: Any, given: inspect.Parameter, described: Mapping[str, str]) -> Parameter:
    """Return a parameter as pydantic is told of it. Raises `DefinitionError`."""
    from pydantic import Field
    from pydantic.fields import FieldInfo

    annotation = _resolved(title, function, given)
    if given.default is None:
        annotation = Optional[annotation]  # noqa: UP045 (what it is, is only known now)
    by_function = given.default is not given.empty and not isinstance(given.default, FieldInfo)
    try:
        if given.default is given.empty:
            info = FieldInfo.from_annotation(annotation)
        else:
            info = FieldInfo.from_annotated_attribute(annotation, given.default)
        told = Field(alias=given.name, description=info.description or described.get(given.name))
        annotation = Annotated[annotation, told]
    except Exception as error:  # noqa: BLE001 (it runs what the annotation is made of)
        raise _no_schema(title, given.name, error) from None
    if info.alias is not None or info.validation_alias is not None:
        raise DefinitionError(f"the tool {title}: its parameter {given.name} has an alias; rename the parameter")
    field_ = annotation if given.default is given.empty else (annotation, given.default)
    return Parameter(given.name, field_, not by_function and not info.is_required())


def _resolved(title: str, function: Any, parameter: inspect.Parameter) -> Any:
    """Look up the names in a parameter's annotation. Raises `DefinitionError`."""
    if parameter.annotation is parameter.empty:
        return Any
    names = getattr(function, "__globals__", {})
    nearer = _closed_over(function)
    holder = SimpleNamespace(__annotations__={"it": parameter.annotation})
    try:
        annotation = get_type_hints(holder, names, nearer, include_extras=True)["it"]
    except Exception as error:  # noqa: BLE001 (a text may hold any code)
        name = getattr(error, "name", None) or ""
        near = did_you_mean(name, {**names, **nearer, **vars(builtins)}) if name else ""
        raise DefinitionError(
            f"the tool {title}: the annotation {parameter.annotation!r} of its parameter {parameter.name} "
            f"cannot be read: {error}{near or '; import or define what it names before the tool is made'}"
        ) from None
    if ours := _of_ours(annotation):
        raise DefinitionError(
            f"the tool {title}: its parameter {parameter.name} takes a {ours}, which no model can give; "
            "a tool gets what the model gives and nothing else"
        )
    return annotation


def _of_ours(annotation: Any) -> str | None:
    """Return the name of a class of this package that an annotation mentions."""
    if isinstance(annotation, type) and annotation.__module__.partition(".")[0] == __name__.partition(".")[0]:
        return annotation.__name__
    return next((found for part in get_args(annotation) if (found := _of_ours(part))), None)


def model_of(title: str, parameters: tuple[Parameter, ...]) -> tuple[Any, dict[str, Any]]:
    """Return the pydantic model of the arguments, and its schema. Raises `DefinitionError`."""
    from pydantic import ConfigDict, create_model
    from pydantic.json_schema import GenerateJsonSchema

    class Quiet(GenerateJsonSchema):
        ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 (pydantic's own)

    def made(some: tuple[Parameter, ...]) -> tuple[Any, dict[str, Any]]:
        # Numbered, since a parameter may have any name, such as `json` or `_x`, and a model's field may not.
        fields: dict[str, Any] = {f"p{number}": each.field for number, each in enumerate(some)}
        model = create_model(title, __config__=ConfigDict(extra="forbid"), **fields)
        schema = rewrite(model.model_json_schema(schema_generator=Quiet), _tidy)
        if list(schema.get("properties", ())) != [each.name for each in some]:  # of ClassVar, or Self
            raise TypeError("its annotation has a meaning in classes only")
        return model, schema

    try:
        return made(parameters)
    except Exception as whole:  # noqa: BLE001 (it runs what the annotations are made of)
        for each in parameters:
            try:
                made((each,))
            except Exception as error:  # noqa: BLE001
                raise _no_schema(title, each.name, error) from None
        raise _no_schema(title, "", whole) from None


def _no_schema(title: str, parameter: str, error: Exception) -> DefinitionError:
    where = f" its parameter {parameter}" if parameter else " its arguments"
    reason = str(error).partition("\n")[0].partition(". Set ")[0]
    return DefinitionError(
        f"the tool {title}:{where} cannot be described to a model: {reason}; "
        "annotate it with what JSON has, or with a pydantic model"
    )


def _closed_over(function: Any) -> dict[str, Any]:
    code, found = getattr(function, "__code__", None), {}
    for name, cell in zip(getattr(code, "co_freevars", ()), getattr(function, "__closure__", None) or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not filled yet
            continue
    return found


def _tidy(schema: dict[str, Any]) -> dict[str, Any]:
    """Take the title out of a schema, close an object, and leave out what JSON cannot write, such as infinity."""
    out = {key: value for key, value in schema.items() if key != "title" and _is_json(value)}
    if "properties" in out:
        out.setdefault("additionalProperties", False)
    return out


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def shown(value: Any) -> str:
    """Return a value as it is shown in a message, cut to what is worth reading."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
