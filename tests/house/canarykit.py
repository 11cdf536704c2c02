"""What the tests of canary keys share: a provider that repeats every key it hears, and a search for a key in bytes."""

import base64
import json
import random
import string
import threading
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import graphbit_nb as gb

_LETTERS = string.ascii_letters + string.digits
_fresh = random.Random(20_240_607)


def canary(shape="{}"):
    """Make a key that stands nowhere else, of 32 letters and digits; no format of a provider unless `shape` is one."""
    return shape.format("".join(_fresh.choices(_LETTERS, k=32)))


def spelt(key):
    """Every way in which a key may stand in a file."""
    content = key.encode()
    found = {
        key,
        key[::-1],
        quote(key, safe=""),
        json.dumps(key)[1:-1],
        escape(key),
        content.hex(),
        content.hex().upper(),
    }
    found |= {"\\u00" + "\\u00".join(f"{byte:02x}" for byte in content), key.encode("utf-16-le").decode("latin-1")}
    for before in (b"", b"a", b"ab"):
        whole = base64.b64encode(before + content)
        found.add(whole[4 * (len(before) > 0) : -4].decode())
        found.add(base64.urlsafe_b64encode(before + content)[4 * (len(before) > 0) : -4].decode())
    return {one.encode("latin-1") for one in found}


def holds(content, *keys):
    """The keys that stand in something: bytes, a text, or all files below a directory."""
    if isinstance(content, Path):
        files = [content] if content.is_file() else [path for path in content.rglob("*") if path.is_file()]
        return {key for path in files for key in holds(path.read_bytes(), *keys)}
    content = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return {key for key in keys if any(one in content for one in spelt(key))}


class _Echo(BaseHTTPRequestHandler):
    """Says the key back: in headers, in the body of errors, in the answer itself."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        told = self.headers.get("Authorization", "").removeprefix("Bearer ") or self.headers.get("api-key", "")
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.heard.append(told)
        model = body["model"]
        self.server.counts[model] = count = self.server.counts.get(model, 0) + 1
        if model == "refuses":
            self._say(
                401, {"error": {"message": f"Incorrect API key provided: {told}", "code": "invalid_api_key"}}, told
            )
        elif model == "stutters" and count == 1:
            self._say(429, {"error": {"message": f"too fast, {told}"}}, told)
        elif model == "breaks":
            self._say(500, f"<html>{told} {base64.b64encode(told.encode()).decode()} {quote(told)}</html>", told)
        else:
            text = f"you sent {told}" if model == "tells" else "fine"
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            self._say(200, {"id": f"id-{told}", "model": model, "choices": [choice], "usage": usage}, told)

    def _say(self, status, body, told):
        content = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("x-request-id", f"req-{told}")
        self.send_header("x-your-key", told)
        self.send_header("set-cookie", f"session={told}")
        self.send_header("retry-after", "0")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@contextmanager
def echoing():
    """A provider while it is needed; `url`, and in `heard` the keys that it was sent."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    server.daemon_threads = True
    server.heard, server.counts = [], {}
    server.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def asking(server, model, key=None, **more):
    """A config that asks the provider."""
    options = {"check_model": False, **more.pop("options", {})}
    return gb.LlmConfig.openai(model, base_url=server.url, api_key=key, options=options, **more)


def talk(name="talk", prompt="Say {{ topic }}."):
    """A workflow of two nodes: what one answers, the other reads."""
    builder = gb.WorkflowBuilder(name)
    builder.add_node(gb.Node.prompt("first", prompt))
    builder.add_node(gb.Node.python("second", lambda first: f"heard: {first}"))
    return builder.build()
