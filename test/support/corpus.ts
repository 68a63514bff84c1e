import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One file of the corpus. */
export interface CorpusMessage {
  /** File name without folder and `.eml`. */
  readonly name: string;
  readonly content: Buffer;
}

/** A message that a listener must refuse. */
export interface RefusedMessage extends CorpusMessage {
  /** What is wrong with it. NUL is listed for completeness; a listener may or may not refuse it. */
  readonly fault: 'bare-lf' | 'bare-cr' | 'nul';
}

const folder = join(import.meta.dirname, '..', 'corpus');

function read(...subfolders: readonly string[]): CorpusMessage[] {
  return subfolders
    .flatMap((subfolder) =>
      readdirSync(join(folder, subfolder))
        .filter((file) => file.endsWith('.eml'))
        .map((file) => ({ name: file.slice(0, -4), content: readFileSync(join(folder, subfolder, file)) })),
    )
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

/**
 * Realistic messages, all with CRLF line ends and ready for DATA (before dot-stuffing). Each with a From field is from
 * reports@contoso.com, so that one account can send them all.
 */
export function corpus(): CorpusMessage[] {
  return read('generated', 'handwritten');
}

/** Messages with bare CR or LF, or with NUL. */
export function refused(): RefusedMessage[] {
  return read('refused').map((message) => {
    const fault = message.name.slice(0, message.name.indexOf('--'));
    if (fault !== 'bare-lf' && fault !== 'bare-cr' && fault !== 'nul')
      throw new Error(`${message.name}: unknown fault`);
    return { ...message, fault };
  });
}
