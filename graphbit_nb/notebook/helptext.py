"""The text behind ``%graphbit?``."""

from __future__ import annotations

from graphbit_nb.notebook.arguments import COMMON, OF_KIND


def text() -> str:
    """Return the help of the magics, with examples."""
    options = "\n".join(
        f"    --{name.replace('_', '-')} {reading.get('metavar', '')}".ljust(28) + str(reading["help"])
        for name, reading in {**OF_KIND, **COMMON}.items()
    )
    return f"""Define and run workflows of LLM calls.

A cell defines a node; its text names the nodes and inputs that it reads:

    %%graphbit prompt summary
    Sum up in one sentence: {{{{ article }}}}

    %%graphbit python words
    return len(summary.split())

A line does something with the workflow:

    %graphbit run [NODE ...] [--set k=v ...] [--inputs VAR] [--sequential] [--max-concurrency N] [--on-error MODE]
    %graphbit show | list | new NAME | use NAME | rm NODE ... | reset
    %graphbit preview NODE | inspect NODE
    %graphbit config [--provider P --model M [--base-url URL]] [--config VAR]
    %graphbit local install

Options of cells:
{options}
    --run                       also run this node and what it needs
    --into VAR                  put the output into this variable whenever the node has run

%gb and %%gb are the same.
"""
