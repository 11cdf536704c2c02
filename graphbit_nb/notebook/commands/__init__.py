"""The commands behind ``%graphbit NAME ...``, each a parser and what it does."""

from graphbit_nb.notebook.commands import (
    asking,
    budget,
    documents,
    figures,
    forecast,
    going_on,
    health,
    history,
    keys,
    looking,
    models,
    remembered,
    runs,
    timeline,
    workflows,
)
from graphbit_nb.notebook.commands.command import COMMANDS, Command

__all__ = [
    "COMMANDS",
    "Command",
    "asking",
    "budget",
    "documents",
    "figures",
    "forecast",
    "going_on",
    "health",
    "history",
    "keys",
    "looking",
    "models",
    "remembered",
    "runs",
    "timeline",
    "workflows",
]
