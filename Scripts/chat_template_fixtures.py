#!/usr/bin/env python3
"""Writes Tests/Fixtures/ChatTemplates/expected.json: what Jinja, as transformers sets it up, makes of the templates there.

The templates are those of common families, and pieces that each show one thing. A case that the reference refuses has
`fails` in the place of `text`.

Usage: Scripts/chat_template_fixtures.py  (needs Python 3 with jinja2 3.1.6 and transformers 5.23.0)
"""

import json
import pathlib

import jinja2
import transformers
from transformers.utils.chat_template_utils import _compile_jinja_template

FOLDER = pathlib.Path(__file__).parent.parent / "Tests/Fixtures/ChatTemplates"
VARIABLES = {"bos_token": "<s>", "eos_token": "</s>", "date_string": "03 Feb 2025"}

user = lambda text: {"role": "user", "content": text}
assistant = lambda text, **more: {"role": "assistant", "content": text, **more}
system = lambda text: {"role": "system", "content": text}
TOOLS = [
    {"type": "function", "function": {
        "name": "weather", "description": "The weather in a \"city\"", "parameters": {
            "type": "object", "properties": {
                "city": {"type": "string", "description": " A city, é 漢 "},
                "days": {"type": ["integer", "number"]}, "tags": {"type": "array", "items": {"type": "string"}},
                "map": {"type": "object", "additionalProperties": {"type": "boolean"}}},
            "required": ["city"]},
        "return": {"type": "string"}}},
    {"type": "function", "function": {
        "name": "now", "description": "The time", "parameters": {"type": "object", "properties": {}}}}]
CALL = {"id": "abcdefghi", "type": "function", "function": {
    "name": "weather", "arguments": {"city": "Kraków", "days": 2, "exact": True, "scale": 1.5, "none": None}}}
CONVERSATIONS = {
    "short": dict(messages=[user("Hello  there ")]),
    "long": dict(messages=[user("Hi"), assistant(" <think>\nhm\n</think>\n\nHello! "), user("\nWho? ")], add_generation_prompt=True),
    "system": dict(messages=[system(" Be brief. "), user("2+2?"), assistant("4")], add_generation_prompt=True, enable_thinking=False),
    "tools": dict(messages=[
        system("Use tools."), user("Weather?"), assistant("", tool_calls=[CALL]),
        {"role": "tool", "name": "weather", "content": "{\"t\": 3}", "tool_call_id": "abcdefghi"}, assistant("Cold."),
        user("And now?")], tools=TOOLS, add_generation_prompt=True),
    "tools-first": dict(messages=[user("Weather?"), assistant(None, tool_calls=[CALL, CALL], reasoning_content="think")], tools=TOOLS),
    "parts": dict(messages=[{"role": "user", "content": [
        {"type": "image"}, {"type": "text", "text": " What is it? "}]}], add_generation_prompt=True),
    "wrong": dict(messages=[assistant("I begin"), {"role": "other", "content": "x"}]),
    "none": dict(messages=[]),
}

# Each shows one thing; `x` is text, `l` a list, `d` a mapping, `n` a number.
PIECES = r"""
{{ 1 + 2 * 3 - 4 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 4 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 1.5 + 1 }}
{{ -n|abs }} {{ (-n)|abs }} {{ - n }} {{ +n }} {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ 1_000 }} {{ 1e3 }} {{ 1.0 }} {{ 1e-7 }} {{ 1e16 }} {{ 123456789.125 }}
{{ 'a' ~ 1 ~ none ~ true ~ 1.0 ~ [1, 'b'] }} {{ 'a' 'b' }} {{ 'a' * 3 }} {{ 3 * 'ab' }} {{ [1] * 2 }} {{ [1] + [2] }} {{ (1, 2) + (3,) }}
{{ true }} {{ false }} {{ none }} {{ True }} {{ None }} {{ undefined_name }}|{{ d.missing }}|{{ l[9] }}|{{ x[99] }}
{{ 1 == 1.0 }} {{ true == 1 }} {{ 'a' == 'a' }} {{ [1] == [1] }} {{ (1,) == [1] }} {{ {'a': 1} == {'a': 1.0} }} {{ 1 != 2 }} {{ none == false }}
{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ 2 >= 2 }} {{ 1 <= 0 }}
{{ 'b' in 'abc' }} {{ 'z' not in 'abc' }} {{ 1 in l }} {{ 'k' in d }} {{ 'v' in d }} {{ 1 in undefined_name }} {{ '' in 'abc' }} {{ not 'k' in d }}
{{ 1 and 2 }} {{ 0 or 'x' }} {{ not 1 }} {{ not not 1 }} {{ '' or [] or {} or 'end' }} {{ none and 1 }} {{ true and false or true }}
{{ 'yes' if n > 3 else 'no' }} {{ 'yes' if n < 3 }}| {{ 'a' if false else 'b' if false else 'c' }}
{{ x[0] }} {{ x[-1] }} {{ x[1:3] }} {{ x[::-1] }} {{ x[:-1] }} {{ x[-2:] }} {{ x[::2] }} {{ x[5:1:-2] }} {{ l[1:] }} {{ l[::-1] }} {{ l[:100] }} {{ l[-100:2] }} {{ l[3:1] }}
{{ (1, 2, 3)[1:] }} {{ (1,) }} {{ () }} {{ [1, 2, ] }} {{ {} }} {{ {'a': 1, 'b': [2]} }} {{ "it's" }} {{ ["it's", 'a"b', 'c\n\t\\'] }}
{{ d.k }} {{ d['k'] }} {{ d.items()|list }} {{ d.keys()|list }} {{ d.values()|list }} {{ d.get('k') }} {{ d.get('z') }} {{ d.get('z', 5) }} {{ d['items'] is defined }}
{{ ' a b '.strip() }}|{{ 'xxaxx'.strip('x') }}|{{ ' a '.lstrip() }}|{{ ' a '.rstrip() }}|{{ 'abcba'.lstrip('ab') }}|{{ '\u00a0a\u3000'.strip() }}|
{{ 'a,b,c'.split(',') }} {{ 'a,b,c'.split(',', 1) }} {{ ' a  b '.split() }} {{ 'a b c'.split(none, 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ 'aXXbXX'.split('XX') }} {{ 'a  b c '.rsplit(none, 1) }} {{ ''.split() }} {{ ''.split(',') }}
{{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'abc'.startswith('') }} {{ 'abc'.replace('b', 'xx') }} {{ 'aaa'.replace('a', 'b', 2) }} {{ 'abc'.replace('', '-') }} {{ 'aaaa'.replace('aa', 'b') }}
{{ 'abC'.upper() }} {{ 'ABc'.lower() }} {{ 'hELLO wORLD'.title() }} {{ 'hELLO'.capitalize() }} {{ 'ß'.upper() }} {{ "they're bill's"|title }} {{ 'aé漢'|length }}
{{ 'abcabc'.find('c') }} {{ 'abcabc'.rfind('c') }} {{ 'abc'.find('z') }} {{ 'é漢c'.find('c') }} {{ 'aaaa'.count('aa') }} {{ ', '.join(['a', 'b']) }} {{ 'a1'.isalnum() }} {{ '12'.isdigit() }} {{ 'ab'.isalpha() }} {{ ' '.isspace() }} {{ 'AB'.isupper() }} {{ 'a1'.islower() }} {{ ''.isdigit() }}
{{ 'abc'.removeprefix('a') }} {{ 'abc'.removesuffix('bc') }} {{ '7'.zfill(3) }} {{ '-7'.zfill(4) }} {{ 'a'.ljust(3) }}| {{ 'a'.rjust(3, '.') }} {{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=') }} {{ 'a\nb\r\nc'.splitlines() }} {{ 'a\n'.splitlines() }}
{{ '  a '|trim }}| {{ 'xax'|trim('x') }} {{ x|upper }} {{ x|lower }} {{ 'ab cd'|capitalize }} {{ [3, 1, 2]|sort }} {{ [3, 1, 2]|sort(reverse=true) }} {{ ['b', 'A', 'c']|sort }} {{ ['b', 'A']|sort(case_sensitive=true) }} {{ l|first }} {{ l|last }} {{ ''|first }}| {{ [1, 2]|reverse|list }} {{ 'abc'|reverse }}
{{ l|join(', ') }} {{ l|join }} {{ [d, d]|join('-', attribute='k') }} {{ 'abc'|join('.') }} {{ l|length }} {{ l|count }} {{ d|length }} {{ l|sum }} {{ [d, d]|sum(attribute='n') }} {{ l|min }} {{ l|max }} {{ ['b', 'A', 'b']|unique|list }}
{{ undefined_name|default('x') }} {{ ''|default('x') }}| {{ ''|default('x', true) }} {{ none|d('x') }} {{ d.missing|d }}|
{{ d|items|list }} {{ d|dictsort }} {{ d|list }} {{ 'abc'|list }} {{ '5'|int }} {{ 'x'|int }} {{ '5.9'|int }} {{ 'x'|int(7) }} {{ 5.9|int }} {{ '1.5'|float }} {{ 3.14159|round(2) }} {{ 2.5|round }} {{ 2.1|round(0, 'ceil') }} {{ 42|string }} {{ 'a<b>&"c"'|e }} {{ 'a b  c'|wordcount }}
{{ 'ab'|center(7) }}|{{ 'ab'|center(5) }}|{{ 'a'|center(4) }}|{{ 'a'|center(1) }}|{{ 'a'|center(-3) }}|{{ 'aé漢'|center(width=8) }}|{{ n|center(4) }}|{{ none|center(8) }}|{{ zzz|center(3) }}|{{ 'x'|center }}|{{ ['a', 'bb']|map('center', 5)|list }} {{ 'ab'.center(5) }}|{{ 'a'.center(4, '*') }}|{{ 'ab'.center(7, '*') }}|{{ 'abc'.center(6, 'é') }}
{{ 'a'.center(-9223372036854775807 - 1) }}{{ 'a'|center(-9223372036854775807 - 1) }}{{ 'a'.zfill(-9223372036854775807 - 1) }}
{{ 'a'|center('5') }}
{{ 'a'|center(none) }}
{{ 'a'|center(5, 6) }}
{{ 'a'.center() }}
{{ 'a'.center(5, '') }}
{{ 'a'.ljust(5, 'ab') }}
{{ d|dictsort(reverse=true) }} {{ {'b': 1, 'A': 3, 'a': 2}|dictsort }} {{ {'b': 1, 'A': 3, 'a': 2}|dictsort(true) }} {{ {'b': 1, 'A': 3, 'a': 2}|dictsort(false, 'value') }} {{ {'b': 1, 'A': 1, 'c': 0}|dictsort(by='value', reverse=true) }} {{ {'b': 'x', 'A': 'Y', 'c': 'Z'}|dictsort(by='value', case_sensitive=true) }} {{ {}|dictsort(reverse=true) }}
{{ [d, d]|map('join', '-')|list }} {{ [[d], [d, d]]|map('join', ',', attribute='k')|list }} {{ [[d], [d, d]]|map('sum', attribute='n')|list }} {{ msgs|map(attribute='zip', default=none)|list }} {{ msgs|map(default=1, attribute='tool')|list }}
{{ l|select('divisibleby', num=2)|list }} {{ l|reject('in', seq=[1])|list }} {{ msgs|selectattr('role', 'in', seq=['user'])|list|length }} {{ 9 is divisibleby(num=3) }} {{ 9 is in(seq=[9]) }} {{ none is sameas(other=none) }} {{ l|select(nothing=1)|list }}
{{ '7'|int(base=10) }} {{ 'x'|int(default=7) }} {{ 'x'|int(7, 10) }} {{ 7.5|int(base=10) }} {{ 'x'|float(default=1.5) }} {{ 2.55|round(precision=1, method='floor') }} {{ 'xxa'|trim(chars='x') }} {{ l|join(d='-') }} {{ 'aaa'|replace(old='a', new='b', count=2) }} {{ l|sum(start=10) }} {{ ['a', 'B']|sort(reverse=true, case_sensitive=true) }} {{ ['a', 'A']|unique(case_sensitive=true)|list }} {{ ['b', 'A']|min(case_sensitive=true) }} {{ 'a\nb'|indent(width=2, first=true) }} {{ zzz|default(default_value='q', boolean=true) }} {{ 'x'|attr(name='zip') }}|
{{ 'a b c'.split(maxsplit=1) }} {{ 'a-b-c'.rsplit(sep='-', maxsplit=1) }} {{ dict({'a': 1}, b=2) }} {{ namespace({'a': 1}, b=2).b }} {{ 'abc'.startswith(('x', 'ab')) }} {{ 'abc'.endswith(()) }}
{{ raise_exception(message='no') }}
{{ 'x'|trim(char='x') }}
{{ 'x'|trim('x', 'y') }}
{{ 'x'|upper(1) }}
{{ 'x'|lower(locale='de') }}
{{ 'x'|title(1) }}
{{ 'x'|capitalize(x=1) }}
{{ x|length(1) }}
{{ x|count(of='l') }}
{{ l|join(',', d=';') }}
{{ l|join(sep=',') }}
{{ l|first(1) }}
{{ l|last(default=1) }}
{{ l|list(1) }}
{{ l|reverse(1) }}
{{ 'a'|replace('a') }}
{{ 'a'|replace('a', 'b', 1, 2) }}
{{ 'a'|replace('a', 'b', most=1) }}
{{ 'a'|replace('a', old='b', new='c') }}
{{ 1|string(2) }}
{{ '1'|int(1, 10, 2) }}
{{ '1'|int(radix=2) }}
{{ '1'|float(0, 1) }}
{{ '1'|float(standard=0) }}
{{ 1.5|round(1, 'ceil', 2) }}
{{ 1.5|round(digits=1) }}
{{ 1|abs(2) }}
{{ 1|abs(x=2) }}
{{ l|sum(by='k') }}
{{ l|sum(none, 0, 1) }}
{{ l|min(key='k') }}
{{ l|max(false, none, 1) }}
{{ l|sort(by='k') }}
{{ l|sort(reverse=true, reversed=true) }}
{{ l|unique(key='k') }}
{{ d|dictsort(false, 'key', false, 1) }}
{{ d|dictsort(by='other') }}
{{ d|dictsort(key='k') }}
{{ {'a': 1, 'b': 'x'}|dictsort(by='value') }}
{{ 'a'|indent(4, false, false, 1) }}
{{ 'a'|indent(indentfirst=true) }}
{{ 'a'|indent(4, width=2) }}
{{ x|safe(1) }}
{{ x|e(1) }}
{{ x|escape(quote=true) }}
{{ x|wordcount(1) }}
{{ d|items(1) }}
{{ d|attr }}
{{ d|attr('a', 'b') }}
{{ zzz|default('a', true, 1) }}
{{ zzz|default(value='a') }}
{{ zzz|d('a', default_value='b') }}
{{ d|tojson(indents=2) }}
{{ d|tojson(true, 2, none, true, 1) }}
{{ l|map('upper', attribute='k')|list }}
{{ l|map('string', what=1)|list }}
{{ l|map(attribute='k', standard=1)|list }}
{{ l|map(attributes='k')|list }}
{{ l|select('odd', by=2)|list }}
{{ l|select('divisibleby', 2, num=2)|list }}
{{ l|select('divisibleby', by=2)|list }}
{{ l|select('eq', b=2)|list }}
{{ msgs|selectattr('role', 'equalto', other='user')|list }}
{{ 1 is odd(2) }}
{{ 1 is defined(what=2) }}
{{ 1 is eq(b=1) }}
{{ 1 is divisibleby(1, 2) }}
{{ 1 is divisibleby(by=1) }}
{{ 1 is sameas(1, other=1) }}
{{ 'a b'.split(' ', 1, 2) }}
{{ 'a b'.split(by=' ') }}
{{ 'a'.strip(chars='a') }}
{{ 'a'.strip('a', 'b') }}
{{ 'a'.startswith('a', 'b') }}
{{ 'a'.startswith() }}
{{ 'a'.startswith(prefix='a') }}
{{ 'a'.replace(old='a', new='b') }}
{{ 'a'.upper(1) }}
{{ 'a'.isdigit(1) }}
{{ 'a'.join(iterable=l) }}
{{ 'a'.join('b', 'c') }}
{{ 'a'.find(sub='a') }}
{{ 'a'.count() }}
{{ 'a'.removeprefix('a', 'b') }}
{{ 'a'.partition(sep='a') }}
{{ 'a'.splitlines(true, false) }}
{{ 'a'.splitlines(keep=true) }}
{{ d.get('k', default=1) }}
{{ d.get(key='k') }}
{{ d.get('k', 1, 2) }}
{{ d.items(1) }}
{{ d.keys(x=1) }}
{{ l.count(value=1) }}
{{ l.index() }}
{{ range(3, step=2) }}
{{ range(stop=3) }}
{{ range(1, 2, 3, 4) }}
{{ dict(1) }}
{{ dict(zzz) }}
{{ dict({}, {}) }}
{{ namespace({}, {}) }}
{{ strftime_now() }}
{{ strftime_now('a', 'b') }}
{{ strftime_now(fmt='a') }}
{{ raise_exception('a', 'b') }}
{% for i in l %}{{ loop.cycle(a=1) }}{% endfor %}
{% for i in l %}{{ loop.changed(a=1) }}{% endfor %}
{{ 'a\nb\n\nc'|indent }} {{ 'a\nb'|indent(2, true) }} {{ 'a\nb'|indent('> ') }}
{{ msgs|selectattr('role', 'equalto', 'user')|list|length }} {{ msgs|selectattr('tool')|list|length }} {{ msgs|rejectattr('role', 'eq', 'user')|map(attribute='content')|list }} {{ msgs|map(attribute='role')|join(',') }} {{ msgs|map(attribute='zip', default='-')|list }} {{ ['a', 'b']|map('upper')|list }} {{ ['1', '2']|map('int')|sum }} {{ [1, 2, 3]|select('odd')|list }} {{ [0, 1]|reject|list }} {{ [' a ']|map('trim')|first }} {{ msgs|selectattr('role', 'in', ['user', 'x'])|list|length }} {{ [{'a': {'b': 1}}]|map(attribute='a.b')|list }}
{{ d|tojson }} {{ l|tojson }} {{ 'é"\n\\/</>\u0001'|tojson }} {{ none|tojson }} {{ true|tojson }} {{ 1.0|tojson }} {{ (1, 2)|tojson }} {{ d|tojson(indent=2) }} {{ []|tojson(indent=2) }} {{ {'b': 1, 'a': {'c': []}}|tojson(indent=4, sort_keys=true) }} {{ d|tojson(separators=(',', ':')) }} {{ 'é'|tojson(ensure_ascii=true) }}
{{ x is string }} {{ n is number }} {{ n is integer }} {{ 1.0 is integer }} {{ true is integer }} {{ true is number }} {{ true is boolean }} {{ d is mapping }} {{ l is mapping }} {{ l is sequence }} {{ x is sequence }} {{ d is iterable }} {{ n is iterable }} {{ none is none }} {{ n is not none }} {{ zzz is defined }} {{ zzz is undefined }} {{ d.k is defined }} {{ d.z is defined }} {{ 1.5 is float }} {{ range is callable }}
{{ 3 is odd }} {{ 3 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }} {{ 1 is eq 1 }} {{ 1 is ne 1 }} {{ 1 is lt 2 }} {{ 2 is ge(2) }} {{ 1 is in [1, 2] }} {{ false is false }} {{ none is false }} {{ 0 is false }} {{ 1 is sameas true }} {{ true is sameas true }} {{ 'a' is lower }} {{ 'A' is upper }} {{ 1 is not in [2] }} {{ not zzz is defined }}
{% for i in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.cycle('a', 'b') }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.changed(i > 1) }};{% endfor %}
{% for i in [] %}x{% else %}empty{% endfor %} {% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %} {% for k in d %}{{ k }}{% endfor %} {% for c in 'ab' %}{{ c }}.{% endfor %} {% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %} {% for i in zzz %}x{% endfor %} {% for i in l if i > 1 %}{{ i }}{{ loop.index }}{% endfor %} {% for i in l if i > 9 %}{% else %}none{% endfor %}
{% for i in range(10) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 5 %}{% break %}{% endif %}{{ i }}{% endfor %} {{ range(3)|list }} {{ range(1, 7, 2)|list }} {{ range(5, 0, -2)|list }} {{ range(0)|list }}
{% set a = 1 %}{% for i in l %}{% set a = a + i %}{{ a }}{% endfor %}{{ a }} {% set ns = namespace(a=1) %}{% for i in l %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }} {% set b, c = 1, 2 %}{{ b }}{{ c }} {% set t %}te{{ 1 }}xt{% endset %}{{ t|upper }} {% set u | upper | trim %} ab {% endset %}{{ u }}| {% if true %}{% set inside = 5 %}{% endif %}{{ inside }}
{% macro m(a, b=2, c='x') %}{{ a }}-{{ b }}-{{ c }};{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(1, c='y') }}{{ m(a=5) }}{{ m() }} {% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(4) }} {{ m(1)|upper }} {% macro outer() %}{{ x }}{{ later }}{% endmacro %}{% set later = 'L' %}{{ outer() }}
{% filter upper %}abc{{ x }}{% endfilter %} {% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}| {% raw %}{{ x }} {% if %}{% endraw %} {# comment {{ x }} #}after {% generation %}gen{% endgeneration %}
{% if x %}a{% elif n %}b{% else %}c{% endif %}{% if '' %}a{% elif n %}b{% else %}c{% endif %}{% if '' %}a{% elif 0 %}b{% else %}c{% endif %}
{{ dict(a=1, b='x') }} {{ dict(d, z=1)|length }} {{ namespace(a=1).a }} {{ [1, 2, 3].index(2) }} {{ [1, 1].count(1) }} {{ d.copy() == d }} {{ (1, 2).index(2) }}
{{ raise_exception('no ' + x) }}
{{ x.nothing.more }}
{{ zzz.a }}
{{ 1 + 'a' }}
{{ 'a' + 1 }}
{{ zzz + 1 }}
{{ 1 // 0 }}
{{ 1 % 0 }}
{{ zzz() }}
{{ x() }}
{{ none.a.b }}
{{ 1 < 'a' }}
{{ [1]|join(1, 2, 3, 4) }}
{{ l.append(1) }}
{{ d.update({}) }}
{{ d.pop('k') }}
{{ range(1000000) }}
{% for a, b in l %}{% endfor %}
{% set ns = 5 %}{% set ns.a = 1 %}
{{ ''.join(l) }}
{{ x.__class__ }}
{% for i in 5 %}{% endfor %}
{% if x %}
{% endif %}
{{ x }
{{ x | nofilter }}
{{ x is notest }}
{% unknown %}
{{ 'a }}
{{ (1 }}
{{ 1 2 }}
{% for %}{% endfor %}
{% endfor %}
{{ m(1)( }}
{% set %}
{{ a..b }}
{{ $ }}
{% if x %}{% else %}
{{ [1, 2 }}
{# never ends
{% raw %}x
{{ namespace(a=1).b is defined }} {{ x.upper is callable }} {{ d.items is callable }} {{ d.get is defined }} {{ l.0 }} {{ d['k'].upper() }} {{ (x ~ 'y')[1:] }} {{ 'a-b'.split('-')[1] }} {{ [[1, 2], [3]][0][1] }} {{ {'a': {'b': 1}}.a.b }}
{% macro m(a, b=2) %}{{ a }}-{{ b }};{% endmacro %}{{ m(*l[:2]) }}{{ m(1, *[5]) }}{{ m(*'xy') }}{{ m(**{'b': 7, 'a': 6}) }}{{ m(1, **{'b': 8}) }}{{ m(*zzz) }}{{ m(*d) }} {% macro v(a) %}{{ a }}{{ varargs }}{{ kwargs }}|{{ varargs|length }}{% endmacro %}{{ v(1, 2, 3, x=4) }}{{ v() }}{{ v(*l, **d) }} {{ dict(**d) }} {{ range(*[1, 4])|list }} {{ 'a-b'.split(*['-']) }} {{ 'abc'|replace(*['b', 'x']) }} {{ 9 is divisibleby(*[3]) }} {{ x|default(**{'default_value': 1}) }}
{% macro outer(tag) %}<{{ tag }}>{{ caller() }}</{{ tag }}>{% endmacro %}{% call outer('p') %}in {{ x }}{% endcall %} {% call outer(tag='q') %}{% call outer('r') %}deep{% endcall %}{% endcall %} {% macro each(items) %}{% for i in items %}{{ caller(i, loop.index) }}{% endfor %}{% endmacro %}{% call(item, n=5) each(l) %}[{{ item }}:{{ n }}]{% endcall %} {% call(item) each('ab') -%} {{ item }} {%- endcall %}
{% macro maybe() %}{{ 'yes' if caller is defined else 'no' }}{{ caller }}|{% if caller %}{{ caller() }}{% endif %}{% endmacro %}{{ maybe() }} {% call maybe() %}b{% endcall %} {% macro standard(caller=none) %}{{ caller is none }}{% if caller %}{{ caller() }}{% endif %}{% endmacro %}{{ standard() }} {% call standard() %}c{% endcall %} {% macro pass() %}{% call outer2('i') %}{{ caller() }}{% endcall %}{% endmacro %}{% macro outer2(t) %}{{ t }}({{ caller() }}){% endmacro %}
{% macro in(t) %}{{ t }}({{ caller() }}){% endmacro %}{% macro out() %}{% set y = 'Y' %}{% call in('i') %}{{ y }}{{ x }}{% endcall %}{% endmacro %}{{ out() }} {% set z = 1 %}{% call in('s') %}{% set z = 2 %}{{ z }}{% endcall %}{{ z }} {% for i in l %}{% call in(i) %}{{ loop.index }}{{ i }}{% endcall %}{% endfor %} {% macro given() %}{{ kwargs.caller is defined }}{{ kwargs|length }}{% endmacro %}{% call given() %}x{% endcall %} {% macro store() %}{% set caller = 'own' %}{{ caller }}{% endmacro %}{{ store() }}
{% macro a(f) %}{{ f(*varargs, **kwargs) }}{% endmacro %}{% macro b(x, y=1, z=2) %}{{ x }}{{ y }}{{ z }}{% endmacro %}{{ a(b, 5) }} {{ a(b, 5, 6) }} {{ a(b, 5, z=9) }} {{ a(b, **{'x': 'k'}) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, **{'a': 2}) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(*[1, 2]) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(*5) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(**5) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(**zzz) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(**{1: 2}) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(a=1, **{'a': 2}) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(*l, 1) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(*l, *l) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(**d, *l) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(**d, a=1) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(*l[:1], a=1) }}
{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m(*l[:1], b=1) }}{{ m(b=3, *l[:1]) }}
{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}
{% macro m() %}{{ caller(1) }}{% endmacro %}{% call m() %}y{% endcall %}
{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}
{% macro m() %}{{ caller() }}{% endmacro %}{% call m(caller=1) %}y{% endcall %}
{% macro m() %}{{ caller() }}{% endmacro %}{% call m(**{'caller': 1}) %}y{% endcall %}
{% macro m(caller) %}{{ caller() }}{% endmacro %}{% call m() %}y{% endcall %}
{% macro m(caller) %}x{% endmacro %}{% call m() %}y{% endcall %}
{% macro m(a=1, b) %}x{% endmacro %}
{% macro m(a, a) %}x{% endmacro %}
{% macro m(a,) %}x{% endmacro %}
{% macro m() %}{{ caller() }}{% endmacro %}{% call m()|upper %}y{% endcall %}
{% macro m() %}{{ caller() }}{% endmacro %}{% call m %}y{% endcall %}
{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}y
{% call zzz() %}y{% endcall %}
{% call dict() %}y{% endcall %}
{% call x.upper() %}y{% endcall %}
{% call range(3) %}y{% endcall %}
{% macro m(kwargs) %}{{ kwargs }}{{ varargs }}{% endmacro %}{{ m(1, 2) }}{{ m(kwargs=3) }}
{% macro m(varargs=4) %}{{ kwargs }}{{ varargs }}{% endmacro %}{{ m(y=2) }}{{ m(3, y=1) }}
{{ 'abc'.startswith('b', 1) }} {{ 'abc'.startswith('', 4) }} {{ 'abc'.startswith('', 3) }} {{ 'éaéa'.endswith('é', 0, -1) }} {{ 'éaé'.endswith(('x', 'aé'), true, 3) }} {{ 'abc'.endswith('b', none, 2) }} {{ 'abcb'.find('b', 2) }} {{ 'abc'.find('b', -99, 99) }} {{ 'abc'.find('c', 0, 2) }} {{ 'abc'.find('', 3) }} {{ 'abc'.find('', 4) }} {{ 'abc'.rfind('', 1, 2) }} {{ 'éaéaéa'.rfind('a', -4, -1) }} {{ 'abcb'.count('b', 2) }} {{ 'abc'.count('', 1) }} {{ 'abc'.count('', 2, 1) }} {{ 'é漢éé'.count('é', -3, none) }}
{{ [1, 2, 1].index(1, 1) }} {{ [1, 2, 1].index(1, -1) }} {{ (1, 2, 1).index(1, 1, 9) }} {{ 'abc'.splitlines(true) }} {{ 'a\nb'.splitlines(keepends=false) }} {{ 'a\nb\r\n\nc\rd\u2028e\x0bf\x0cg\x1ch\x85i\n'.splitlines(keepends=1) }} {{ 'a\n\rb'.splitlines() }} {{ 'a\nb\r\n\nc\u2028d\n'|indent(2, blank=true) }} {{ 'a\rb\n'|indent(-3) }} {{ ''|indent(2, true) }}
{{ [1, 2, 1].index(1, 1, 2) }}
{{ l.index(1, none) }}
{{ l.index(1, 0, 1, 2) }}
{{ 'a'.find('a', 1.0) }}
{{ 'a'.find('a', 1, 2, 3) }}
{{ 'a'.find('a', start=1) }}
{{ 'a'.startswith('a', zzz) }}
{{ 'a'.splitlines(none) }}
{{ 'a'.splitlines('x') }}
{{ 25|round(-1) }} {{ 35|round(-1) }} {{ (-25)|round(-1) }} {{ 25|round }} {{ 25|round(2) }} {{ true|round }} {{ 15|round(-30) }} {{ 25.0|round(-1) }} {{ 25.5|round(-1) }} {{ 2.675|round(2) }} {{ 2.5|round(none) }} {{ 1.5|round(400) }} {{ 1.5|round(-400) }} {{ -0.4|round }} {{ 1.23456789012345678e-5|round(20) }} {{ 0.1|round(17) }} {{ 25|round(-1, 'floor') }} {{ 25|round(-1, 'ceil') }} {{ 25|round(1, 'floor') }} {{ -0.4|round(0, 'ceil') }} {{ 1.15|round(1, 'floor') }} {{ 'nan'|float|round }} {{ 5000000000000000000|round(-19) }} {{ 125000|round(-4) }}
{{ n|round(none, 'floor') }}
{{ 2.5|round(1.0) }}
{{ 2.5|round(1, none) }}
{{ 2.5|round(1, 'up') }}
{{ x|round }}
{{ [1, 2]|tojson(separators=',:') }} {{ [1, 2]|tojson(indent=1, separators=('; ', ':')) }} {{ d|tojson(indent='> ') }} {{ d|tojson(indent='') }} {{ d|tojson(indent=-1) }} {{ d|tojson(indent=true) }} {{ d|tojson(indent=none, separators=none) }} {{ [[]]|tojson(indent=66) }}
{{ l|tojson(separators=(',',)) }}
{{ l|tojson(separators=(1, 2)) }}
{{ l|tojson(separators=5) }}
{{ l|tojson(indent=1.5) }}
{{ l|tojson(indent=[]) }}
{{ x|indent(none) }}
{{ '0x10'|int }} {{ '1_0'|int }} {{ '1__0'|int }} {{ '_1'|int }} {{ '1_'|int }} {{ '1'|int(0, none) }} {{ 'x'|int(5, none) }} {{ '1.9'|int(0, '16') }} {{ '1'|int(0, 1) }} {{ '1'|int(0, 99) }} {{ 'inf'|int }} {{ '1e400'|int }} {{ 'nan'|float|int(3) }} {{ '١٢'|int }} {{ ' 12\u3000'|int }} {{ '+ 1'|int }} {{ '+1'|int }} {{ '1e5'|int }} {{ '-5.9'|int }} {{ ''|int }} {{ []|int }} {{ '²'|int }}
{{ '1_0.5'|float }} {{ '1_.5'|float }} {{ '1._5'|float }} {{ '1e1_0'|float }} {{ '0x1p3'|float }} {{ '1.'|float }} {{ '.5'|float }} {{ '.'|float }} {{ '1e'|float }} {{ '١.٢'|float }} {{ '-0'|float }} {{ 'infinit'|float }} {{ '-Infinity'|float }} {{ '+inf'|float }} {{ '-nan'|float }} {{ '1e-400'|float }} {{ '1E+2'|float }} {{ 'nan(1)'|float }} {{ none|float(2) }}
{{ zzz|int }}
{{ zzz|float(1) }}
""".strip("\n").split("\n")
SPACES = [
    "a\n{% if true %}\nb\n{% endif %}\nc\n", "a\n  {% if true %}  \n  b\n  {% endif %}\nc", "a {%- if true -%} b {%- endif -%} c",
    "a\n  {%+ if true %}b{% endif +%}\nc", "  {{ 1 }}  \n  {{- 2 -}}  \n 3", "{# c #}\nx\n  {# c #}\ny {#- c -#} z", "x {{ 1 }}\n{% set a = 1 %}\n{{ a }}\n\n",
    "{% for i in [1, 2] %}\n  {{ i }}\n{% endfor %}\nend\n\n", "\r\na\r\n{% if true %}\r\nb{% endif %}\r", "  {% if true %}a{% endif %}  {% if true %}b{% endif %}  \n",
    "a\n\t {%- set x = 1 %}\n b {{- x }} \n{{ x -}}\n\n c", "{% raw %}\n a {{ }}\n{% endraw %}\nb", "{%- raw -%}  a  {%- endraw -%}  b", "{{ '{{' }} {{ \"%}\" }} }} %} #}", "{ { } } {x}",
    "{{ {'a': {'b': 1}} }}", "{{ '\\x41\\u00e9\\n\\'\\\"' }}", "\n\n{% if true %}\n\n{% endif %}\n\n", "a{% if true %} \n{% endif %} b", "{{ 1 }}\n{% if true %}\nx{% endif %}",
    "{{\n1\n+\n2\n}}", "{%\nset a\n=\n1\n%}{{a}}", "  {# a #}  {# b #}\nx", "{{ 1 -}} \n {%- if true %} \n y{% endif %}", "",
]
CONTEXT = {
    "x": "Hello", "l": [1, 2, 3], "d": {"k": "v", "n": 2, "a": [1, None, True]}, "n": 5, "messages": [],
    "msgs": [{"role": "user", "content": "hi", "tool": True}, {"role": "assistant", "content": "yo"},
             {"role": "user", "content": "x", "meta": {"deep": 1}}]}


def render(source, variables):
    try:
        return {"text": _compile_jinja_template(source).render(**variables)}
    except Exception as error:
        return {"fails": type(error).__name__}


def main():
    assert jinja2.__version__ == "3.1.6" and transformers.__version__ == "5.23.0"
    cases = []
    for path in sorted(FOLDER.glob("*.jinja")):
        for name, conversation in CONVERSATIONS.items():
            given = {"tools": None, "documents": None, "add_generation_prompt": False} | VARIABLES | conversation
            cases.append({"template": path.stem, "conversation": conversation, **render(path.read_text(), given)})
    for source in PIECES + SPACES:
        cases.append({"source": source, **render(source, CONTEXT)})
    head = json.dumps({"variables": VARIABLES, "context": CONTEXT}, ensure_ascii=False)
    lines = [json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases]
    (FOLDER / "expected.json").write_text("[" + head + ",\n" + ",\n".join(lines) + "\n]\n")


main()
