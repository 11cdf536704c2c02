"""The commands behind ``%graphbit NAME ...``, each a parser and what it does."""

from graphbit_nb.notebook.commands import (
    asking,
    documents,
    figures,
    going_on,
    history,
    keys,
    looking,
    models,
    remembered,
    runs,
    workflows,
)
from graphbit_nb.notebook.commands.command import COMMANDS, Command

__all__ = [
    "COMMANDS",
    "Command",
    "asking",
    "documents",
    "figures",
    "going_on",
    "history",
    "keys",
    "looking",
    "models",
    "remembered",
    "runs",
    "workflows",
]
