"""Workflows of LLM calls for Jupyter, and for plain Python.

    import graphbit_nb as gb

    builder = gb.WorkflowBuilder("notes")
    builder.add_node(gb.Node.prompt("outline", "Three points about {{ topic }}."))
    builder.add_node(gb.Node.prompt("draft", "Write it up: {{ outline }}"))
    result = gb.WorkflowExecutor().execute(builder.build(), {"topic": "graphs"})
    print(result.outputs["draft"])

In a notebook, ``%load_ext graphbit_nb`` brings ``%%graphbit`` cells. Everything here is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphbit_nb.core.budget import Budget
    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.core.events import ErrorInfo, Event
    from graphbit_nb.core.limits import InputLimits
    from graphbit_nb.core.llm import (
        EmbedRequest,
        EmbedResponse,
        GenerateRequest,
        GenerateResponse,
        Image,
        LlmClient,
        Message,
        ModelInfo,
        ToolCall,
        ToolSpec,
        Usage,
    )
    from graphbit_nb.core.markers import InjectionMarkers
    from graphbit_nb.core.node_snapshot import NodeSnapshot as NodeResult
    from graphbit_nb.core.personal import PersonalData
    from graphbit_nb.core.screening import ContentCheck, ContentPolicy, validate_content_safety
    from graphbit_nb.core.snapshot import RunSnapshot
    from graphbit_nb.core.states import NodeState, RunStatus
    from graphbit_nb.errors import (
        AuthenticationError,
        BadRequestError,
        BudgetExceeded,
        CircuitOpenError,
        ConfigurationError,
        ConflictError,
        ContentBlockedError,
        ContentFilteredError,
        ContextTooLongError,
        DefinitionError,
        GraphbitError,
        InputTooLarge,
        InvalidTextError,
        LayoutError,
        MissingInputError,
        NotFoundError,
        NotRecordedError,
        OutputError,
        OutputTypeError,
        OverloadedError,
        PermissionDeniedError,
        Problem,
        ProtocolError,
        ProviderConnectionError,
        ProviderError,
        ProviderTimeoutError,
        QuotaExhaustedError,
        RateLimitError,
        ResponseTooLargeError,
        RunCancelled,
        RunFailedError,
        ServerError,
        StorageError,
        TemplateError,
        UsageError,
        ValidationError,
    )
    from graphbit_nb.execution.context import ExecutionContext, ExecutionMetadata
    from graphbit_nb.execution.result import ExecutionResult
    from graphbit_nb.graph.agents import Agent
    from graphbit_nb.graph.builder import WorkflowBuilder
    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.plan import ExecutionPlan
    from graphbit_nb.graph.registry import NodeInput, NodeOutput, NodeProcessor, ProcessorRegistry, Prompt
    from graphbit_nb.graph.tools import Tool, tool_of
    from graphbit_nb.graph.workflow import Edge, InputSpec, Workflow
    from graphbit_nb.providers.base import CustomLlmClient
    from graphbit_nb.providers.clients import LlmClientManager
    from graphbit_nb.providers.limits import PoolLimits
    from graphbit_nb.providers.registry import ProviderRegistry
    from graphbit_nb.reliability.breaker import CircuitBreaker, CircuitState
    from graphbit_nb.reliability.ratelimit import RateLimiter
    from graphbit_nb.reliability.retry import RetryPolicy
    from graphbit_nb.session.executor import WorkflowExecutor
    from graphbit_nb.session.files import export, load
    from graphbit_nb.session.forecast import CostEstimate, NodeEstimate, estimate_cost
    from graphbit_nb.session.handle import RunHandle
    from graphbit_nb.session.health import HealthReport, health_check
    from graphbit_nb.session.history import (
        cache,
        compare,
        delete_run,
        get_run,
        kept_workflow,
        prune_runs,
        runs,
        tag_run,
    )
    from graphbit_nb.session.lifecycle import get_system_info, init, shutdown, version
    from graphbit_nb.session.progressbar import ProgressBar
    from graphbit_nb.storage.cassette import Cassette
    from graphbit_nb.storage.secrets import SecureConfig
    from graphbit_nb.telemetry.current import metrics
    from graphbit_nb.telemetry.metrics import MetricsCollector
    from graphbit_nb.templating import SafeTemplateEngine

    PyExecutionResult = ExecutionResult
    PyLlmConfig = LlmConfig
    PyWorkflowBuilder = WorkflowBuilder
    PyWorkflowExecutor = WorkflowExecutor
    PyWorkflowNode = Node
    last: ExecutionResult | None

_WHERE = {
    "core.budget": "Budget",
    "core.config": "LlmConfig",
    "core.events": "ErrorInfo Event",
    "core.limits": "InputLimits",
    "core.llm": (
        "EmbedRequest EmbedResponse GenerateRequest GenerateResponse Image LlmClient Message ModelInfo ToolCall "
        "ToolSpec Usage"
    ),
    "core.markers": "InjectionMarkers",
    "core.personal": "PersonalData",
    "core.screening": "ContentCheck ContentPolicy validate_content_safety",
    "core.snapshot": "RunSnapshot",
    "core.states": "NodeState RunStatus",
    "errors": (
        "AuthenticationError BadRequestError BudgetExceeded CircuitOpenError ConfigurationError ConflictError "
        "ContentBlockedError ContentFilteredError ContextTooLongError DefinitionError GraphbitError InputTooLarge "
        "InvalidTextError LayoutError "
        "MissingInputError NotFoundError NotRecordedError OutputError OutputTypeError OverloadedError "
        "PermissionDeniedError Problem "
        "ProtocolError ProviderConnectionError ProviderError ProviderTimeoutError QuotaExhaustedError "
        "RateLimitError ResponseTooLargeError RunCancelled RunFailedError ServerError StorageError TemplateError "
        "UsageError ValidationError"
    ),
    "execution.context": "ExecutionContext ExecutionMetadata",
    "execution.result": "ExecutionResult",
    "graph.agents": "Agent",
    "graph.builder": "WorkflowBuilder",
    "graph.node": "Node",
    "graph.plan": "ExecutionPlan",
    "graph.registry": "NodeInput NodeOutput NodeProcessor ProcessorRegistry Prompt",
    "graph.tools": "Tool tool_of",
    "graph.workflow": "Edge InputSpec Workflow",
    "providers.base": "CustomLlmClient",
    "providers.clients": "LlmClientManager",
    "providers.limits": "PoolLimits",
    "providers.registry": "ProviderRegistry",
    "reliability.breaker": "CircuitBreaker CircuitState",
    "reliability.ratelimit": "RateLimiter",
    "reliability.retry": "RetryPolicy",
    "session.executor": "WorkflowExecutor",
    "session.files": "export load",
    "session.handle": "RunHandle",
    "session.forecast": "CostEstimate NodeEstimate estimate_cost",
    "session.health": "HealthReport health_check",
    "session.history": "cache compare delete_run get_run kept_workflow prune_runs runs tag_run",
    "session.lifecycle": "get_system_info init shutdown version",
    "session.progressbar": "ProgressBar",
    "storage.cassette": "Cassette",
    "telemetry.current": "metrics",
    "telemetry.metrics": "MetricsCollector",
    "storage.secrets": "SecureConfig",
    "templating": "SafeTemplateEngine",
}
_ALIASES = {
    "NodeResult": ("core.node_snapshot", "NodeSnapshot"),
    "PyExecutionResult": ("execution.result", "ExecutionResult"),
    "PyLlmConfig": ("core.config", "LlmConfig"),
    "PyWorkflowBuilder": ("graph.builder", "WorkflowBuilder"),
    "PyWorkflowExecutor": ("session.executor", "WorkflowExecutor"),
    "PyWorkflowNode": ("graph.node", "Node"),
}
_LAZY = {name: (module, name) for module, names in _WHERE.items() for name in names.split()} | _ALIASES

__all__ = [
    "Agent",
    "AuthenticationError",
    "BadRequestError",
    "Budget",
    "BudgetExceeded",
    "Cassette",
    "CircuitBreaker",
    "CircuitOpenError",
    "CircuitState",
    "ConfigurationError",
    "ConflictError",
    "ContentBlockedError",
    "ContentCheck",
    "ContentFilteredError",
    "ContentPolicy",
    "ContextTooLongError",
    "CostEstimate",
    "CustomLlmClient",
    "DefinitionError",
    "Edge",
    "EmbedRequest",
    "EmbedResponse",
    "ErrorInfo",
    "Event",
    "ExecutionContext",
    "ExecutionMetadata",
    "ExecutionPlan",
    "ExecutionResult",
    "GenerateRequest",
    "GenerateResponse",
    "GraphbitError",
    "HealthReport",
    "Image",
    "InjectionMarkers",
    "InputLimits",
    "InputSpec",
    "InputTooLarge",
    "InvalidTextError",
    "LayoutError",
    "LlmClient",
    "LlmClientManager",
    "LlmConfig",
    "Message",
    "MetricsCollector",
    "MissingInputError",
    "ModelInfo",
    "Node",
    "NodeEstimate",
    "NodeInput",
    "NodeOutput",
    "NodeProcessor",
    "NodeResult",
    "NodeState",
    "NotFoundError",
    "NotRecordedError",
    "OutputError",
    "OutputTypeError",
    "OverloadedError",
    "PermissionDeniedError",
    "PersonalData",
    "PoolLimits",
    "Problem",
    "ProcessorRegistry",
    "ProgressBar",
    "Prompt",
    "ProtocolError",
    "ProviderConnectionError",
    "ProviderError",
    "ProviderRegistry",
    "ProviderTimeoutError",
    "PyExecutionResult",
    "PyLlmConfig",
    "PyWorkflowBuilder",
    "PyWorkflowExecutor",
    "PyWorkflowNode",
    "QuotaExhaustedError",
    "RateLimitError",
    "RateLimiter",
    "ResponseTooLargeError",
    "RetryPolicy",
    "RunCancelled",
    "RunFailedError",
    "RunHandle",
    "RunSnapshot",
    "RunStatus",
    "SafeTemplateEngine",
    "SecureConfig",
    "ServerError",
    "StorageError",
    "TemplateError",
    "Tool",
    "ToolCall",
    "ToolSpec",
    "Usage",
    "UsageError",
    "ValidationError",
    "Workflow",
    "WorkflowBuilder",
    "WorkflowExecutor",
    "cache",
    "compare",
    "delete_run",
    "estimate_cost",
    "export",
    "get_run",
    "get_system_info",
    "health_check",
    "init",
    "kept_workflow",
    "last",
    "load",
    "metrics",
    "prune_runs",
    "runs",
    "shutdown",
    "tag_run",
    "tool_of",
    "validate_content_safety",
    "version",
]


def __getattr__(name: str) -> Any:
    if name == "last":
        from graphbit_nb.session.shared import latest_result

        return latest_result()
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _LAZY[name]
    value = getattr(import_module(f"{__name__}.{module}"), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: Any) -> None:
    """Register the magics: what ``%load_ext graphbit_nb`` calls."""
    from graphbit_nb.notebook.extension import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take the magics away again: what ``%unload_ext graphbit_nb`` calls."""
    from graphbit_nb.notebook.extension import unload

    unload(shell)
