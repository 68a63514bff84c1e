import type { CommandHelp } from '../help/command-help.ts';

/** What a script completes. */
export interface Completed {
  readonly commands: readonly CommandHelp[];
  /** What `mailbridge help` accepts besides commands. */
  readonly topics: readonly string[];
}

/** What the shell itself completes after an option, by the word for its value. */
export type ValueKind = 'file' | 'folder' | 'words' | 'other';

export function valueKind(value: string): ValueKind {
  if (/\|/.test(value) && /^[a-z0-9|]+$/.test(value)) return 'words';
  if (/FILE/.test(value)) return 'file';
  return /^(?:DIR|FOLDER)$/.test(value) ? 'folder' : 'other';
}

/** The words of `send|read|both`. */
export function wordsOf(value: string): string[] {
  return value.split('|');
}
