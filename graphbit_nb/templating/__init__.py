"""Prompt templates: Jinja2's syntax under an allow-list, walked by our own evaluator over plain data.

Text with names in it is read directly, everything else is parsed by Jinja2; nothing that Jinja2 would compile or
execute ever runs. The evaluator knows names, paths into plain data, literals, comparisons, `if`, `for` and a list of
filters. Whatever else a template says is refused when the template is made. Walking the tree ourselves also tells
which piece of a rendered prompt came from which name.

Where it departs from Jinja2: there are no comments (``{#`` is text); a final newline is kept; the newline after a
block tag and the blanks before it are dropped; an undefined value is an error; none is an error where it would be
printed; lists, dicts, models and tables are printed as JSON; and lines ``@system``, ``@user``, ``@assistant`` alone
on a line divide the text into turns.
"""

from graphbit_nb.templating.evaluator import Turn
from graphbit_nb.templating.expression import Expression, Loop
from graphbit_nb.templating.filters import FILTERS
from graphbit_nb.templating.reading import Reference
from graphbit_nb.templating.template import SafeTemplateEngine, Template
from graphbit_nb.templating.values import look_up, to_text

__all__ = ["FILTERS", "Expression", "Loop", "Reference", "SafeTemplateEngine", "Template", "Turn", "look_up", "to_text"]
