import nunjucks from 'nunjucks';
import { describe, expect, it } from 'vitest';
import { checkTemplateSyntax } from '../../../src/services/template-syntax.ts';

const environment = new nunjucks.Environment(null, { autoescape: false });

function problemsOf(source: string): readonly string[] {
  return checkTemplateSyntax(source, environment).problems.map(
    ({ line, column, message }) => `${line}:${column}: ${message}`,
  );
}

describe('checkTemplateSyntax', () => {
  it.each([
    'no braces at all',
    '{{ profile.kernel }} {{ pxe_options.aki_path }} {{ ROOT }}',
    "{{ pxe_options['ipa-api-url'] }}",
    '{{ pxe_options.pxe_append_params|default("", true) }}',
    '{% if pxe_options.ipxe_timeout > 0 %}--timeout {{ pxe_options.ipxe_timeout }}{% endif %}',
    '{% if port.mac is defined and not node.name is none %}{{ node.name }}{% elif True %}x{% endif %}',
    '{% for p in profiles %}{{ loop.index }}{{ p.name }}{% else %}none{% endfor %}',
    '{% for i, volume in enumerate(pxe_options.iscsi_volumes) %}{{ i }}{{ volume.url }}{% endfor %}',
    '{% for i in range(3) %}{{ i }}{% endfor %}',
    '{% set x = node.uuid %}{{ x }}',
    '{% set x %}{{ node.uuid }}{% endset %}{{ x }}',
    '{% if node.name %}{% set x = 1 %}{% endif %}{{ x }}',
    '{% macro m(a, b=node.uuid) %}{{ a }}{{ b }}{% endmacro %}{{ m(1, b=2) }}',
    '{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}{{ node.name }}{% endcall %}',
    '{{ {a: node.name}.a }} {{ ["x", "y"][0] }} {{ "a" if node.name else "b" }}',
    '{% filter upper %}{{ node.name }}{% endfilter %}',
    '{% raw %}{{ whatever }}{% endraw %} {# {{ a comment }} #}',
    '{% raw %}{% if %}{{{% endraw %} {# {% if %} #} { } }} %}',
    `{{ "}} {{ %} \\" '" }} {% set x = "{%" %} {%- if x -%} a {%- endif -%}`,
    "{{ '0x%x' % pxe_options.ipxe_timeout }}",
    '{% set x = 1 %}{% set y %}text{% endset %}',
    '{% from "grub-parts.tmpl" import one, two as three %}{{ one() }}{{ three() }}',
    '{% import "grub-parts.tmpl" as parts %}',
    '{% block head %}{{ node.uuid }}{% endblock %}',
  ])('takes %s', (source) => {
    expect(problemsOf(source)).toEqual([]);
  });

  const advice = 'tftpboot-templates/README.md lists those that there are';
  it.each([
    ['{{ kernel }}', [`1:4: unknown variable kernel; ${advice}`]],
    ['a\nb {{ pxe_options.kernal }}', [`2:17: unknown variable pxe_options.kernal; ${advice}`]],
    ['{{ profile["kernal"] }}', [`1:11: unknown variable profile.kernal; ${advice}`]],
    ['{{ node }}', ['1:4: node is a map: name one of its members, like node.uuid']],
    ['{{ node[node.name] }}', ['1:8: the member of node must be written out']],
    ['{% if x %}{% endif %}', [`1:7: unknown variable x; ${advice}`]],
    ['{{ node.uuid|upper|nofilter }}', ['1:20: there is no filter nofilter']],
    ['{{ node.uuid is nothing }}', ['1:17: there is no test nothing']],
    ['{{ system("reboot") }}', ['1:10: there is no function system']],
    ['{{ node.name.split(" ") }}', ['1:19: a value has no functions here: use a filter']],
    ['{{ "".constructor }}', ['1:6: the member constructor may not be used']],
    ['{{ range.constructor("x")() }}', [`1:26: a value has no functions here: use a filter`]],
    ['{% for k in y %}{% endfor %}', [`1:13: unknown variable y; ${advice}`]],
    ['{% for k in profiles %}{% endfor %}{{ k }}', [`1:39: unknown variable k; ${advice}`]],
    ['{{ loop.index }}', [`1:4: unknown variable loop; ${advice}`]],
    ['{% set x = y %}', [`1:12: unknown variable y; ${advice}`]],
    ['{% set x %}{{ y }}{% endset %}', [`1:15: unknown variable y; ${advice}`]],
    [
      '{% macro m(a=y) %}{{ z }}{% endmacro %}',
      [`1:14: unknown variable y; ${advice}`, `1:22: unknown variable z; ${advice}`],
    ],
    ['{{ m(a=y) }}', ['1:5: there is no function m', `1:8: unknown variable y; ${advice}`]],
    ['{% include node.name %}', ['1:4: the name of the other template must be written out']],
    ['{{ True() }}', ['1:8: there is no function True']],
    ['one\n{% if %}{% endif %}', ['2:7: unexpected token: %}']],
    ['one\ntwo\n{{ node.uuid', ['3:1: {{ has no }}']],
    ['a {{ node.uuid\n', ['1:3: {{ has no }}']],
    ['a\n  {{ node.uuid\n{{ node.name }}\n', ['2:3: {{ has no }}']],
    ['a {% if node.uuid }x{% endif %}', ['1:3: {% has no %}']],
    ['a {# never', ['1:3: {# has no #}']],
    ['{{ node.uuid|default("x) }}\n', ['1:22: the text that begins with " is never ended']],
    ['x\n{% raw %}{{ }}', ['2:1: {% raw %} is never ended']],
    ['{% endif %}', ['1:4: unknown block tag: endif']],
    ['{% if node.name %}', ['1:1: {% if %} has no {% endif %}']],
    ['a\n {%- if node.name %}b{% else %}c\n\n', ['2:2: {% if %} has no {% endif %}']],
    ['{% for p in profiles %}{% if p %}{% endif %}', ['1:1: {% for %} has no {% endfor %}']],
    ['{% if node.name %}{% for p in profiles %}{% endif %}', ['1:19: {% for %} has no {% endfor %}']],
    ['{% set x %}never', ['1:1: {% set %} has no {% endset %}']],
  ])('objects to %j', (source, problems) => {
    expect(problemsOf(source)).toEqual(problems);
  });

  it('reports every mistake, not only the first', () => {
    expect(problemsOf('{{ a }}\n{{ b }}\n{{ c }}')).toHaveLength(3);
  });

  it('lists what a template includes, and where', () => {
    const source = '{% extends "grub-base.tmpl" %}\n{% include "grub-a.tmpl" %}';
    expect(checkTemplateSyntax(source, environment).includes).toEqual([
      { file: 'grub-base.tmpl', line: 1, column: 4 },
      { file: 'grub-a.tmpl', line: 2, column: 4 },
    ]);
  });
});
