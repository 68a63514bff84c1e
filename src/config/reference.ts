import { type DescribedBlock, type DescribedKey, describeConfig } from './describe.ts';
import type { JsonSchema } from './json-schema.ts';

const introduction = `# Configuration

<!-- Generated from the schema by docs/generate.ts. Changes here are lost. -->

One JSON file, \`config.json\` unless \`--config FILE\` or \`MAILBRIDGE_CONFIG\` names another. Comments (\`// …\`, \`/* … */\`)
and trailing commas are allowed, and commands that change the file keep them. Unknown keys are refused.
\`mailbridge config check\` lists everything that is wrong with a file and with the certificates and keys it names; \`config.schema.json\` lets an editor do so
while you write; \`config.example.json\` is a start.

- A **secret** is a string, \`{"env": "NAME"}\` for an environment variable, or \`{"file": "path"}\` for a file that contains
  nothing else. Secrets never appear in logs.
- A relative **path** starts at the folder of the configuration file.
- A **network** is in CIDR form (\`192.168.10.0/24\`, \`2001:db8::/48\`) or a single address.
- Numbers with a unit have it in their name: \`…Seconds\`, \`…Hours\`, \`…Megabytes\` (1,048,576 bytes).
`;

/** docs/configuration.md: the reference page, generated from the schema. */
export function configReference(schema: JsonSchema): string {
  return [introduction, ...describeConfig(schema).map(blockSection)].join('\n');
}

function blockSection(block: DescribedBlock): string {
  const lines = [`${heading(block)}\n`];
  if (block.description !== '') lines.push(`${block.description}\n`);
  if (block.kinds.length > 0)
    lines.push(`${block.kinds.map((kind) => `- \`${kind.name}\`: ${kind.description}`).join('\n')}\n`);
  lines.push('| key | type | default | meaning |', '|---|---|---|---|', ...block.keys.map(row), '');
  return lines.join('\n');
}

function heading(block: DescribedBlock): string {
  return block.path === ''
    ? '## The file'
    : `${block.path.includes('.') && !block.path.endsWith('.NAME') ? '###' : '##'} \`${block.path}\``;
}

function row(key: DescribedKey): string {
  const name = key.path.replace(/^.*\./, '');
  const only = key.variants ? ` (${codes(key.variants)} only)` : '';
  return `| ${[`\`${name}\``, key.type, standard(key), key.description + only].map(cell).join(' | ')} |`;
}

function standard(key: DescribedKey): string {
  if (key.default !== undefined) return `\`${JSON.stringify(key.default)}\``;
  if (key.required) return 'required';
  return key.requiredBy ? `required by ${codes(key.requiredBy)}` : '';
}

function codes(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
