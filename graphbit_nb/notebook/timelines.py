"""A run in time as an output: a picture, what limits it in words, and bars of characters for a terminal."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from graphbit_nb.core.critical import Timeline, retries_of, shares, timeline
from graphbit_nb.drawing.gantt import SAID, draw_gantt, rows_of
from graphbit_nb.drawing.reading import duration
from graphbit_nb.graph.order import before
from graphbit_nb.notebook import html

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbit_nb.core.critical import Share
    from graphbit_nb.core.timeline import Doing, Stretch
    from graphbit_nb.drawing.gantt import Row
    from graphbit_nb.execution.result import ExecutionResult

MOST_SHARES = 5
LEAST_SHARE = 0.02
MOST_TEXT_ROWS = 40
_LETTERS: dict[Doing, str] = {
    "call": "#", "stream": "=", "code": "o", "tool": "t", "slot": ".", "limit": ",", "retry": "~", "person": "?",
}  # fmt: skip
_WORK: dict[Doing, str] = {"call": "model calls of", "tool": "tools of", "code": "the code of"}
_WAIT: dict[Doing, str] = {
    "slot": "waiting for a slot", "limit": "waiting for a rate limit", "retry": "waiting to try again",
    "person": "waiting for a person",
}  # fmt: skip
_HELP: dict[Doing, str] = {
    "slot": "more slots (max_concurrency, concurrency, provider_concurrency)", "limit": "a higher rate limit",
    "retry": "calls that need no retry", "person": "an answer at once",
}  # fmt: skip


def timeline_bundle(result: ExecutionResult, *, parts: bool = False, width: int | None = None) -> dict[str, str]:
    """Return a run in time as an output.

    Args:
        result: The run.
        parts: Whether steps inside others have rows of their own.
        width: Characters of the text form; None is those of the terminal.
    """
    found = timeline(result.snapshot, before(result.workflow))
    title = f"{result.snapshot.workflow} in time"
    facts = [("took", duration(found.seconds)), ("run", result.snapshot.run_id)]
    if not found.bars:
        none = "nothing has begun in this run"
        shown = [html.head(title, facts=facts), html.note(html.text(none))]
        return {"text/html": html.page(html.shell(shown)), "text/plain": f"{html.visible(title)}\n  {none}"}
    said = what_limits(found)
    picture = draw_gantt(found, title=title, said="; ".join(said), parts=parts)
    drawn = [html.head(title, facts=facts), html.stage(picture, f"{title}: {'; '.join(said)}")]
    drawn += [html.note(html.text(line)) for line in said]
    wide = min(max(width or shutil.get_terminal_size((80, 24)).columns, 40), 160)
    lines = [title, *text_gantt(found, wide, parts=parts), *said]
    return {"text/html": html.page(html.shell(drawn)), "text/plain": "\n".join(map(html.visible, lines))}


def what_limits(found: Timeline) -> list[str]:
    """Say what the time of a run went by with on its critical path, and what would make it shorter."""
    whole = found.seconds
    if whole <= 0:
        return ["it took no time"]
    waits: dict[Doing, float] = {}
    told: list[tuple[float, str]] = []
    for share in shares(found):
        if share.doing in _WAIT:
            waits[share.doing] = waits.get(share.doing, 0.0) + share.seconds
        else:
            told.append((share.seconds, _work(found, share)))
    told += [(seconds, _WAIT[doing]) for doing, seconds in waits.items()]
    told.sort(key=lambda one: -one[0])
    named = [one for number, one in enumerate(told) if not number or one[0] >= LEAST_SHARE * whole][:MOST_SHARES]
    rest = whole - sum(seconds for seconds, _ in named)
    pieces = [f"{_percent(seconds, whole)} {words}" for seconds, words in named]
    if rest >= 0.005 * whole:
        pieces.append(f"{_percent(rest, whole)} the rest")
    said = [f"critical path: {', '.join(pieces)}"]
    for doing, least in found.without.items():
        saved = whole - least
        if saved >= LEAST_SHARE * whole and waits.get(doing):
            said.append(f"{_HELP[doing]} would save at most {duration(saved)}: without that wait at least "
                        f"{duration(least)}")  # fmt: skip
    return said


def _work(found: Timeline, share: Share) -> str:
    if share.doing == "engine":
        return SAID["engine"]
    again = retries_of(found, share.name) if share.doing == "call" else 0
    retried = f" ({again} retr{'y' if again == 1 else 'ies'})" if again else ""
    return f"{_WORK[share.doing]} {share.name}{retried}"


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %"


def text_gantt(found: Timeline, width: int, *, parts: bool = False) -> list[str]:
    """Return a run in time as lines of characters: `>` marks steps on the critical path."""
    rows = rows_of(found, parts=parts, most=MOST_TEXT_ROWS)
    names = [_name(row) for row in rows]
    wide = min(max(map(len, names)), max(width // 3, 8))
    room = max(width - wide - 14, 10)
    lines = []
    for row, name in zip(rows, names, strict=True):
        cut = name if len(name) <= wide else f"{name[: wide - 1]}…"
        bar = _bar(row.stretches, found, room)
        lines.append(f"{'>' if row.is_critical else ' '} {cut:<{wide}} {bar} {duration(row.end - row.start):>9}")
    there = {one.doing for row in rows for one in row.stretches}
    key = [f"{letter} {SAID[doing]}" for doing, letter in _LETTERS.items() if doing in there]
    return [*lines, f"  {', '.join([*key, '> critical path'])}"]


def _name(row: Row) -> str:
    return "  " * min(row.depth, 6) + html.visible(html.one_line(row.name))


def _bar(stretches: Sequence[Stretch], found: Timeline, room: int) -> str:
    cells: list[tuple[float, str]] = [(0.0, " ")] * room
    scale = room / found.seconds if found.seconds > 0 else 0.0
    for one in stretches:
        start, end = (one.start - found.started) * scale, (one.end - found.started) * scale
        letter = _LETTERS.get(one.doing, " ")
        for at in range(max(0, int(start)), min(room, int(end) + 1)):
            covered = min(end, at + 1) - max(start, at)
            if covered > cells[at][0]:
                cells[at] = (covered, letter)
    return "".join(letter for _, letter in cells)
