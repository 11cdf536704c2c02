"""Workflows as text: JSON and YAML that load again, Python that runs, Mermaid that is looked at.

Nothing here touches the files themselves; that is for `session.files`.
"""
