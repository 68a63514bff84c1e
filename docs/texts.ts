/**
 * Prints every text that a user may see (log lines, replies, errors, remedies, help) with its location, one per line:
 * `npm run texts`, or `npm run texts -- smtp queue` for some rooms. For reading them all in one go.
 */
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseAst } from 'rolldown/parseAst';

/** A text and its location. */
export interface SourceText {
  /** Below `src`. */
  readonly file: string;
  readonly line: number;
  /** `{}` stands for each inserted value. */
  readonly text: string;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly value?: unknown;
  readonly quasis?: readonly { readonly value: { readonly cooked: string } }[];
}

const source = resolve(import.meta.dirname, '../src');

/** All texts below `src`, except the simulator's own: they are Microsoft's wording or for developers. */
export function sourceTexts(): SourceText[] {
  return globSync('**/*.ts', { cwd: source })
    .filter((file) => !file.startsWith('simulator/'))
    .toSorted()
    .flatMap(textsOf);
}

function textsOf(file: string): SourceText[] {
  const content = readFileSync(join(source, file), 'utf8');
  const texts: SourceText[] = [];
  visit(parseAst(content, { lang: 'ts' }) as unknown as Node, (node) => {
    const text = textOf(node);
    if (text === undefined || !isForPeople(text)) return;
    texts.push({ file, line: content.slice(0, node.start).split('\n').length, text });
  });
  return texts;
}

function visit(node: Node, look: (node: Node) => void): void {
  look(node);
  for (const [key, value] of Object.entries(node)) {
    if (key === 'typeAnnotation' || key === 'typeParameters') continue;
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child === 'object' && child !== null && typeof child.type === 'string') visit(child, look);
    }
  }
}

function textOf(node: Node): string | undefined {
  if (node.type === 'Literal' && typeof node.value === 'string') return node.value;
  if (node.type === 'TemplateLiteral') return node.quasis?.map(({ value }) => value.cooked).join('{}');
  return undefined;
}

const statement = /^\s*(?:--|SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|PRAGMA|BEGIN|WITH)\b/;

/** At least two words, and not an SQL statement. */
function isForPeople(text: string): boolean {
  const words = text.replaceAll('{}', ' ').match(/(?<![\w-])[A-Za-z][a-z']*(?![\w-])/g) ?? [];
  return words.length > 1 && /\s/.test(text) && !statement.test(text.replace(/^\s*--.*$/gm, ''));
}

if (import.meta.main) {
  const rooms = process.argv.slice(2);
  for (const { file, line, text } of sourceTexts()) {
    if (rooms.length > 0 && !rooms.some((room) => file.startsWith(`${room}/`))) continue;
    process.stdout.write(`src/${file}:${line}: ${text.replaceAll('\n', '\\n')}\n`);
  }
}
