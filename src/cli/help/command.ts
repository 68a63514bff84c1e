import { BridgeError } from '../../base/errors.ts';
import { suggestionOrStop } from '../arguments.ts';
import type { CliIo } from '../terminal/io.ts';
import { configurationKeys, describedKey } from './configuration.ts';
import { documentNames, readDocument, sectionsAbout, sectionsOf } from './documents.ts';

/** What `mailbridge help` has besides commands: documents, and parts of them. */
export function helpTopics(): string[] {
  return documentNames();
}

/**
 * `mailbridge help TOPIC [PART]`: a document, or its text about a part: a configuration key, an error code, words of a
 * heading.
 * @returns the exit code
 * @throws BridgeError `usage`
 */
export function runHelp([topic = '', ...words]: string[], io: CliIo): number {
  io.stdout.write(words.length === 0 ? wholeTopic(topic) : partOf(topic, words.join(' ')));
  return 0;
}

function wholeTopic(topic: string): string {
  const document = readDocument(topic);
  const titles = sectionsOf(document)
    .slice(1)
    .map(({ title }) => title);
  return titles.length === 0 ? document : `${document.trimEnd()}\n\n${hint(topic)}\n`;
}

function hint(topic: string): string {
  if (topic === 'configuration') return 'mailbridge help configuration KEY prints only the part about one key.';
  if (topic === 'errors') return 'mailbridge help errors CODE prints only the part about one error.';
  return `mailbridge help ${topic} WORDS prints only the part whose heading has these words.`;
}

function partOf(topic: string, words: string): string {
  const described = topic === 'configuration' ? describedKey(words) : undefined;
  if (described !== undefined) return described;
  const document = readDocument(topic);
  const found = sectionsAbout(document, words);
  if (found.length > 0) return found.map(({ text }) => text).join('\n');
  const known = topic === 'configuration' ? configurationKeys() : sectionsOf(document).map(({ title }) => title);
  throw new BridgeError('usage', `docs/${topic}.md has no part "${words}"${suggestionOrStop(words, known)}`, {
    remedy: `mailbridge help ${topic} prints all of it.`,
  });
}
