import type { Log } from '../../src/base/log.ts';

export interface Line {
  readonly level: string;
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A log that keeps its lines. */
export function recordedLog(): { readonly log: Log; readonly lines: Line[] } {
  const lines: Line[] = [];
  const level = (name: string) => (fields: Record<string, unknown>, text: string) =>
    void lines.push({ level: name, text, fields });
  const log = Object.fromEntries(['debug', 'info', 'warn', 'error'].map((name) => [name, level(name)]));
  return { log: log as unknown as Log, lines };
}
