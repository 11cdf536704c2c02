"""Workflows that the tests of files write and read: functions with what they need around them."""

import json
import re
import statistics as st
from dataclasses import dataclass

from pydantic import BaseModel

import graphbit_nb as gb

LIMIT = 3
WORD = re.compile(r"\w+")


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int = 0


@dataclass
class Point:
    """A place."""

    x: int
    tags: list[str]


def first_words(text: str) -> list[str]:
    return WORD.findall(text)[:LIMIT]


def count(text):
    """Count words.

    In several ways.
    """
    words = first_words(text)
    mean = st.mean(map(len, words))
    return {"count": len(words), "mean": mean, "text": json.dumps(words)}


async def place(count, *, tone="plain"):
    return Point(count["count"], [tone]).x + down(2)


def down(n):
    return 0 if n == 0 else down(n - 1)


def code_workflow():
    """Only python nodes and a condition: it runs without a model."""
    builder = gb.WorkflowBuilder("words", "Counts words.")
    builder.add_node(gb.Node.python("counted", count))
    builder.add_node(gb.Node.python("placed", place, inputs={"count": "counted"}))
    builder.add_node(gb.Node.python("twice", lambda counted: counted["count"] * 2, output="int"))
    builder.add_node(gb.Node.condition("route", lambda twice: "many" if twice > 4 else "few"))
    return builder.build()


def text_workflow():
    """Everything that a node can say, without code."""
    inner = gb.WorkflowBuilder("inner")
    inner.add_node(gb.Node.prompt("revise", "Revise {{ text }}\n"))
    inner.add_node(gb.Node.prompt("critic", "Score {{ revise }} of {{ style }}", output="json"))
    builder = gb.WorkflowBuilder("notes", 'What it is\nfor: "quoted" \\ ünï😀')
    nodes = [
        gb.Node.prompt(
            "draft",
            'Write about {{ topic }}.\n\n  Blanks at the end  \n\tand "quotes" \\ 😀\n\n',
            system="Be brief.\n",
            examples=[("a", "b"), ({"topic": "q"}, {"c": [1, 2.5, None, True]})],
            model="small",
            provider="openai",
            temperature=0.3,
            max_tokens=20,
            top_p=1,
            stop=["\n", "x"],
            seed=0,
            retry=gb.RetryPolicy(max_attempts=2, jitter=0.5),
            timeout=2.5,
            fallback=None,
            cache="ignore",
        ),
        gb.Node.prompt(
            "points",
            "Three points: {{ draft }}",
            output="list[str]",
            retry=3,
            fallback=["a", "b"],
            provider=gb.LlmConfig.ollama("qwen", timeout=7, headers={"X-Team": "docs"}, options={"threads": 2}),
        ),
        gb.Node.prompt(
            "each",
            "{{ point }} of {{ topic }}",
            for_each="point in points",
            concurrency=2,
            on_item_error="skip",
            fallback=gb.LlmConfig.openai("big"),
        ),
        gb.Node.condition("route", "{% if points|length > 2 %}long{% else %}short{% endif %}", output="long|short"),
        gb.Node.prompt("yes", "long {{ draft }}", when="route=long"),
        gb.Node.prompt("no", "short {{ yes|default('') }}", when=["route=short|long"], join="any", after=["each"]),
        gb.Node.workflow(
            "review",
            inner.build(),
            inputs={"style": "no", "text": "draft"},
            repeat_until="critic.score >= 8",
            max_iterations=3,
            carry={"text": "revise"},
            returns="revise",
        ),
        gb.Node.human("ask", "Good?\n{{ review }}", output="approve|reject"),
        gb.Node.embed("vector", "{{ draft }}", model="embedder"),
        gb.Node.prompt("number", "{{ optional|default('1') }}", output="json", fallback='"text"'),
    ]
    for node in nodes:
        builder.add_node(node)
    builder.connect("each", "vector").connect("draft", "number")
    return builder.build()
