"""The magics and displays; the only place that knows IPython."""
