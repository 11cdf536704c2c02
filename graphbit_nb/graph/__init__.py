"""The workflow as a graph: nodes, edges, what is wrong with them, and the order they run in. No input or output."""
