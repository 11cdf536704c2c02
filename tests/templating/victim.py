"""A value that nothing may look into, and the payloads that try."""

from __future__ import annotations

from pathlib import Path


class Victim:
    """Anything that is looked at here, other than being there, is noted, and fails."""

    touched: list[str] = []  # noqa: RUF012 (of all of them)

    def __getattribute__(self, name):
        if name in ("__class__", "__dict__"):  # what Python itself asks
            return object.__getattribute__(self, name)
        Victim.touched.append(name)
        raise AssertionError(f"{name} was read")

    @property
    def secret(self):
        raise AssertionError("secret was read")

    def method(self):
        raise AssertionError("method was called")


def payloads() -> list[tuple[str, str, str]]:
    """Return what becomes of each payload, the payload, and what it gives."""
    lines = (Path(__file__).parent / "payloads.txt").read_text("utf-8").partition("\n----\n")[2].splitlines()
    found: list[tuple[str, str, str]] = []
    for line in lines:
        what, payload = line[:9].strip(), line[10:]
        if what:
            found.append((what, payload, ""))
        else:
            found[-1] = (*found[-1][:2], payload)
    return found
