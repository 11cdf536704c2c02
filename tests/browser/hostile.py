"""A run in which every text is an attack, and what it would leave on a page if one of them worked."""

from __future__ import annotations

import json
from functools import cache

import graphbit_nb as gb

ATTACK = (
    "<script>window.hacked = 1</script></script></pre></title></style><img src=x onerror='window.hacked=2'>"
    '"><svg onload="window.hacked=3"><a href="javascript:window.hacked=4">go</a> '
    "<img src='http://evil.example/x.png'> digraph { a -> b [label=<<b>x</b>>] } ]]> --> &lt;b&gt; "
    "\x1b[31mred\x1b[0m \x07 \u202eturned\u202c zero\u200bwidth \ufeff {{ secret }} `code` $x$ "
)
LONG = ATTACK + "all work and no play " * 50_000  # over a megabyte
SPOKEN = "<script>window.hacked = 1</script>"  # of it, what must be read on the page


@cache
def run() -> gb.ExecutionResult:
    """Answers, data, prompts, prints, errors, tools, items, questions: all of them full of it."""

    def shout(answer):
        print(ATTACK)
        return {ATTACK: [ATTACK, {"text": ATTACK, "n": 1}], "plain": 1}

    def look(article: str) -> str:
        """Look it up."""
        return ATTACK + article

    asks = gb.GenerateResponse(text="", tool_calls=(gb.ToolCall(id="1", name="look", arguments={"article": ATTACK}),))
    script = {
        "answer": LONG,
        "table": json.dumps([{"say": ATTACK, "n": 1}, {"say": "b", "n": 2}]),
        "listed": json.dumps([ATTACK, "other"]),
        "failing": gb.BadRequestError(ATTACK, provider="acme", status=400),
        "shop": [asks, ATTACK],
        "*": ATTACK,
    }
    builder = gb.WorkflowBuilder("attacked <img src=x onerror=hacked=5>")
    for node in (
        gb.Node.prompt("answer", ATTACK.replace("{{ secret }}", "") + "{{ word }}"),
        gb.Node.prompt("table", "x", output="json"),
        gb.Node.prompt("listed", "x", output="list[text]"),
        gb.Node.prompt("each", "Say {{ one }}", for_each="one in listed"),
        gb.Node.prompt("failing", "x"),
        gb.Node.agent("shop", "{{ word }}", tools=[look]),
        gb.Node.python("shout", shout),
        gb.Node.human("asked", ATTACK.replace("{{ secret }}", "{{ shout }}")),
    ):
        builder.add_node(node)
    executor = gb.WorkflowExecutor(
        gb.LlmConfig.scripted(script), storage="memory", retry=gb.RetryPolicy(max_attempts=1)
    )
    return executor.execute(builder.build(), {"word": ATTACK})
