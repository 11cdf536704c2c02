"""What is wrong with a file's data, said with the place and the nearest right name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import Problem, did_you_mean
from graphbit_nb.files import schema
from graphbit_nb.graph.registry import ProcessorRegistry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel
    from pydantic import ValidationError as PydanticError

Path = tuple[str | int, ...]
PLUGIN_HINT = "if another package brings this kind, install it, or register it before"

_PARTS: dict[str, type[BaseModel]] = {
    "retry": schema.RetryDocument,
    "provider": schema.ConfigDocument,
    "ask": schema.ConfigDocument,
    "fallback": schema.FallbackDocument,
    "output": schema.TypeDocument,
    "examples": schema.ExampleDocument,
    "tools": schema.ToolDocument,
    "workflow": schema.InnerDocument,
}


class Places:
    """How places in a file are called: ``flow.yaml: nodes[3].prompt (line 12)``.

    Args:
        name: What the file is called.
        lines: The lines of places, where they are known.
    """

    def __init__(self, name: str, lines: Mapping[Path, int] | None = None) -> None:
        self.name = name
        self._lines = lines or {}

    def of(self, path: Path) -> str:
        """Return what a place is called; of one that is not there, with the line of what should hold it."""
        spelled = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
        at = path
        while at and at not in self._lines:
            at = at[:-1]
        line = f" (line {self._lines[at]})" if at in self._lines and path else ""
        return f"{self.name}: {spelled}{line}" if spelled else self.name

    def problem(self, path: Path, message: str, *, code: str = "file", remedy: str | None = None) -> Problem:
        """Return a problem at a place."""
        return Problem(code=code, message=message, place=self.of(path), remedy=remedy)


def schema_problems(error: PydanticError, data: Any, places: Places) -> list[Problem]:
    """Return what does not fit the schema."""
    problems: dict[str, Problem] = {}
    for found in error.errors(include_url=False):
        path = tuple(part for part in found["loc"] if not str(part).startswith(schema.TAG))
        problem = _unknown_kind(path, data, places) or places.problem(path, _said(found, path, data), code="schema")
        problems.setdefault(str(problem), problem)
    return list(problems.values())


def _unknown_kind(path: Path, data: Any, places: Places) -> Problem | None:
    """Return the problem of a node whose kind is not known; what else is wrong with it is no problem of its own."""
    ends = [end for end in range(2, len(path) + 1) if path[end - 2] == "nodes" and isinstance(path[end - 1], int)]
    node = _at(path[: ends[-1]], data) if ends else None
    kind = node.get("kind") if isinstance(node, dict) else None
    if not isinstance(kind, str) or ProcessorRegistry.find(kind) is not None:
        return None
    kinds = ProcessorRegistry.kinds()
    near = did_you_mean(kind, kinds) or f"; there are {', '.join(kinds)}"
    at = (*path[: ends[-1]], "kind")
    return places.problem(at, f"no kind of node {_short(kind)}{near}", code="kind", remedy=PLUGIN_HINT)


def _said(found: Mapping[str, Any], path: Path, data: Any) -> str:
    given = found["input"]
    match found["type"]:
        case "extra_forbidden":
            known = _known_keys(path[:-1], data)
            near = did_you_mean(str(path[-1]), known)
            return f"unknown key{near or '; there are ' + ', '.join(known)}"
        case "missing":
            return "this is missing"
        case "literal_error":
            expected = found["ctx"]["expected"]
            return f"{_short(given)} is not allowed{did_you_mean(str(given), expected.split(chr(39)))}; give {expected}"
        case "number" | "fallback":
            return f"{found['msg']}, not {_short(given)}"
        case "model_type" | "dict_type" | "dict_attributes_type":
            return f"keys and their values are needed, not {_short(given)}"
        case "tuple_type":
            return f"a list is needed, not {_short(given)}"
        case "string_type":
            return f"a text is needed, not {_short(given)}"
        case "int_type":
            return f"a whole number is needed, not {_short(given)}"
        case _:
            return f"{found['msg'][:1].lower()}{found['msg'][1:]}: {_short(given)}"


def _known_keys(path: Path, data: Any) -> Sequence[str]:
    """Return the keys that the schema has at a place."""
    names = [part for part in path if isinstance(part, str)]
    last = names[-1] if names else ""
    if last == "nodes":
        return list(node_schema(_at(path, data)).model_fields)
    return list(_PARTS.get(last, schema.WorkflowDocument).model_fields)


def node_schema(data: Any) -> type[BaseModel]:
    """Return the schema of a node's kind."""
    kind = data.get("kind") if isinstance(data, dict) else None
    return schema.FIELDS.get(kind if isinstance(kind, str) else "", schema.PluginDocument)


def _at(path: Path, data: Any) -> Any:
    for part in path:
        try:
            data = data[part]
        except (LookupError, TypeError):
            return None
    return data


def _short(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= 60 else said[:59] + "…"
