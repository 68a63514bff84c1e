import type { Pop3Command } from './command.ts';
import { auth } from './commands/auth.ts';
import { capa } from './commands/capa.ts';
import { dele, rset } from './commands/dele.ts';
import { noop } from './commands/noop.ts';
import { quit } from './commands/quit.ts';
import { retr, top } from './commands/retr.ts';
import { list, stat, uidl } from './commands/stat.ts';
import { stls } from './commands/stls.ts';
import { apop, pass, user } from './commands/user.ts';
import { utf8 } from './commands/utf8.ts';
import type { Pop3State } from './session.ts';

/** A command and the states in which it is allowed. */
export interface Pop3CommandEntry {
  readonly states: readonly Pop3State[];
  readonly command: Pop3Command;
}

const any = ['authorization', 'transaction'] as const;
const before = ['authorization'] as const;
const after = ['transaction'] as const;

const table: Readonly<Record<string, Pop3CommandEntry>> = {
  CAPA: { states: any, command: capa },
  QUIT: { states: any, command: quit },

  STLS: { states: before, command: stls },
  USER: { states: before, command: user },
  PASS: { states: before, command: pass },
  AUTH: { states: before, command: auth },
  APOP: { states: before, command: apop },
  UTF8: { states: before, command: utf8 },

  STAT: { states: after, command: stat },
  LIST: { states: after, command: list },
  UIDL: { states: after, command: uidl },
  RETR: { states: after, command: retr },
  TOP: { states: after, command: top },
  DELE: { states: after, command: dele },
  RSET: { states: after, command: rset },
  NOOP: { states: after, command: noop },
};

/** @param name upper case */
export function commandNamed(name: string): Pop3CommandEntry | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
