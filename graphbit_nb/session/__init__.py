"""Composition: puts engine, providers and threads together behind the public `WorkflowExecutor`."""
