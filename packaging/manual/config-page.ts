import { systemConfig } from '../../src/base/system/system-paths.ts';
import { type DescribedBlock, type DescribedKey, describeConfig } from '../../src/config/describe.ts';
import { exampleConfig } from '../../src/config/example.ts';
import { configJsonSchema } from '../../src/config/json-schema.ts';
import { head, item, literal, page, paragraph, section, subsection } from './roff.ts';

/** mailbridge-config(5), generated from the schema like docs/configuration.md. */
export function configPage(version: string, date: string): string {
  const blocks = describeConfig(configJsonSchema());
  return page([
    head('mailbridge-config', 5, version, date),
    section('NAME'),
    'mailbridge\\-config \\- the configuration of mailbridge',
    section('DESCRIPTION'),
    paragraph(
      `One JSON file: the one named by \`--config\` or \`MAILBRIDGE_CONFIG\`, otherwise \`config.json\`, otherwise \`${systemConfig}\`. Comments and trailing commas are allowed. Unknown keys are refused; \`mailbridge config check\` lists everything that is wrong.`,
    ),
    paragraph(
      'A secret is a string, `{"env": "NAME"}` for an environment variable, or `{"file": "path"}` for a file that contains nothing else. A relative path starts at the folder of the configuration file. A network is in CIDR form, or a single address.',
    ),
    section('KEYS'),
    ...blocks.flatMap(blockParts),
    section('EXAMPLE'),
    literal(JSON.stringify(exampleConfig, null, 2)),
    section('SEE ALSO'),
    '.BR mailbridge (1)',
  ]);
}

function blockParts(block: DescribedBlock): string[] {
  const name = block.path === '' ? 'The file' : block.path;
  return [
    subsection(name),
    ...(block.description === '' || block.path === '' ? [] : [paragraph(block.description)]),
    ...block.kinds.map((kind) => item(kind.name, kind.description)),
    ...block.keys.map((key) => item(key.path.replace(/^.*\./, ''), `${traits(key)}. ${key.description}`)),
  ];
}

function traits(key: DescribedKey): string {
  const only = key.variants === undefined ? [] : [`for ${key.variants.join(', ')} only`];
  const type = key.type.replaceAll('`', '');
  return [`${type[0]?.toUpperCase()}${type.slice(1)}`, ...standard(key), ...only].join('; ');
}

function standard(key: DescribedKey): string[] {
  if (key.default !== undefined) return [`default ${JSON.stringify(key.default)}`];
  if (key.required) return ['required'];
  return key.requiredBy === undefined ? [] : [`required by ${key.requiredBy.join(', ')}`];
}
