"""The texts behind ``%graphbit?`` and ``%graphbit help``, made from the kinds of node and commands that there are."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import UsageError, did_you_mean
from graphbit_nb.graph.registry import ProcessorRegistry, processor_of
from graphbit_nb.notebook.arguments import flag
from graphbit_nb.notebook.commands.command import COMMANDS
from graphbit_nb.notebook.options import OF_ALL, OF_CELL, options_of, takes_code

if TYPE_CHECKING:
    from collections.abc import Iterable

HELP = ("--help", "-h")
EXAMPLES = {
    "agent": "%%graphbit agent answer --tools search,fetch --max-turns 5\nLook it up, then answer: {{ question }}",
    "condition": "%%graphbit condition route\nreturn 'long' if len(summary) > 400 else 'short'",
    "embed": "%%graphbit embed vectors\n{{ passages }}",
    "human": "%%graphbit human approve --output 'yes|no'\nMay this go out? {{ draft }}",
    "prompt": "%%graphbit prompt summary\nSum up in one sentence: {{ article }}",
    "python": "%%graphbit python words\nreturn len(summary.split())",
    "workflow": "%%graphbit workflow polish --of review --repeat-until 'critic.score >= 8' --max-iterations 3 "
    "--carry text=revise --returns revise\ntext = draft",
}


def text() -> str:
    """Return the help of the magics, with examples."""
    kinds = _table((kind, _first_line(processor_of(kind))) for kind in ProcessorRegistry.kinds())
    commands = _table((_usage(name), _first_line(command.serve)) for name, command in COMMANDS.items())
    return f"""Define and run workflows of LLM calls.

A cell defines a node; its text names the nodes and inputs that it reads:

    %%graphbit prompt summary
    Sum up in one sentence: {{{{ article }}}}

    %%graphbit python words
    return len(summary.split())

A line does something with the workflow:

    %graphbit run --set article='...'

Kinds of node, %%graphbit KIND NAME [OPTION ...]:
{kinds}

Options of every cell:
{_options({**OF_ALL, **OF_CELL})}

Commands, %graphbit COMMAND:
{commands}

%graphbit help KIND and %graphbit help COMMAND say more. %gb and %%gb are the same as %graphbit and %%graphbit.
"""


def asked(line: str) -> str | None:
    """Return what a magic's line asks help on, by ``?`` or ``--help``; empty for everything, None when it does not."""
    words = line.split()
    if not words:
        return None
    if len(words) < 3 and words[-1].endswith("?") and (len(words) == 1 or not words[1].strip("?")):
        return words[0].rstrip("?")
    if words[0] in HELP:
        return ""
    command = COMMANDS.get(words[0])
    if command is not None and command.free_text:
        return words[0] if len(words) == 2 and words[1] in HELP else None
    return words[0] if words[1:2] and (words[1] in HELP or words[-1] in HELP) else None


def about(name: str) -> list[str]:
    """Return the lines of the help on a topic, or of all of it. Raises `UsageError`."""
    return (topic(name) if name else text()).rstrip().splitlines()


def topic(name: str) -> str:
    """Return the help on a kind of node or a command. Raises `UsageError` when there is neither."""
    if name in COMMANDS:
        return _on_command(name)
    if name in ProcessorRegistry.kinds():
        return _on_kind(name)
    known = [*ProcessorRegistry.kinds(), *COMMANDS]
    near = did_you_mean(name, known) or f"; there are {', '.join(known)}"
    raise UsageError(f"no kind of node and no command {name!r}{near}")


def _on_kind(kind: str) -> str:
    processor = processor_of(kind)
    own = options_of(kind)
    example = getattr(processor, "example", None) or EXAMPLES.get(kind) or _made_up(kind, own)
    below = "the body of a function" if takes_code(kind) else "a text"
    parts = [f"%%graphbit {kind} NAME [OPTION ...], with {below} below it", _doc(processor)]
    if own:
        parts.append(f"Options of this kind:\n{_options(own)}")
    parts.append(f"Options of every cell:\n{_options({**OF_ALL, **OF_CELL})}")
    parts.append("For example:\n" + _indented(example))
    return "\n\n".join(part for part in parts if part)


def _on_command(name: str) -> str:
    command = COMMANDS[name]
    told = [(", ".join(names), reading) for names, reading in command.arguments if names[0].startswith("-")]
    listed = _table(
        (f"{names} {reading.get('metavar', '')}".strip(), reading.get("help", "")) for names, reading in told
    )
    parts = [_usage(name), _doc(command.serve)]
    if told:
        parts.append(f"Options:\n{listed}")
    if command.example:
        parts.append("For example:\n" + _indented(command.example))
    return "\n\n".join(parts)


def _usage(name: str) -> str:
    """Return how a command is typed, without its options."""
    words = []
    options = False
    for names, reading in COMMANDS[name].arguments:
        word, many = str(reading.get("metavar", "")), reading.get("nargs")
        if names[0].startswith("-"):
            options = True
        else:
            words.append({"*": f"[{word} ...]", "+": f"{word} ...", "?": f"[{word}]"}.get(str(many), word))
    return " ".join(["%graphbit", name, *words, *(["[OPTION ...]"] if options else [])])


def _options(options: dict[str, dict[str, Any]]) -> str:
    return _table(
        (f"{flag(name)} {reading.get('metavar', '')}".strip(), reading.get("help", ""))
        for name, reading in options.items()
    )


def _table(rows: Iterable[tuple[str, str]]) -> str:
    listed = list(rows)
    width = min(40, max((len(left) for left, _ in listed), default=0))
    return "\n".join(f"    {left:<{width}}  {right}".rstrip() for left, right in listed)


def _made_up(kind: str, options: dict[str, Any]) -> str:
    given = "".join(f" {flag(name)} VALUE" for name in list(options)[:1])
    body = "return 1" if takes_code(kind) else "{{ article }}"
    return f"%%graphbit {kind} found{given}\n{body}"


def _doc(told: Any) -> str:
    own = getattr(told, "__doc__", None)
    return inspect.cleandoc(own).replace("``", "").strip() if own else ""


def _first_line(told: Any) -> str:
    return _doc(told).partition("\n")[0]


def _indented(example: str) -> str:
    return "\n".join(f"    {line}" for line in example.splitlines())
