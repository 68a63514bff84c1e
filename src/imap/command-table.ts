import type { ImapCommand } from './command.ts';
import { append } from './commands/append.ts';
import { authenticate } from './commands/authenticate.ts';
import { capability } from './commands/capability.ts';
import { close, unselect } from './commands/close.ts';
import { compress } from './commands/compress.ts';
import { copy, move } from './commands/copy.ts';
import { enable } from './commands/enable.ts';
import { expunge } from './commands/expunge.ts';
import { fetch } from './commands/fetch.ts';
import { create, deleteFolder, rename, subscribe } from './commands/folders.ts';
import { id } from './commands/id.ts';
import { idle } from './commands/idle.ts';
import { list, lsub } from './commands/list.ts';
import { login } from './commands/login.ts';
import { logout } from './commands/logout.ts';
import { namespace } from './commands/namespace.ts';
import { noop } from './commands/noop.ts';
import { search } from './commands/search.ts';
import { select } from './commands/select.ts';
import { sort } from './commands/sort.ts';
import { starttls } from './commands/starttls.ts';
import { status } from './commands/status.ts';
import { store } from './commands/store.ts';
import { thread } from './commands/thread.ts';
import type { ImapState } from './session.ts';

/** A command and the states in which it is allowed. */
export interface ImapCommandEntry {
  readonly states: readonly ImapState[];
  readonly command: ImapCommand;
  /** May follow UID. */
  readonly uid?: true;
}

const any = ['not-authenticated', 'authenticated', 'selected'] as const;
const before = ['not-authenticated'] as const;
const after = ['authenticated', 'selected'] as const;
const selected = ['selected'] as const;

const table: Readonly<Record<string, ImapCommandEntry>> = {
  CAPABILITY: { states: any, command: capability },
  NOOP: { states: any, command: noop },
  LOGOUT: { states: any, command: logout },
  ID: { states: any, command: id },

  STARTTLS: { states: before, command: starttls },
  LOGIN: { states: before, command: login },
  AUTHENTICATE: { states: before, command: authenticate },

  SELECT: { states: after, command: select },
  EXAMINE: { states: after, command: select },
  CREATE: { states: after, command: create },
  DELETE: { states: after, command: deleteFolder },
  RENAME: { states: after, command: rename },
  SUBSCRIBE: { states: after, command: subscribe },
  UNSUBSCRIBE: { states: after, command: subscribe },
  LIST: { states: after, command: list },
  LSUB: { states: after, command: lsub },
  NAMESPACE: { states: after, command: namespace },
  STATUS: { states: after, command: status },
  APPEND: { states: after, command: append },
  IDLE: { states: after, command: idle },
  ENABLE: { states: after, command: enable },
  COMPRESS: { states: after, command: compress },

  CHECK: { states: selected, command: noop },
  CLOSE: { states: selected, command: close },
  UNSELECT: { states: selected, command: unselect },
  EXPUNGE: { states: selected, command: expunge, uid: true },
  SEARCH: { states: selected, command: search, uid: true },
  SORT: { states: selected, command: sort, uid: true },
  THREAD: { states: selected, command: thread, uid: true },
  FETCH: { states: selected, command: fetch, uid: true },
  STORE: { states: selected, command: store, uid: true },
  COPY: { states: selected, command: copy, uid: true },
  MOVE: { states: selected, command: move, uid: true },
};

/** @param name upper case */
export function commandNamed(name: string): ImapCommandEntry | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
