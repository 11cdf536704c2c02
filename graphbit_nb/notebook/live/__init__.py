"""The live view of a workflow and its runs: what is sent to the browser, and what comes back."""
