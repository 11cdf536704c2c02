"""Checks of what a node is defined with, each with the one message that says what to write instead."""

from __future__ import annotations

import keyword
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import DefinitionError, UsageError, did_you_mean
from graphbit_nb.graph import caching
from graphbit_nb.graph.caching import read_cache_mode

if TYPE_CHECKING:
    from graphbit_nb.templating import Loop, Reference

RESERVED = frozenset({"loop", "true", "false", "none", "and", "or", "not", "in", "is", "if", "else", "for"})
LONGEST = 1e9  # seconds, some thirty years: more cannot be waited for
CACHE_MODES = caching.CACHE_MODES
JOINS = ("all", "any")
ITEM_ERRORS = ("fail", "skip")
COMMON = (
    "after", "when", "join", "for_each", "on_item_error", "concurrency", "output", "retry", "timeout", "fallback",
    "cache",
)  # fmt: skip
"""Arguments that nodes of every kind take."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A condition on another node: it must have given one of these labels."""

    node: str
    labels: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.node}={'|'.join(self.labels)}"


def outside(references: tuple[Reference, ...], loop: Loop) -> tuple[Reference, ...]:
    """Return what a fan-out reads from outside: its list, and whatever of its body is no variable of the loop."""
    return (*loop.references, *(ref for ref in references if ref.name not in loop.variables))


def read_branches(name: str, when: Any) -> tuple[Branch, ...]:
    """Read ``"node=label"``, or a list of such. Raises `UsageError`."""
    listed = (when,) if isinstance(when, str | Branch) else when
    if not isinstance(listed, Iterable):
        raise UsageError(f"{name}: when={when!r}: write it as 'node=label'")
    return tuple(branch if isinstance(branch, Branch) else _read_branch(name, branch) for branch in listed)


def _read_branch(name: str, text: Any) -> Branch:
    source, sign, labels = text.partition("=") if isinstance(text, str) else ("", "", "")
    found = tuple(dict.fromkeys(label.strip() for label in labels.removeprefix("=").split("|")))
    if not sign or not source.strip().isidentifier() or not all(found):
        raise UsageError(f"{name}: when={text!r}: write it as 'node=label', or 'node=a|b' for either of two labels")
    return Branch(unicodedata.normalize("NFKC", source.strip()), found)


def one_of(name: str, argument: str, value: Any, allowed: tuple[str, ...]) -> str:
    """Return `value` if it is allowed. Raises `UsageError`."""
    if isinstance(value, str) and value in allowed:
        return str(value)
    raise UsageError(
        f"{name}: {argument}={value!r}{did_you_mean(str(value), allowed)}; one of {', '.join(map(repr, allowed))}"
    )


def checked_concurrency(name: str, concurrency: Any) -> int:
    """Return a number of at least 1. Raises `UsageError`."""
    if isinstance(concurrency, int) and not isinstance(concurrency, bool) and concurrency >= 1:
        return concurrency
    raise UsageError(f"{name}: concurrency={concurrency!r}: give a number of at least 1")


def check_name(name: str) -> str:
    """Return a node's name as Python reads it (NFKC). Raises `DefinitionError` for what ``{{ }}`` could not hold."""
    if not isinstance(name, str) or not name.isidentifier():
        raise DefinitionError(f"{name!r} is no name for a node; use letters, digits and _, such as 'summary_2'")
    if keyword.iskeyword(name) or name in RESERVED or name.startswith("__"):
        raise DefinitionError(f"{name!r} is a word of the language and no name for a node; try '{name.strip('_')}_'")
    return unicodedata.normalize("NFKC", name)


def checked_after(name: str, after: Any) -> tuple[str, ...]:
    """Return the names of nodes. Raises `UsageError`."""
    listed = (after,) if isinstance(after, str) or hasattr(after, "kind") else after
    if not isinstance(listed, Iterable):
        raise UsageError(f"{name}: after={after!r}: give the name of a node, or a list of names")
    names: list[str] = []
    for before in listed:
        other = getattr(before, "name", before)
        if not isinstance(other, str):
            raise UsageError(f"{name}: after={before!r}: give the names of nodes")
        names.append(other)
    return tuple(names)


def checked_retry(name: str, retry: Any) -> Any:
    """Return a number of attempts or a policy. Raises `UsageError`."""
    if retry is None or hasattr(retry, "execute"):
        return retry
    if isinstance(retry, int) and not isinstance(retry, bool) and retry >= 1:
        return retry
    raise UsageError(f"{name}: retry={retry!r}: give the number of attempts in all (1 or more) or a RetryPolicy")


def checked_timeout(argument: str, timeout: float | None) -> float | None:
    """Return the seconds that an argument says. Raises `UsageError`."""
    if timeout is None:
        return None
    if isinstance(timeout, int | float) and not isinstance(timeout, bool) and 0 < timeout <= LONGEST:
        return timeout
    raise UsageError(f"{argument}={timeout!r}: give seconds, more than 0")


def refuse_task_arguments(name: str, kind: str, retry: Any, timeout: Any) -> None:
    """Refuse what only makes sense for nodes that work themselves. Raises `UsageError`."""
    if retry is not None:
        inside = "; say it of the nodes inside" if kind == "workflow" else ""
        raise UsageError(f"{name}: retry={retry!r}: a {kind} node makes no attempts of its own{inside}")
    if timeout is not None:
        raise UsageError(f"{name}: timeout={timeout!r}: a {kind} node waits as long as it takes")


def checked_cache(name: str, cache: str | None) -> str | None:
    """Return a mode of the cache, or how old what is taken may be. Raises `UsageError`."""
    if cache is None:
        return None
    try:
        read_cache_mode(cache)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None
    return cache
