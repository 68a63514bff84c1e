import { program } from '../../base/program/place.ts';

/** The names of all documents that ship with the program, without `.md`. */
export function documentNames(): string[] {
  return program.list('docs').flatMap((path) => /^docs\/([^/]+)\.md$/.exec(path)?.[1] ?? []);
}

/** A document as shown: without remarks for its authors. */
export function readDocument(name: string): string {
  return program
    .read(`docs/${name}.md`)
    .toString('utf8')
    .replace(/<!--[\s\S]*?-->\n*/g, '');
}

/** A part of a document: its heading, and everything below it up to the next heading of its level or a higher one. */
export interface DocumentPart {
  readonly title: string;
  readonly text: string;
}

/** Every part of a document. Lines in code blocks are not headings. */
export function sectionsOf(document: string): DocumentPart[] {
  const lines = document.split('\n');
  const headings: { readonly line: number; readonly level: number; readonly title: string }[] = [];
  let isCode = false;
  for (const [line, text] of lines.entries()) {
    if (text.startsWith('```')) isCode = !isCode;
    const [, marks = '', title = ''] = (!isCode && /^(#+) (.*)$/.exec(text)) || [];
    if (marks !== '') headings.push({ line, level: marks.length, title: title.replaceAll('`', '') });
  }
  return headings.map(({ line, level, title }, index) => {
    const end = headings.slice(index + 1).find((other) => other.level <= level)?.line ?? lines.length;
    return { title, text: `${lines.slice(line, end).join('\n').trimEnd()}\n` };
  });
}

/**
 * The parts whose heading contains the words: if one consists of exactly these, only that one. Parts inside a match are
 * not listed again.
 */
export function sectionsAbout(document: string, words: string): DocumentPart[] {
  const wanted = words.toLowerCase();
  if (!/\w/.test(wanted)) return [];
  const all = sectionsOf(document);
  const same = all.filter(({ title }) => title.toLowerCase() === wanted);
  if (same.length > 0) return same;
  const about = all.filter(({ title }) => title.toLowerCase().includes(wanted));
  return about.filter((each) => !about.some((other) => other !== each && other.text.includes(each.text)));
}
