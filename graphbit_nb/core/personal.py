"""Personal data in a text: what has a form, or a check digit, by which it is known.

Names and addresses have none; to find those takes a language model or a library that brings one. Each pattern looks at
a bounded piece of text, so that a megabyte takes as long per character as a line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from graphbit_nb.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


Where = Literal["prompt", "answer", "tool"]
"""What a text is: a prompt that goes out, an answer that came, what a tool gave."""


class Piece(NamedTuple):
    """One thing that was found."""

    kind: str
    start: int
    end: int


_BEFORE_AT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._%+-]{0,63})$")
_AFTER_AT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.){1,8}[A-Za-z]{2,24}\b")
_CARD = re.compile(r"(?<![\d.,-])\d(?:[ -]?\d){12,18}(?![\d.,-]?\d)")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_PHONE = re.compile(
    r"(?<![\w+])\+[1-9](?:[ ().-]{0,2}\d){7,14}(?!\w)|(?<![\w.-])\(?[2-9]\d\d\)?[ .-]\d{3}[ .-]\d{4}(?![\w-])"
)
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_SSN = re.compile(r"(?<![\d-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])")
_NOBODYS = ("0.", "127.", "10.", "192.168.", "169.254.", "255.")


def _emails(text: str) -> Iterator[tuple[int, int]]:
    at = text.find("@")
    while at >= 0:
        before = _BEFORE_AT.search(text[max(0, at - 64) : at])
        after = _AFTER_AT.match(text, at + 1, at + 256)
        if before and after:
            yield at - len(before[0]), after.end()
        at = text.find("@", at + 1)


def _matching(
    pattern: re.Pattern[str], holds: Callable[[str], bool] | None = None
) -> Callable[[str], Iterator[tuple[int, int]]]:
    def found(text: str) -> Iterator[tuple[int, int]]:
        return (match.span() for match in pattern.finditer(text) if holds is None or holds(match[0]))

    return found


def has_luhn_digit(text: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B), and they are not all alike."""
    digits = [int(letter) for letter in text if letter.isdigit()]
    total = sum(digits[-1::-2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return total % 10 == 0 and len(set(digits)) > 1


def has_iban_digits(text: str) -> bool:
    """Whether an account number's check digits are right (ISO 13616: the rest is 1 modulo 97)."""
    plain = text.replace(" ", "")
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])) % 97 == 1


def _is_somebodys(address: str) -> bool:
    return all(int(part) < 256 for part in address.split(".")) and not address.startswith(_NOBODYS)


_KINDS: dict[str, Callable[[str], Iterator[tuple[int, int]]]] = {
    "email": _emails,
    "credit card": _matching(_CARD, has_luhn_digit),
    "bank account": _matching(_IBAN, has_iban_digits),
    "phone number": _matching(_PHONE),
    "address on the net": _matching(_IPV4, _is_somebodys),
    "social security number": _matching(_SSN),
}


@dataclass(frozen=True, slots=True)
class PersonalData:
    """Finds e-mail addresses, credit cards, bank accounts, phone numbers, IP addresses and US social security numbers.

    Args:
        kinds: Which of these; all of them by default.

    Raises:
        UsageError: there is no such kind.
    """

    kinds: tuple[str, ...] = tuple(_KINDS)
    name: str = "personal data"
    where: tuple[Where, ...] = ("prompt", "answer", "tool")
    of_values: bool = False

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in _KINDS:
                raise UsageError(
                    f"PersonalData: no kind {kind!r}{did_you_mean(kind, _KINDS)}; there are {', '.join(_KINDS)}"
                )

    def check(self, text: str) -> Iterator[Piece]:
        """Return what is in a text."""
        for kind in self.kinds:
            for start, end in _KINDS[kind](text):
                yield Piece(kind, start, end)
