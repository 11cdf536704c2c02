"""HTTP headers that keep the secrets among them to themselves when they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

TELLTALE = ("auth", "cookie", "credential", "key", "passw", "secret", "session", "token")


def is_telltale(name: str) -> bool:
    """Whether a header of that name may hold a secret."""
    lowered = name.lower()
    return any(word in lowered for word in TELLTALE)


class Headers(dict[str, Any]):
    """Headers by name. What may be secret is not shown, and not pickled."""

    def __repr__(self) -> str:
        return repr({name: "**********" if is_telltale(name) else value for name, value in self.items()})

    __str__ = __repr__

    def without_secrets(self) -> Headers:
        """Return those that may be written down."""
        return Headers((name, value) for name, value in self.items() if not is_telltale(name))

    def __copy__(self) -> Headers:
        return Headers(self)

    def __deepcopy__(self, _: Any) -> Headers:
        return Headers(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return Headers, (dict(self.without_secrets()),)


def secret_values(headers: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the values that may be secret, with and without the scheme before them."""
    found = [value for name, value in headers.items() if isinstance(value, str) and is_telltale(name)]
    return (*found, *(value.partition(" ")[2] for value in found if " " in value))
