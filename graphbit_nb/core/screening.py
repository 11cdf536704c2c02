"""What is looked for in texts that go to a model or come from one, and what becomes of what is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from graphbit_nb.core.markers import InjectionMarkers
from graphbit_nb.core.personal import PersonalData
from graphbit_nb.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphbit_nb.core.personal import Where

MODES = ("warn", "block")
SAMPLE = 24  # characters of what is shown of a finding


class Found(Protocol):
    """Something that a check has found: what kind of thing, and where in the text."""

    @property
    def kind(self) -> str:
        """What kind of thing."""

    @property
    def start(self) -> int:
        """Where it begins."""

    @property
    def end(self) -> int:
        """Where it ends."""


class ContentCheck(Protocol):
    """What looks at texts. Derive from nothing; have these, as attributes or properties."""

    @property
    def name(self) -> str:
        """What it is called in messages."""

    @property
    def where(self) -> tuple[Where, ...]:
        """At which texts it looks."""

    @property
    def of_values(self) -> bool:
        """Whether it looks in prompts only at what came from values, not at what the author has written."""

    def check(self, text: str) -> Iterable[Found]:
        """Return what is in a text, in any order."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one kind in one text.

    Attributes:
        check: The check that has found it.
        kind: What it is, such as ``"email"``.
        count: How often it is there.
        sample: The first of them, mostly hidden.
    """

    check: str
    kind: str
    count: int
    sample: str

    def __str__(self) -> str:
        times = "" if self.count == 1 else f" ({self.count} times)"
        return f"{self.kind} {self.sample!r}{times}"


@dataclass(frozen=True, slots=True)
class ContentPolicy:
    """Which checks look at the texts of a run, and what becomes of what they find.

    Attributes:
        checks: The checks.
        mode: ``"warn"`` tells what was found and goes on; ``"block"`` fails the node, before its prompt is sent, or
            before anybody reads its answer.
    """

    checks: tuple[ContentCheck, ...] = (PersonalData(), InjectionMarkers())
    mode: Literal["warn", "block"] = "block"

    def look(self, text: str, where: Where, values: Sequence[tuple[int, int, str]] | None = None) -> list[Finding]:
        """Return what is in a text.

        Args:
            text: The text.
            where: What it is.
            values: Which pieces (start, end, name) of it came from values; None is all of it.

        Raises:
            UsageError: a check raised something.
        """
        found: list[Finding] = []
        for check in self.checks:
            if where not in check.where:
                continue
            pieces = [text]
            if check.of_values and values is not None:
                pieces = [text[start:end] for start, end, _ in values]
            for piece in pieces:
                found += _findings(check, piece)
        return found


def read_policy(given: Any) -> ContentPolicy | None:
    """Read what somebody says of contents: a policy, checks, or a mode of the built-in checks. Raises `UsageError`."""
    if given is None or isinstance(given, ContentPolicy):
        return given
    if given in MODES:
        return ContentPolicy(mode=given)
    listed = given if isinstance(given, list | tuple) else [given]
    if listed and all(callable(getattr(one, "check", None)) and hasattr(one, "where") for one in listed):
        return ContentPolicy(checks=tuple(listed))
    raise UsageError(f"content={given!r}: give 'warn', 'block', a ContentPolicy, or checks such as PersonalData()")


def validate_content_safety(
    text: str, checks: Sequence[ContentCheck] = (PersonalData(), InjectionMarkers())
) -> list[Finding]:
    """Return what is in a text: personal data, and what tries to give a model other orders.

    Args:
        text: Any text.
        checks: What looks at it.

    Raises:
        UsageError: it is no text, or a check raised something.
    """
    if not isinstance(text, str):
        raise UsageError(f"validate_content_safety: give a text, not {type(text).__name__}")
    return [finding for check in checks for finding in _findings(check, text)]


def _findings(check: ContentCheck, text: str) -> list[Finding]:
    try:
        kinds: dict[str, list[Found]] = {}
        for one in check.check(text):
            kinds.setdefault(one.kind, []).append(one)
        samples = {kind: masked(text[all_[0].start : all_[0].end]) for kind, all_ in kinds.items()}
        return [Finding(check.name, kind, len(all_), samples[kind]) for kind, all_ in kinds.items()]
    except Exception as error:  # noqa: BLE001 (a check is foreign code)
        name = getattr(check, "name", check)
        raise UsageError(f"the content check {name!r} raised {type(error).__name__}: {error}") from None


def masked(text: str) -> str:
    """Return a text with all but its first two characters hidden; words of instructions stay readable."""
    if " " in text.strip() and not any(letter.isdigit() for letter in text):
        return text if len(text) <= 3 * SAMPLE else text[: 3 * SAMPLE] + "…"
    return text[:2] + "•" * min(len(text) - 2, SAMPLE)
