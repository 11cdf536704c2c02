"""The kinds of node that come with the package, one module each."""
