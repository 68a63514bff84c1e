import { command } from '../command.ts';
import { isExtension } from '../enabled.ts';

/** RFC 5161: unknown extensions are ignored. */
export const enable = command(
  (scanner) => {
    const names: string[] = [];
    do {
      scanner.space();
      names.push(scanner.atom().toUpperCase());
    } while (!scanner.atEnd());
    return names;
  },
  async (context, names) => {
    const known = names.filter(isExtension);
    context.out.untagged(['ENABLED', ...known.map((name) => (name === 'IMAP4REV2' ? 'IMAP4rev2' : name))].join(' '));
    context.enable(known);
    return { text: 'ENABLE completed.' };
  },
);
