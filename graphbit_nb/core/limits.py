"""How large what comes into a run may be, and how large what comes out of its nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from graphbit_nb.errors import InputTooLarge, UsageError

MIB = 1024 * 1024
_MOST_COUNTED = 200_000  # values inside of one that are looked at; the others are taken to be alike


@dataclass(frozen=True, slots=True, kw_only=True)
class InputLimits:
    """How large things may be; None is no limit. What is larger is refused before anything is sent or kept.

    Attributes:
        max_prompt_chars: Characters of all messages of a prompt.
        max_input_bytes: Bytes of all inputs of a run, about.
        max_output_bytes: Bytes of what one node gives, about.
        max_fan_out: Items of one ``for_each``.
        max_nesting: How deep sub-workflows may be inside each other.
        max_nodes: Nodes of a workflow, those of its sub-workflows among them.

    Raises:
        UsageError: one is neither a whole number from 1 nor None.
    """

    max_prompt_chars: int | None = 4_000_000
    max_input_bytes: int | None = 256 * MIB
    max_output_bytes: int | None = 256 * MIB
    max_fan_out: int | None = 100_000
    max_nesting: int | None = 32
    max_nodes: int | None = 1_000_000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise UsageError(f"InputLimits: {field.name}={value!r}: give a whole number from 1, or None")

    def refuse(self, limit: str, what: str, size: int) -> None:
        """Refuse what is over a limit.

        Args:
            limit: Name of the limit.
            what: What has the size, such as ``"the prompt of draft has {size} characters"``.
            size: The size.

        Raises:
            InputTooLarge: it is over the limit.
        """
        most = getattr(self, limit)
        if most is not None and size > most:
            said = what.replace("{size}", f"{size:,}")
            raise InputTooLarge(
                f"{said}, over the limit of {most:,}; make it smaller, or allow more with "
                f"WorkflowExecutor(limits=InputLimits({limit}=...)) or graphbit_nb.init(limits=...)"
            )


DEFAULT_LIMITS = InputLimits()


def size_of(value: Any, enough: int | None = None) -> int:
    """Return about how many bytes a value takes, without writing it out.

    Texts, bytes, containers, models, arrays and tables are measured; of anything else nobody can say.

    Args:
        value: Any value.
        enough: Where counting may end.
    """
    kind = type(value)
    if kind is str:
        return len(value) if value.isascii() else len(value) * 2
    if value is None or kind in (int, float, bool):
        return 8
    total = counted = 0
    stack, seen = [value], set()
    while stack:
        value = stack.pop()
        counted += 1
        if isinstance(value, str):
            total += len(value) if value.isascii() else len(value) * 2
        elif isinstance(value, bytes | bytearray | memoryview):
            total += len(value)
        elif isinstance(value, range):
            total += 48
        elif isinstance(value, Mapping | Sequence | set | frozenset):
            if id(value) in seen:
                continue
            seen.add(id(value))
            total += 8 * len(value)
            if isinstance(value, Mapping):
                stack.extend(value)
                stack.extend(value.values())
            else:
                stack.extend(value)
        else:
            total += _own_size(value)
            stack.extend(_parts(value))
        if (enough is not None and total > enough) or counted >= _MOST_COUNTED:
            break
    return total


def _own_size(value: Any) -> int:
    """Return the bytes that arrays and tables say themselves."""
    size = getattr(value, "nbytes", None)
    if not isinstance(size, int) and hasattr(type(value), "memory_usage"):
        try:
            size = int(value.memory_usage().sum())
        except Exception:  # noqa: BLE001 (foreign code, which is asked for a figure only)
            size = None
    return size if isinstance(size, int) else 8


def _parts(value: Any) -> list[Any]:
    """Return the fields of models and dataclasses."""
    names = getattr(type(value), "model_fields", None) or getattr(type(value), "__dataclass_fields__", None) or ()
    return [getattr(value, name, None) for name in names]
