import { command, type ImapContext } from '../command.ts';
import { formatMailbox, formatString } from '../wire/format.ts';
import type { Scanner } from '../wire/scanner.ts';

/** LIST and LSUB (RFC 3501 sections 6.3.8 and 6.3.9), with the attributes of RFC 3348. */
export const list = command(parseList, async (context, { reference, pattern }, { name }) => {
  const delimiter = formatString(context.store.delimiter);
  if (pattern === '') {
    context.out.untagged(`${name} (\\Noselect) ${delimiter} ""`);
    return { text: `${name} completed.` };
  }
  const matches = matcher(reference + pattern, context.store.delimiter);
  for (const { folder, attributes } of await foldersOf(context, name === 'LSUB')) {
    if (!matches(folder)) continue;
    context.out.untagged(`${name} (${attributes.join(' ')}) ${delimiter} ${formatMailbox(folder)}`);
    await context.out.drained();
  }
  return { text: `${name} completed.` };
});

function parseList(scanner: Scanner): { reference: string; pattern: string } {
  scanner.space();
  const reference = scanner.mailbox();
  scanner.space();
  return { reference, pattern: scanner.listMailbox() };
}

async function foldersOf(context: ImapContext, subscribedOnly: boolean) {
  const folders = await context.store.folders();
  const parents = new Set(folders.map(({ name }) => name.slice(0, name.lastIndexOf(context.store.delimiter))));
  return folders
    .filter(({ subscribed }) => subscribed || !subscribedOnly)
    .map(({ name, selectable }) => ({
      folder: name,
      attributes: [parents.has(name) ? '\\HasChildren' : '\\HasNoChildren', ...(selectable ? [] : ['\\Noselect'])],
    }));
}

/** `*` stands for anything, `%` for anything within one level; INBOX is found in any case. */
function matcher(pattern: string, delimiter: string): (name: string) => boolean {
  // Two stars in a row mean no more than one, and cost much more.
  const tokens = pattern.replace(/[*%]*\*[*%]*/g, '*').replace(/%+/g, '%');
  const level = `[^${escaped(delimiter)}]*`;
  const source = [...tokens].map((c) => (c === '*' ? '.*' : c === '%' ? level : escaped(c))).join('');
  const exact = new RegExp(`^${source}$`, 'su');
  const anyCase = new RegExp(`^${source}$`, 'siu');
  return (name) => (name === 'INBOX' ? anyCase : exact).test(name);
}

function escaped(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
