"""The names that users import: pinned, sorted, and all of them there."""

import pytest

import graphbit_nb as gb
from graphbit_nb import errors

PINNED = [
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


def test_the_public_names_are_these():
    assert gb.__all__ == sorted(gb.__all__) == PINNED


@pytest.mark.parametrize("name", PINNED)
def test_a_public_name_resolves_and_is_listed(name):
    assert getattr(gb, name, gb) is not gb
    assert name in dir(gb)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Wrkflow'"):
        _ = gb.Wrkflow


def test_graphbits_names_are_the_same_classes():
    assert gb.PyWorkflowBuilder is gb.WorkflowBuilder
    assert gb.PyWorkflowExecutor is gb.WorkflowExecutor
    assert gb.PyWorkflowNode is gb.Node
    assert gb.PyLlmConfig is gb.LlmConfig
    assert gb.PyExecutionResult is gb.ExecutionResult


def test_every_error_is_a_graphbit_error_and_in_the_tree_of_the_docstring():
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, Exception)]
    for error in classes:
        assert issubclass(error, gb.GraphbitError)
        assert error.__name__ in errors.__doc__


def test_an_error_shows_as_one_line_in_a_notebook():
    (line,) = gb.UsageError("wrong")._render_traceback_()
    assert line.endswith("UsageError\x1b[0m: wrong")


def test_nearest_names():
    assert errors.nearest("outlin", ["outline", "draft"]) == "outline"
    assert errors.nearest("DRAFT", ["outline", "draft"]) == "draft"
    assert errors.nearest("zzz", ["outline", "draft"]) is None
    assert errors.did_you_mean("zzz", ["outline"]) == ""
