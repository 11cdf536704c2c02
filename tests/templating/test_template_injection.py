"""Payloads of template injection: refused, or text. None reaches an attribute, a function or a module."""

import pytest

from graphbit_nb.errors import GraphbitError
from graphbit_nb.templating import Template

PAYLOADS = r"""
{{ 7*7 }}
{{7*'7'}}
${7*7}
#{7*7}
<%= 7*7 %>
{{config}}
{{config.items()}}
{{ self }}
{{ self.__init__.__globals__ }}
{{ self._TemplateReference__context.cycler.__init__.__globals__.os }}
{{ ''.__class__ }}
{{ ''.__class__.__mro__[1].__subclasses__() }}
{{ ''['__class__']['__mro__'][1]['__subclasses__']() }}
{{ [].__class__.__base__.__subclasses__() }}
{{ ().__class__.__bases__[0].__subclasses__() }}
{{ {}.__class__ }}
{{ victim.__class__ }}
{{ victim['__class__'] }}
{{ victim['__init__'] }}
{{ victim.secret }}
{{ victim._hidden }}
{{ victim.method }}
{{ victim.method() }}
{{ victim|attr('__class__') }}
{{ victim|attr('secret') }}
{{ victim|attr(['_'*2,'class','_'*2]|join) }}
{{ victim["\x5f\x5fclass\x5f\x5f"] }}
{{ victim|map(attribute='__class__')|list }}
{{ [victim]|map('attr','secret')|first }}
{{ [victim]|sort(attribute='secret') }}
{{ [victim]|sort(attribute='__class__')|first }}
{{ [victim]|join(attribute='secret') }}
{{ [victim]|unique(attribute='secret') }}
{{ [victim]|groupby('secret') }}
{{ victim|string }}
{{ victim|format }}
{{ '{0.secret}'|format(victim) }}
{{ '{0.__class__}'.format(victim) }}
{{ '%s'|format(victim.secret) }}
{{ victim|xmlattr }}
{{ victim|pprint }}
{{ victim|select }}
{{ victim|batch(1) }}
{{ victim|dictsort }}
{{ request.application.__globals__.__builtins__.__import__('os').popen('id').read() }}
{{ lipsum.__globals__['os'].popen('id').read() }}
{{ cycler.__init__.__globals__.os.popen('id').read() }}
{{ joiner.__init__.__globals__.os }}
{{ namespace.__init__.__globals__ }}
{{ url_for.__globals__ }}
{{ get_flashed_messages.__globals__ }}
{{ range(10**9) }}
{{ dict(a=1) }}
{{ __import__('os') }}
{% import 'os' as os %}
{% include '/etc/passwd' %}
{% extends '/etc/passwd' %}
{% from 'x' import y %}
{% set x = victim.secret %}{{ x }}
{% macro m() %}{{ caller() }}{% endmacro %}
{% call(x) victim.method() %}{% endcall %}
{% filter attr('secret') %}{% endfilter %}
{% do victim.method() %}
{% debug %}
{% trans %}x{% endtrans %}
{% autoescape false %}x{% endautoescape %}
{% with a = victim.secret %}{{ a }}{% endwith %}
{% for x in victim.secret %}{% endfor %}
{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}
{% for victim.secret in [1] %}{% endfor %}
{% if victim.secret %}x{% endif %}
{% if victim.method() %}x{% endif %}
{{ victim.secret is defined }}
{{ victim.secret | default('') }}
{{ loop.__class__ }}
{% for i in [1] %}{{ loop.__class__ }}{% endfor %}
{% for i in [1] %}{{ loop.cycle(victim) }}{% endfor %}
{{ true.__class__ }}
{{ none.__class__ }}
{{ 1.__class__ }}
{{ victim.mro() }}
{{ "a".join(victim) }}
{{ ("x" ~ "y").__class__ }}
{{ (victim)['secret'] }}
@{7*7}
*{7*7}
{{= 7*7 }}
{{{ 7*7 }}}
""".strip().splitlines()


class Victim:
    """Anything that is looked at here, other than being there, fails the test."""

    def __getattribute__(self, name):
        if name in ("__class__", "__dict__"):  # what Python itself asks
            return object.__getattribute__(self, name)
        raise AssertionError(f"{name} was read")

    @property
    def secret(self):
        raise AssertionError("secret was read")

    def method(self):
        raise AssertionError("method was called")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_in_a_template_is_refused_or_text(payload):
    try:
        rendered = Template(payload).render({"victim": Victim()})
    except GraphbitError:
        return
    assert "49" not in rendered.replace(payload, "")
    assert rendered in (payload, "", "false")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_in_a_value_is_text(payload):
    assert Template("<{{ value }}>").render({"value": payload, "victim": Victim()}) == f"<{payload}>"
