/**
 * Writes the files that are made from the sources. With `--check` writes nothing and exits 1, naming each file
 * that differs from what would be written.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { type ErrorEntry, errorCatalogue } from '../src/base/error-catalogue.ts';
import { exampleConfig } from '../src/config/example.ts';
import { configJsonSchema } from '../src/config/json-schema.ts';
import { configReference } from '../src/config/reference.ts';
import { entraErrors } from '../src/tokens/entra-errors.ts';

const root = new URL('..', import.meta.url);

/** Text by path from the project's root. */
export function generatedFiles(): Readonly<Record<string, string>> {
  const schema = configJsonSchema();
  return {
    'config.schema.json': `${JSON.stringify(schema, null, 2)}\n`,
    'config.example.json': `${exampleText()}\n`,
    'docs/configuration.md': configReference(schema),
    'docs/errors.md': errorsPage(),
  };
}

/** Short objects and lists stay on one line: the example is read by people. */
function exampleText(): string {
  return JSON.stringify(exampleConfig, null, 2).replace(
    /([{[])\n\s*([^{}[\]]{1,200}?)\n\s*([}\]])/g,
    (whole, open: string, inside: string, close: string) => {
      const line = inside.replace(/\n\s*/g, ' ');
      if (line.length > 90) return whole;
      return open === '{' ? `{ ${line} ${close}` : `${open}${line}${close}`;
    },
  );
}

const errorsIntroduction = `# Errors

<!-- Generated from src/base/error-catalogue.ts by docs/generate.ts. Changes here are lost. -->

Every error of the bridge has a code, in the log as \`code\` and at the end of what commands print. Kinds:

- **usage**: the command line or the configuration is wrong; the command ends with exit code 2.
- **needs-admin**: a setting has to change, at Microsoft or here. Mail is kept meanwhile, and tried again.
- **temporary**: it is tried again without anybody doing anything.
- **permanent**: trying again is useless; mail goes back to its sender.
`;

function errorsPage(): string {
  const entries: [string, ErrorEntry][] = Object.entries(errorCatalogue);
  const sections = entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, entry]) => `## ${code}\n\n**${entry.kind}.** ${entry.cause}\n\nWhat to do: ${entry.remedy}\n`);
  return [errorsIntroduction, ...sections, entraErrorsTable()].join('\n');
}

/** What Microsoft Entra ID says when it refuses a token. */
function entraErrorsTable(): string {
  const rows = [...entraErrors]
    .sort(([a], [b]) => a - b)
    .map(([number, { kind, cause, remedy }]) => `| AADSTS${number} | ${kind} | ${cause} | ${remedy} |`);
  const head = '# Codes of Microsoft Entra ID\n\nThey stand in the message and in the field `aadsts` of the log.\n';
  return `${head}\n| code | kind | cause | what to do |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
}

/** Paths of the files that are not what they should be. */
export async function driftedFiles(): Promise<string[]> {
  const drifted: string[] = [];
  for (const [path, text] of Object.entries(generatedFiles())) {
    const now = await readFile(new URL(path, root), 'utf8').catch(() => undefined);
    if (now !== text) drifted.push(path);
  }
  return drifted;
}

if (import.meta.main) {
  if (process.argv.includes('--check')) {
    const drifted = await driftedFiles();
    for (const path of drifted) console.error(`${path} is out of date; run: node docs/generate.ts`);
    process.exitCode = drifted.length > 0 ? 1 : 0;
  } else {
    for (const [path, text] of Object.entries(generatedFiles())) await writeFile(new URL(path, root), text);
  }
}
