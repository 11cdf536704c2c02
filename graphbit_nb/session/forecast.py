"""What a run would cost, before it is made: tokens and money by node, from its prompts and from past runs. Asks nobody.

A prompt is rendered where all that it reads is known: inputs, and answers that are remembered. Where it is not, its
size follows from past runs, else from its template and the sizes of what it reads. What a model will answer is known
from past runs alone; without them the bound is `max_tokens`, if there is one.
"""

from __future__ import annotations

from collections import ChainMap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from graphbit_nb.core.llm import GenerateResponse, Usage
from graphbit_nb.errors import UsageError, did_you_mean
from graphbit_nb.execution.engine import plan_for
from graphbit_nb.graph.registry import processor_of
from graphbit_nb.providers import prices
from graphbit_nb.providers.catalog import PRESETS
from graphbit_nb.session.forecast_sizes import (
    answer_of,
    calls_of,
    filled_in,
    how_many,
    parts_of,
    size_of,
    unrendered,
)
from graphbit_nb.session.ranges import NONE, ONE, Range

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.workflow import Workflow
    from graphbit_nb.session.clients import RunClients
    from graphbit_nb.session.executor import WorkflowExecutor
    from graphbit_nb.session.past_calls import PastNode
    from graphbit_nb.session.remembered_calls import RememberedCalls

Sure = Literal["sure", "likely", "rough"]

MOST_RENDERED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEstimate:
    """What one node would cost, by path without numbers.

    Attributes:
        node: The node.
        model: Whom it asks, as ``"provider/model"``.
        calls: How many calls it makes.
        input_tokens: Of all of them.
        output_tokens: Of all of them.
        cost: US dollars of all of them; None when the price is not known.
        sure: ``"sure"``, ``"likely"`` or ``"rough"``.
        why: Where the figures are from.
        remembered: How many calls are remembered already, and so are free.
    """

    node: str
    model: str
    calls: Range
    input_tokens: Range
    output_tokens: Range
    cost: Range | None
    sure: Sure
    why: str
    remembered: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CostEstimate:
    """What a run would cost.

    Attributes:
        workflow: Its name.
        rows: A row for each node that asks a model, in the order of the plan.
    """

    workflow: str
    rows: tuple[NodeEstimate, ...] = field(default=())

    @property
    def calls(self) -> Range:
        """All calls."""
        return sum((row.calls for row in self.rows), NONE)

    @property
    def input_tokens(self) -> Range:
        """Tokens of all prompts."""
        return sum((row.input_tokens for row in self.rows), NONE)

    @property
    def output_tokens(self) -> Range:
        """Tokens of all answers."""
        return sum((row.output_tokens for row in self.rows), NONE)

    @property
    def cost(self) -> Range:
        """US dollars of the nodes whose price is known; `unpriced` are not in it."""
        return sum((row.cost for row in self.rows if row.cost is not None), NONE)

    @property
    def unpriced(self) -> tuple[str, ...]:
        """Nodes whose price is not known: what they cost comes on top."""
        return tuple(row.node for row in self.rows if row.cost is None)

    def __repr__(self) -> str:
        cost = self.cost
        most = "no upper bound" if cost.high is None else f"${cost.high:.4g}"
        more = f", and what {', '.join(self.unpriced)} cost" if self.unpriced else ""
        likely = f"about ${cost.likely:.4g} (${cost.low:.4g} to {most})"
        return f"CostEstimate({self.workflow!r}: {likely}{more})"


def estimate_cost(
    workflow: Workflow,
    inputs: Mapping[str, Any] | None = None,
    *,
    executor: WorkflowExecutor | None = None,
    config: LlmConfig | None = None,
    nodes: Sequence[str] | None = None,
    cache: str | None = None,
    pinned: Mapping[str, Any] | None = None,
) -> CostEstimate:
    """Return what a run would cost. No model is asked and no code of a node is run.

    Args:
        workflow: What would be run.
        inputs: Values of its inputs, as far as they are known.
        executor: What would run it; None is one with `config`.
        config: The model to ask where there is no executor.
        nodes: Only these and what they need.
        cache: Mode of the cache; None is the executor's.
        pinned: Outputs that are there already, by node.

    Raises:
        UsageError: an argument is not allowed.
        ConfigurationError: a model is not set up.
    """
    from graphbit_nb.graph.caching import first_mode
    from graphbit_nb.graph.workflow import Outline, Workflow
    from graphbit_nb.providers.clients import LlmClientManager
    from graphbit_nb.session.clients import RunClients
    from graphbit_nb.session.past_calls import past_calls
    from graphbit_nb.session.remembered_calls import RememberedCalls

    if not isinstance(workflow, Workflow) or isinstance(workflow, Outline):
        raise UsageError(f"workflow: give a Workflow that can be run, not {type(workflow).__name__}")
    given = dict(inputs or {})
    for name in given:
        if name not in workflow.inputs:
            raise UsageError(f"no input {name!r}{did_you_mean(str(name), workflow.inputs)}")
    for name in pinned or {}:
        if name not in workflow.nodes:
            raise UsageError(f"pinned: no node {name!r}{did_you_mean(str(name), workflow.nodes)}")
    asks = config if executor is None else executor.config
    mode = first_mode(cache, None if executor is None else executor.cache)
    is_on_disk = executor is None or executor.storage == "disk"
    guess = _Guess(
        RunClients(LlmClientManager(), asks), past_calls(workflow), RememberedCalls(mode, on_disk=is_on_disk)
    )
    names = plan_for(workflow, nodes).names
    guess.walk(workflow, names, {**given, **(pinned or {})}, frozenset(pinned or ()))
    return CostEstimate(workflow=workflow.name, rows=tuple(guess.rows))


class _Guess:
    """Goes through a workflow in the order of its plan."""

    def __init__(self, clients: RunClients, past: Mapping[str, PastNode], remembered: RememberedCalls) -> None:
        self.rows: list[NodeEstimate] = []
        self._clients = clients
        self._past = past
        self._remembered = remembered

    def walk(
        self, workflow: Workflow, names: Sequence[str], values: Mapping[str, Any], pinned: frozenset[str] = frozenset(),
        within: str = "", times: Range = ONE,
    ) -> None:  # fmt: skip
        """Add a row for each node that asks a model.

        Args:
            workflow: Whose nodes.
            names: Which of them.
            values: Inputs and outputs that are known.
            pinned: Nodes that are not run.
            within: What stands before their names.
            times: How often all of it is run.
        """
        known, sizes, unsure = dict(values), dict[str, Range](), set[str]()
        wanted = set(names)
        for name in (workflow.plan.names[number] for number in workflow.plan.order):
            if name not in wanted or name in pinned:
                continue
            node = workflow.nodes[name]
            if node.when or any(other in unsure for other in workflow.predecessors(name)):
                unsure.add(name)
            often = times.perhaps() if name in unsure else times
            scopes = self._scopes(node, known)
            processor = processor_of(node.kind)
            path = within + name
            if processor.runs_as == "nodes":
                self._inner(node, path, known, often, scopes)
            elif processor.asks_model:
                sizes[name], output = self._asked(node, path, often, scopes, known, sizes)
                if output is not None and name not in unsure:
                    known[name] = output[0]

    def _scopes(self, node: Node, known: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
        """Return what each item sees; one for a node that is no fan-out, None for a list that is not known."""
        if node.for_each is None:
            return [known]
        try:
            return [ChainMap(dict(item), dict(known)) for item in node.for_each.items(known)]
        except Exception:  # noqa: BLE001 (values are anybody's)
            return None

    def _inner(
        self, node: Node, path: str, known: Mapping[str, Any], often: Range, scopes: list[Any] | None
    ) -> None:  # fmt: skip
        settings = node.settings
        values = {}
        for name, expression in settings.bindings.items():
            if name not in settings.carry:
                try:
                    values[name] = expression.evaluate(known)
                except Exception:  # noqa: BLE001, S112 (as above)
                    continue
        if settings.repeat_until is not None:
            often = often * Range(1.0, (1 + settings.max_iterations) / 2, float(settings.max_iterations))
        inner = settings.workflow
        self.walk(inner, inner.plan.names, values, within=f"{path}.", times=often * how_many(scopes))

    def _asked(
        self, node: Node, path: str, often: Range, scopes: list[Mapping[str, Any]] | None, known: Mapping[str, Any],
        sizes: Mapping[str, Range],
    ) -> tuple[Range, tuple[Any] | None]:  # fmt: skip
        """Add the node's row; return the size of its output and, if it is remembered, the output."""
        config, past, embeds = self._clients.config_for(node), self._past.get(path), processor_of(node.kind).embeds
        prompts, hits, outputs, is_rendered = NONE, 0, list[Any](), scopes is not None
        for scope in (scopes or [])[:MOST_RENDERED]:
            rendered = filled_in(node, scope)
            if rendered is None:
                is_rendered = False
                continue
            found = self._remembered.of(node, path, rendered, config)
            if found is not None:
                hits += 1
                outputs.append(found.output)
            else:
                prompts = prompts + size_of(rendered, node)
        count = parts_of(scopes, past)
        whys: list[str] = []
        fresh = Range(
            max(count.low - hits, 0), max(count.likely - hits, 0), None if count.high is None else count.high - hits
        )
        if is_rendered and scopes is not None and len(scopes) <= MOST_RENDERED:
            tokens_in = prompts
            whys.append("prompt known" if fresh.high else "")
        else:
            each, why = unrendered(node, known, sizes, past)
            tokens_in = each * fresh
            whys.append(why)
        if scopes is None:
            whys.append(f"number of items from {past.said}" if past and past.parts else "number of items unknown")
        if often.low == 0 and fresh.high != 0:
            whys.append("may not be run")
        tries = calls_of(node, past)
        answer, why, is_bound = answer_of(node, past, embeds=embeds)
        whys.append(why)
        calls = fresh * tries * often
        if hits:
            whys.insert(0, "remembered: free" if not fresh.high else f"{hits:,} of its calls remembered: free")
        per_call = _Priced(config, past)
        tokens_in = tokens_in * tries * often
        tokens_out = answer * calls
        cost = per_call.cost(calls, tokens_in, tokens_out)
        if cost is None:
            whys.append("price unknown")
        elif per_call.is_past:
            whys.append("price from past runs")
        if fresh.high == 0:
            whys, cost = ["remembered: free" if hits else "no items"], NONE
        self.rows.append(NodeEstimate(
            node=path, model=f"{config.provider}/{config.model}" if config.model else config.provider, calls=calls,
            input_tokens=tokens_in, output_tokens=tokens_out, cost=cost, why=", ".join(filter(None, whys)),
            sure=_sureness(fresh, past, is_rendered=is_rendered, is_bound=is_bound), remembered=hits,
        ))  # fmt: skip
        all_known = scopes is not None and hits == len(scopes) and None not in outputs
        if not all_known:
            return answer * count, None
        values = [output[0] for output in outputs]
        return answer * count, (values if node.for_each is not None else values[0],)


class _Priced:
    """What tokens cost at a model: by the list of prices, else as they did in past runs."""

    def __init__(self, config: LlmConfig, past: PastNode | None) -> None:
        self._config = config
        self._past = past
        self.is_past = False

    def cost(self, calls: Range, tokens_in: Range, tokens_out: Range) -> Range | None:
        """Return US dollars, or None when the price is not known."""
        likely = self._of(calls.likely, tokens_in.likely, tokens_out.likely)
        if likely is None:
            return self._as_before(calls)
        low = self._of(calls.low, tokens_in.low, tokens_out.low) or 0.0
        high = None
        if calls.high is not None and tokens_in.high is not None and tokens_out.high is not None:
            high = self._of(calls.high, tokens_in.high, tokens_out.high)
        elif likely == 0.0:
            high = 0.0
        return Range(low, likely, high)

    def _of(self, calls: float, tokens_in: float, tokens_out: float) -> float | None:
        preset, config = PRESETS.get(self._config.provider), self._config
        if preset is None:
            return None
        prices.warm()
        many = max(calls, 1.0)  # prices may depend on the length of one call
        usage = Usage(input_tokens=round(tokens_in / many), output_tokens=round(tokens_out / many), calls=1)
        address = config.base_url or preset.base_url or ""
        one = prices.cost_of(preset, address, config.model, GenerateResponse(text="", usage=usage))
        return None if one is None else one * many

    def _as_before(self, calls: Range) -> Range | None:
        if self._past is None:
            return None
        told = self._past.dollars.get((self._config.provider, str(self._config.model)))
        spread = None if not told else self._past.spread(told)
        self.is_past = spread is not None
        return None if spread is None else spread * calls


def _sureness(fresh: Range, past: PastNode | None, *, is_rendered: bool, is_bound: bool) -> Sure:
    if fresh.high == 0:
        return "sure"
    has_past = past is not None and past.runs >= 3 and not past.is_changed and bool(past.output_tokens)
    return "likely" if has_past or (is_rendered and is_bound) else "rough"
