"""Workflows of LLM calls for Jupyter."""
