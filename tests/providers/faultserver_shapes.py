"""What three interfaces look like on the wire: OpenAI's chat completions, Anthropic's messages, Ollama's own."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from faultserver import answer, hang, piece, reset_connection


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One interface.

    Attributes:
        name: What people call it.
        provider: The provider that is asked in it.
        stream_type: Content type of a streamed answer.
        prefix: What comes before each event, by its data.
        whole: Makes a whole answer of a text.
        events: Makes the events of a streamed one, the text in pieces.
        error: Makes what tells of an error, from type and message; in an answer, or in the midst of a stream.
        empty: An answer in which there is none.
    """

    name: str
    provider: str
    stream_type: str
    prefix: Callable[[object], str]
    whole: Callable[[str], Mapping]
    events: Callable[..., list]
    error: Callable[[str, str], Mapping]
    empty: Mapping

    def write(self, event):
        """Write one event as it is sent."""
        data = event if isinstance(event, str) else json.dumps(event)
        end = "\n" if self.provider == "ollama" else "\n\n"
        return f"{self.prefix(event)}{data}{end}".encode()

    def stream(self, *events, then="end", content_type=None):
        """Events; then the stream ends, is cut, reset, or hangs."""
        kind = content_type or self.stream_type
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n".encode()

        async def act(server, reader, writer):
            chunks = b"".join(b"%x\r\n%s\r\n" % (len(data), data) for data in map(self.write, events))
            writer.write(head + chunks + (b"0\r\n\r\n" if then == "end" else b""))
            await writer.drain()
            if then == "cut":
                writer.close()
            elif then == "reset":
                reset_connection(writer)
            elif then == "hang":
                await hang(server, reader, writer)

        return act

    def says(self, text, *, streams):
        """A good answer."""
        words = text.partition(" ")
        return self.stream(*self.events(*filter(None, words))) if streams else answer(self.whole(text))


USAGE = {"prompt_tokens": 7, "completion_tokens": 2}


def _chat_events(*pieces):
    told = [piece(one) for one in pieces]
    return [*told, piece(None, "stop"), {"model": "fake-1", "choices": [], "usage": USAGE}, "[DONE]"]


def _chat_whole(text):
    message = {"role": "assistant", "content": text}
    return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": USAGE}


CHAT = Shape(
    name="chat completions",
    provider="openai",
    stream_type="text/event-stream",
    prefix=lambda event: "data: ",
    whole=_chat_whole,
    events=_chat_events,
    error=lambda kind, message: {"error": {"type": kind, "message": message}},
    empty={"choices": []},
)


def _message(*content, stop_reason=None):
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "fake-1", "content": list(content),
        "stop_reason": stop_reason, "usage": {"input_tokens": 7, "output_tokens": 2},
    }  # fmt: skip


def _text_delta(text):
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}


def _message_events(*pieces):
    return [
        {"type": "message_start", "message": _message()},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *map(_text_delta, pieces),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]


MESSAGES = Shape(
    name="messages",
    provider="anthropic",
    stream_type="text/event-stream",
    prefix=lambda event: f"event: {event['type'] if isinstance(event, Mapping) else 'message'}\ndata: ",
    whole=lambda text: _message({"type": "text", "text": text}, stop_reason="end_turn"),
    events=_message_events,
    error=lambda kind, message: {"type": "error", "error": {"type": kind, "message": message}},
    empty={"type": "message", "content": None, "stop_reason": "end_turn"},
)


def _row(text, *, done=False):
    out = {"model": "fake-1", "created_at": "2026-01-01T00:00:00Z", "message": {"role": "assistant", "content": text}}
    return {**out, "done": done, **({"done_reason": "stop", "prompt_eval_count": 7, "eval_count": 2} if done else {})}


OLLAMA = Shape(
    name="Ollama",
    provider="ollama",
    stream_type="application/x-ndjson",
    prefix=lambda event: "",
    whole=lambda text: _row(text, done=True),
    events=lambda *pieces: [*map(_row, pieces), _row("", done=True)],
    error=lambda kind, message: {"error": message},
    empty={"done": True},
)

SHAPES = (CHAT, MESSAGES, OLLAMA)
