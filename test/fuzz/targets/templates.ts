import { TemplateError, type TemplateVariables } from '../../../src/boot/template.ts';
import { GrubSyntaxError, parseGrubScript } from '../../../src/probe/grub-script.ts';
import { expandIpxeVariables, parseIpxeScript } from '../../../src/probe/ipxe-script.ts';
import { emptyPxelinuxConfig, pxelinuxTarget, readPxelinuxLine } from '../../../src/probe/pxelinux-config.ts';
import { createEnvironment, NunjucksTemplates } from '../../../src/services/template-engine.ts';
import { checkTemplateSyntax } from '../../../src/services/template-syntax.ts';
import { keptTexts, projectText, sampleTexts } from '../corpus.ts';
import { mustHold, textTarget, type FuzzTarget, type FuzzVerdict, type OpenTarget } from '../fuzz-target.ts';

const SHIPPED = ['grub', 'grub-default', 'ipxe', 'pxelinux', 'pxelinux-default', 'grub-local-disk'];
const TAGS = [
  ...[
    '{{',
    '}}',
    '{%',
    '%}',
    '{#',
    '#}',
    '{%-',
    '-%}',
    '{{ node.uuid }}',
    '{{ profile.kernel | upper }}',
    '{% if node.name %}',
    '{% endif %}',
    '{% else %}',
  ],
  ...[
    '{% for p in profiles %}',
    '{% endfor %}',
    '{% set x = 1 %}',
    '{{ x }}',
    '{% raw %}',
    '{% endraw %}',
    '{% macro m(a) %}',
    '{% endmacro %}',
    '{{ m(1) }}',
  ],
  ...[
    '{{ "%s" % 3 }}',
    "{{ '%d' % node.name }}",
    '{% include "grub.tmpl" %}',
    '{{ loop.index }}',
    '{{ node.constructor }}',
    '{{ "a" ~ 1 }}',
    '| default("x")',
    '| join',
    'is defined',
  ],
];
const VARIABLES: TemplateVariables = {
  node: { uuid: '1f70d3aa-7c1a-4f45-ac1c-dd0e3342553f', name: 'bm1', boot_mode: 'uefi', arch: 'x86_64' },
  port: { mac: '52:54:00:00:00:01', mac_dashed: '52-54-00-00-00-01' },
  profile: { purpose: 'deploy', kernel: 'k', ramdisk: 'r', ramdisk_name: 'r', kernel_append_params: 'a=b' },
  server: { address: '192.168.0.1' },
  profiles: [{ name: 'a', kernel: 'k' }],
  pxe_options: { aki_path: 'k' },
};
/** A template belongs to the administrator, who may write a loop that is long; a fuzzer would wait for it. */
const WORK = /\d{3}|range|[*]{2}/;

function openTemplate(): OpenTarget {
  return textTarget({
    limitMs: 500,
    seeds: [
      ...SHIPPED.map((name) => projectText(`tftpboot-templates/${name}.tmpl`)),
      ...keptTexts('template'),
    ],
    tokens: TAGS,
    generate: (random) =>
      Array.from({ length: 1 + random.small(12) }, () => random.pick(TAGS)).join(
        random.pick([' ', '\n', '']),
      ),
    check: checkTemplate,
  });
}

function checkTemplate(text: string): FuzzVerdict {
  const sources = new Map([['grub.tmpl', { file: '/t/grub.tmpl', text }]]);
  const { problems } = checkTemplateSyntax(text, createEnvironment(sources));
  const lines = text.split(/\r\n|\n|\r/).length;
  for (const { line, column, message } of problems) {
    mustHold(
      line >= 1 && line <= lines + 1 && column >= 1,
      () => `${line}:${column} of ${lines} lines: ${message}`,
    );
  }
  if (problems.length > 0) return 'refused';
  if (WORK.test(text)) return 'taken';
  try {
    new NunjucksTemplates(sources).render('grub', VARIABLES);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
  }
  return 'taken';
}

function openLoaderScripts(): OpenTarget {
  return textTarget({
    limitMs: 200,
    seeds: [...sampleTexts('golden/boot', ''), ...keptTexts('loader-scripts')].filter((text) => text !== ''),
    tokens: [
      'menuentry "x" {',
      '}',
      'if [ -z "$x" ]; then',
      'fi',
      'else',
      'elif',
      'for a in b; do',
      'done',
      'while true; do',
      'function f {',
      '${x}',
      '$x',
      '&&',
      '||',
      ';',
      'goto x',
      ':x',
      'set a=b',
      'LABEL x',
      'APPEND initrd=a',
      'INCLUDE y',
      'MENU BEGIN',
    ],
    check: checkScript,
  });
}

function checkScript(text: string): FuzzVerdict {
  for (const line of parseIpxeScript(text)) {
    if (line.kind === 'commands')
      for (const { words } of line.commands) expandIpxeVariables(words.join(' '), () => 'v');
  }
  const config = emptyPxelinuxConfig();
  for (const line of text.split('\n')) readPxelinuxLine(config, line);
  pxelinuxTarget(text);
  try {
    parseGrubScript(text);
  } catch (error) {
    if (error instanceof GrubSyntaxError) return 'refused';
    throw error;
  }
  return 'taken';
}

export const TEMPLATE_TARGETS: readonly FuzzTarget[] = [
  { name: 'template', reads: 'templates of boot files, and their rendering', open: openTemplate },
  {
    name: 'loader-scripts',
    reads: "what loaders read, as `bootd probe` plays them: GRUB's, iPXE's and pxelinux's files",
    open: openLoaderScripts,
  },
];
