"""The widget: one trait for the whole state, messages for what changes, and the calls that come back."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import anywidget  # noqa: TID253 (imported with the first live view)
import traitlets

from graphbit_nb.notebook.live import frontend

if TYPE_CHECKING:
    from collections.abc import Callable


VIEW = "application/vnd.jupyter.widget-view+json"


class LiveWidget(anywidget.AnyWidget):
    """What stands in the cell while something is live.

    Args:
        heard: Given each message of the browser, on whichever thread the kernel serves it.
        state: What is shown at first.
    """

    _esm = frontend.widget_module()
    state = traitlets.Dict().tag(sync=True)
    key = traitlets.Unicode().tag(sync=True)  # by which a saved picture finds it

    def __init__(self, heard: Callable[[dict[str, Any]], None], state: dict[str, Any]) -> None:
        super().__init__(state=state, key=secrets.token_hex(8))
        self.on_msg(lambda _, content, __: heard(content))
        _serve_while_busy(self.comm)

    def close(self) -> None:
        """Let go of the browser: of the view, and of the layout that every widget has beside it."""
        layout = self.layout
        super().close()
        layout.close()

    def _repr_mimebundle_(self, **_: Any) -> Any:
        """Return the widget alone; what stands beside it is said by the one who shows it."""
        return {VIEW: {"version_major": 2, "version_minor": 0, "model_id": self.model_id}}


def _serve_while_busy(comm: Any) -> None:
    """Let buttons be heard while a cell blocks: where the front end opens a subshell for them, answer there.

    ipykernel 7.4 hands a comm's message to the shell that published on it last, which is the one that is busy.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda _, default: default  # noqa: SLF001 (there is no public way)
