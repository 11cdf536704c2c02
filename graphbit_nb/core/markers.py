"""Marks of prompt injection in a text: what tries to give a model other orders than its author.

That nothing is found says little: orders can be worded in any way. It catches what is copied from the usual
collections, and what can only be there to be hidden.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphbit_nb.core.personal import Piece

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphbit_nb.core.personal import Where

_ANY = re.IGNORECASE
_WORDINGS = (
    (
        r"\b(?:ignore|disregard|forget|override|bypass)\s{1,9}(?:(?:all|any|every|each|the|your|my|of|these|those)\s{1,9}){0,4}"
        r"(?:previous|prior|above|earlier|preceding|former|foregoing|existing|system)\s{1,9}(?:\w{1,20}\s{1,9})?"
        r"(?:instruction|prompt|rule|direction|guideline|order|command|context|message)s?\b"
    ),
    (
        r"\b(?:reveal|print|repeat|show|output|leak)\s{1,9}(?:me\s{1,9})?(?:your|the)\s{1,9}(?:\w{1,20}\s{1,9})?"
        r"(?:system\s{1,9}prompt|hidden\s{1,9}(?:prompt|instructions)|initial\s{1,9}(?:prompt|instructions))\b"
    ),
    r"\byou\s{1,9}are\s{1,9}now\s{1,9}(?:in\s{1,9})?(?:dan\b|developer\s{1,9}mode|jailbroken|unrestricted)",
    r"\bdo\s{1,9}anything\s{1,9}now\b",
    (
        r"\b(?:ignorier\w{0,5}|vergiss|vergesse|missachte)\s{1,9}(?:(?:alle|die|deine|sämtliche)\s{1,9}){0,3}"
        r"(?:vorherigen|bisherigen|obigen|früheren|vorigen)\s{1,9}(?:anweisungen|instruktionen|regeln|befehle|vorgaben)\b"
    ),
    (
        r"\b(?:ignore[zr]?|oublie[zr]?)\s{1,9}(?:(?:toutes|les|tes|vos|ces)\s{1,9}){0,3}(?:instructions|consignes|règles)\s{1,9}"
        r"(?:précédentes|antérieures|ci-dessus)\b"
    ),
    (
        r"\b(?:ignora|ignore|olvida|olvide)\s{1,9}(?:(?:todas|las|tus|sus)\s{1,9}){0,3}(?:instrucciones|reglas|indicaciones|órdenes)\s{1,9}"
        r"(?:anteriores|previas)\b"
    ),
    r"\b(?:ignora|dimentica)\s{1,9}(?:(?:tutte|le|tue|precedenti)\s{1,9}){0,4}(?:istruzioni|regole)(?:\s{1,9}precedenti)?\b",
    r"\b(?:ignore|esqueça)\s{1,9}(?:(?:todas|as|suas)\s{1,9}){0,3}(?:instruções|regras)\s{1,9}(?:anteriores|prévias)\b",
    r"\b(?:negeer|vergeet)\s{1,9}(?:(?:alle|de|je|uw)\s{1,9}){0,3}(?:vorige|eerdere|bovenstaande)\s{1,9}(?:instructies|regels)\b",
    r"\b(?:игнорируй|забудь)(?:те)?\s{1,9}(?:все\s{1,9})?(?:предыдущие|прошлые|прежние)\s{1,9}(?:инструкции|указания|правила)",
    r"(?:忽略|无视|忘记)(?:之前|以上|前面|先前|所有|的){1,4}(?:指令|指示|说明|提示|规则)",
    r"(?:以前|上記|前|これまで)の(?:すべての)?(?:指示|命令|ルール)を?(?:すべて)?(?:無視|忘れ)",
)
_ORDERS = re.compile("|".join(_WORDINGS), _ANY)
_ROLES = re.compile(
    r"<\|(?:im_start|im_end|system|user|assistant|endoftext|end_of_text|begin_of_text|start_header_id|end_header_id"
    r"|eot_id)\|>"
    r"|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|^\s{0,8}#{2,6}\s{0,4}(?:system|instruction)s?\s{0,4}:"
    r"|^\s{0,8}</?(?:system|assistant)>",
    _ANY | re.MULTILINE,
)
_TAGS = re.compile("[\U000e0020-\U000e007f]{2,}")
_HIDDEN = re.compile("[\u200b-\u200d\u2060\ufeff]{4,}|[\u202a-\u202e\u2066-\u2069]{2,}")
_WALL = re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{400,}={0,2}")


def _walls(text: str) -> Iterator[tuple[int, int]]:
    for match in _WALL.finditer(text):
        head = match[0][:400]
        if any(c.isdigit() for c in head) and any(c.islower() for c in head) and any(c.isupper() for c in head):
            yield match.span()


@dataclass(frozen=True, slots=True)
class InjectionMarkers:
    """Finds what tries to give a model other orders, in values that are put into prompts and in what tools give.

    Orders to ignore the instructions before, in ten languages; marks by which chat formats tell who speaks; letters
    that nobody sees; and walls of Base64, which models read and people do not.
    """

    name: str = "prompt injection"
    where: tuple[Where, ...] = ("prompt", "tool")
    of_values: bool = True

    def check(self, text: str) -> Iterator[Piece]:
        """Return what is in a text."""
        for kind, pattern in (
            ("order to ignore instructions", _ORDERS),
            ("mark of another speaker", _ROLES),
            ("hidden text", _TAGS),
            ("hidden text", _HIDDEN),
        ):
            for match in pattern.finditer(text):
                yield Piece(kind, *match.span())
        for start, end in _walls(text):
            yield Piece("wall of Base64", start, end)
