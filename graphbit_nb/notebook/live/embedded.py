"""What makes a saved picture of a run alive without a kernel: the run's record and the view, packed into the output.

Where scripts do not run (an output that is not trusted, a web site that shows notebooks), what stands in the output
already is all that is seen, and it is enough.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

from graphbit_nb.core.redaction import redact
from graphbit_nb.core.snapshot import RunSnapshot
from graphbit_nb.drawing.pictures import WIDTH
from graphbit_nb.notebook.live import frontend
from graphbit_nb.notebook.live.records import records
from graphbit_nb.notebook.live.state import LiveState, Look, Subject

if TYPE_CHECKING:
    from graphbit_nb.graph.workflow import Workflow

BUDGET = 120_000
"""Characters of all texts of a run that are saved with a picture; each is cut to its share."""
_LEAST, _MOST = 400, 20_000
_TEXTS = 4  # of a node: its prompt, its answer, what it read, the answer of its last attempt


def share(workflow: Workflow) -> int:
    """Return how many characters of one text are saved."""
    return max(_LEAST, min(_MOST, BUDGET // (_TEXTS * max(1, len(workflow.nodes)))))


def state_of(workflow: Workflow, snapshot: RunSnapshot, width: float = WIDTH) -> LiveState:
    """Return how a run that has ended is shown, laid out for so many pixels."""
    return LiveState(Subject(workflow=workflow, snapshot=snapshot), Look(width=width))


def enlivened(static: str, state: LiveState, live: str = "") -> str:
    """Return HTML that shows `static`, and in its place, where scripts run, the view of the run.

    Args:
        static: HTML that needs nothing.
        state: A workflow and how its run has ended, or stands.
        live: Key of the widget that shows the run, if it goes on: as long as there is its kernel, it is seen here.
    """
    workflow, snapshot = state.subject.workflow, state.subject.snapshot or RunSnapshot()
    record = {
        "state": state.whole(snapshot.finished or 0.0),
        "nodes": records(workflow, snapshot, share(workflow)),
    }
    name = f"graphbit-{secrets.token_hex(8)}"
    # Every text of the run is packed, in letters and digits: nothing of it can end the script.
    packed = frontend.pack(redact(json.dumps(record)))
    mounted = f"join(view, JSON.parse(text), '{live}')" if live else "mount(view, JSON.parse(text))"
    script = (
        f"const unpack = {frontend.UNPACK};"
        f"Promise.all([{frontend.code()}, unpack('{packed}')]).then(([code, text]) => {{ "
        f"for (const place of document.querySelectorAll('[data-graphbit={name}]:not([data-alive])')) {{ "
        "place.dataset.alive = ''; place.closest('.gb')?.classList.replace('gb', 'gb-alive'); "
        "const view = document.createElement('div'); place.replaceChildren(view); "
        f"code.{mounted}; }} }});"
    )
    return f'<div data-graphbit="{name}">{static}</div><script>{{ {script} }}</script>'
