"""The constructors of the built-in kinds of node, typed: `Node.prompt`, `Node.python` and so on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.graph.agents import Agent
    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.tools import Tool
    from graphbit_nb.graph.workflow import Workflow


class Constructors:
    """What `Node` inherits."""

    __slots__ = ()

    @staticmethod
    def prompt(
        name: str,
        template: str,
        *,
        model: str | None = None,
        provider: str | LlmConfig | None = None,
        system: str | None = None,
        examples: Sequence[Any] = (),
        temperature: float | None = None,
        max_tokens: int | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        seed: int | None = None,
        sample: int | Literal["item"] | None = None,
        images: Any = None,
        agent: Agent | None = None,
        **common: Any,
    ) -> Node:
        """A prompt for a language model.

        Args:
            name: The node's name.
            template: The prompt; ``{{ names }}`` in it are other nodes or inputs of the workflow.
            model: Model to ask; None is the executor's.
            provider: Provider to ask, by name or as a config; None is the executor's.
            system: The system prompt, a template as well.
            examples: Pairs of what is asked and what is answered, shown to the model before the prompt. What is
                asked is a text, or a dict of values with which the prompt itself is rendered.
            temperature: Sent as it is; so are `max_tokens`, `top_p`, `stop` and `seed`. None is not sent.
            max_tokens: Limit on the answer.
            top_p: See `temperature`.
            stop: Text or texts that end the answer.
            seed: See `temperature`.
            sample: Which sample of the same request it asks for, from 0: what is remembered of one is not taken for
                another. ``"item"``: each item of ``for_each`` asks for one of its own.
            images: Pictures that go with what the user says last: names of nodes or inputs that give them, or the
                pictures themselves (a `Path`, the bytes of a file, an `Image`); one or a list.
            agent: Gives model, system prompt and parameters where they are not said here.
            **common: What every node takes, see `make_node`.

        Raises:
            DefinitionError: the name, the template or an option is not allowed.
        """
        return _make(
            "prompt", name, template, model=model, provider=provider, system=system, examples=examples,
            temperature=temperature, max_tokens=max_tokens, top_p=top_p, stop=stop, seed=seed, sample=sample,
            images=images, agent=agent, **common,
        )  # fmt: skip

    @staticmethod
    def agent(
        name: str,
        template: str,
        *,
        tools: Sequence[Callable[..., Any] | Tool] | None = None,
        max_turns: int | None = None,
        tool_timeout: float | None = None,
        model: str | None = None,
        provider: str | LlmConfig | None = None,
        system: str | None = None,
        examples: Sequence[Any] = (),
        temperature: float | None = None,
        max_tokens: int | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        seed: int | None = None,
        sample: int | Literal["item"] | None = None,
        images: Any = None,
        agent: Agent | None = None,
        **common: Any,
    ) -> Node:
        """A prompt whose model may call functions before it answers.

        What the model asks for at once is called at the same time, plain functions in threads. It reads their results
        as text: a text as it is, anything else as JSON, of an exception its type and text.

        Args:
            name: The node's name.
            template: The prompt; ``{{ names }}`` in it are other nodes or inputs of the workflow.
            tools: Functions, plain or async, or tools that `tool_of` made. The model is told their docstrings and
                annotations. They take the place of those of `agent`.
            max_turns: How often the model may answer, 10 if nothing is said. The node fails when the last of these
                answers still asks for tools; these are not called any more.
            tool_timeout: Seconds that one call of a tool may take, 60 if nothing is said; then the model is told so.
            model: See `prompt`; so are all others.
            provider: See `prompt`.
            system: See `prompt`.
            examples: See `prompt`.
            temperature: See `prompt`.
            max_tokens: Limit on each of the answers.
            top_p: See `prompt`.
            stop: See `prompt`.
            seed: See `prompt`.
            sample: See `prompt`.
            images: See `prompt`.
            agent: Gives tools, model, system prompt and parameters where they are not said here.
            **common: What every node takes, see `make_node`. A model that is the `fallback` begins anew, and so calls
                the tools again.

        Raises:
            DefinitionError: the name, the template, a tool or an option is not allowed; there is no tool.
        """
        return _make(
            "agent", name, template, tools=tools, max_turns=max_turns, tool_timeout=tool_timeout, model=model,
            provider=provider, system=system, examples=examples, temperature=temperature, max_tokens=max_tokens,
            top_p=top_p, stop=stop, seed=seed, sample=sample, images=images, agent=agent,
            **common,
        )  # fmt: skip

    @staticmethod
    def python(
        name: str,
        fn: Callable[..., Any],
        *,
        inputs: Mapping[str, str] | Sequence[str] | None = None,
        **common: Any,
    ) -> Node:
        """A Python function, plain or async. Plain ones run in a thread of their own.

        Args:
            name: The node's name.
            fn: Its parameters are other nodes or inputs of the workflow, by name.
            inputs: What a parameter is bound to where its name does not say it: a dict of parameter to
                ``"node"`` or ``"node.path"``, or a list in the order of the parameters (further ones go to ``*args``).
            **common: What every node takes, see `make_node`.

        Raises:
            DefinitionError: the name, the function or an option is not allowed.
        """
        return _make("python", name, fn, inputs=inputs, **common)

    @staticmethod
    def condition(
        name: str,
        fn: Callable[..., Any] | str,
        *,
        inputs: Mapping[str, str] | Sequence[str] | None = None,
        **common: Any,
    ) -> Node:
        """A decision. Nodes with ``when="NAME=label"`` run only for their labels.

        Args:
            name: The node's name.
            fn: A function that returns the label (a text, a number, true or false), or a template whose text is it,
                such as ``"{% if score >= 8 %}good{% else %}poor{% endif %}"``.
            inputs: See `python`.
            **common: What every node takes, see `make_node`. ``output="good|poor"`` declares the labels, so that a
                ``when`` with another one is refused.

        Raises:
            DefinitionError: the name, the function, the template or an option is not allowed.
        """
        return _make("condition", name, fn, inputs=inputs, **common)

    @staticmethod
    def human(name: str, question: str, **common: Any) -> Node:
        """A question to a person. The run waits for the answer while other branches go on.

        Args:
            name: The node's name.
            question: What is asked, a template.
            **common: What every node takes, see `make_node`. ``output="approve|reject"`` says what may be answered.

        Raises:
            DefinitionError: the name, the template or an option is not allowed.
        """
        return _make("human", name, question, **common)

    @staticmethod
    def embed(
        name: str,
        text: str,
        *,
        model: str | None = None,
        provider: str | LlmConfig | None = None,
        **common: Any,
    ) -> Node:
        """Turns a text into a vector, a list of floats.

        Args:
            name: The node's name.
            text: A template. If it is nothing but one value, as in ``"{{ passages }}"``, and that is a list of texts,
                the output is a list of vectors.
            model: Model to ask; None is the executor's.
            provider: Provider to ask, by name or as a config; None is the executor's.
            **common: What every node takes, see `make_node`.

        Raises:
            DefinitionError: the name, the template or an option is not allowed.
        """
        return _make("embed", name, text, model=model, provider=provider, **common)

    @staticmethod
    def workflow(
        name: str,
        workflow: Workflow,
        *,
        inputs: Mapping[str, str] | None = None,
        repeat_until: str | None = None,
        max_iterations: int | None = None,
        carry: Mapping[str, str] | None = None,
        returns: str | None = None,
        **common: Any,
    ) -> Node:
        """A workflow as one node, once or in a bounded loop. ``{{ NAME.inner }}`` reads what its node `inner` gave.

        Args:
            name: The node's name.
            workflow: What runs inside.
            inputs: What its inputs are given, as expressions over the nodes and inputs around; an input that is not
                mentioned takes the node or input of its own name. An input ``iteration`` is given the number of the
                iteration, from 1.
            repeat_until: An expression over the inner nodes, such as ``"critic.score >= 8"``: the loop ends when it
                holds, or after `max_iterations`.
            max_iterations: Iterations at most.
            carry: For each inner input that changes from one iteration to the next, the inner node whose output it
                takes.
            returns: The inner node whose output is this node's; without it the output is a dict of all of them.
            **common: What every node takes, see `make_node`.

        Raises:
            DefinitionError: the name, a binding or an option is not allowed.
        """
        return _make(
            "workflow", name, workflow, inputs=inputs, repeat_until=repeat_until, max_iterations=max_iterations,
            carry=carry, returns=returns, **common,
        )  # fmt: skip


_found: list[Callable[..., Node]] = []  # `make_node`, which needs this module itself


def _make(kind: str, name: str, body: Any, **arguments: Any) -> Node:
    if not _found:
        from graphbit_nb.graph.node import make_node

        _found.append(make_node)
    return _found[0](kind, name, body, **arguments)
