"""A real kernel, and notebooks that are run in one."""

import queue
import textwrap
import time

import nbformat
from nbclient import NotebookClient

LIMIT = 20  # seconds; only a fault comes near it

SCRIPT = """
%load_ext graphbit_nb
import asyncio
import graphbit_nb as gb

async def forever(request):
    await asyncio.Event().wait()

script = gb.LlmConfig.scripted({"first": "done", "slow": forever, "*": "fine"})
%graphbit config --config script
%config GraphbitMagics.live = "pictures"
"""


def notebook(*cells):
    return nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(textwrap.dedent(cell).strip("\n")) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )


def execute(*cells):
    document = notebook(*cells)
    NotebookClient(document, kernel_name="python3", timeout=LIMIT, extra_arguments=["--log-level=ERROR"]).execute()
    return document


class Kernel:
    """Runs code in a kernel and gathers what comes back."""

    def __init__(self, manager, client):
        self.manager, self.client = manager, client

    def start(self, code):
        return self.client.execute(textwrap.dedent(code).strip("\n"))

    def messages(self, request, until=lambda message: False):
        """What the cell says, until it is idle or `until` is true of a message."""
        gathered, deadline = [], time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") != request:
                continue
            gathered.append(message)
            is_idle = message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"
            if is_idle or until(message):
                return gathered
        raise AssertionError(f"no end in {LIMIT} s: {[m['msg_type'] for m in gathered]}")

    def reply(self, request):
        """What the kernel answers at the end of a cell."""
        while (message := self.client.get_shell_msg(timeout=LIMIT))["parent_header"].get("msg_id") != request:
            pass
        return message["content"]

    def run(self, code):
        return self.messages(self.start(code))

    def printed(self, code):
        return "".join(m["content"]["text"] for m in self.run(code) if m["msg_type"] == "stream")


def errors(messages):
    return [m["content"] for m in messages if m["msg_type"] == "error"]


def shows(text):
    return lambda message: text in str(message["content"].get("data", {}).get("text/html", ""))


def says(text):
    return lambda message: text in message["content"].get("text", "")


def interrupt_when(kernel, code, text):
    request = kernel.start(code)
    kernel.messages(request, until=shows(text))
    kernel.manager.interrupt_kernel()
    return kernel.messages(request)
