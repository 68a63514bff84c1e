import type { LineProtocolContext } from '../line-protocol/context.ts';
import type { Maildrops } from '../mailbox/mail-store.ts';
import type { Maildrop } from './maildrop.ts';
import { Pop3Reply } from './reply.ts';
import type { Pop3Session, Pop3State } from './session.ts';
import type { Pop3Writer } from './wire/response-writer.ts';

/** What a command can use of its connection. */
export interface Pop3Context extends LineProtocolContext {
  readonly state: Pop3State;
  readonly session: Pop3Session;
  readonly out: Pop3Writer;
  /** The messages of the mailbox logged in to. */
  readonly maildrop: Maildrop;
  /** The name given with USER, waiting for PASS. */
  username: string | undefined;
  /** Enters the transaction state. */
  loggedIn(store: Maildrops, maildrop: Maildrop): void;
}

/** A successful end of a command. */
export interface Pop3Completion {
  /** Text after `+OK`. Undefined if the command has written its whole reply. */
  readonly text: string | undefined;
  /** Runs after the reply. */
  readonly after?: () => Promise<void>;
}

/** A command. Its argument is everything after the keyword and one space, as text with one character per byte. */
export type Pop3Command = (context: Pop3Context, argument: string, name: string) => Promise<Pop3Completion>;

/**
 * Parses numbers. They are unbounded (RFC 1939): those too large to represent are all treated alike.
 * @throws Pop3Reply
 */
export function parseNumbers(argument: string, count: number): number[] {
  const words = argument.trim().split(/ +/);
  if (words.length !== count || words.some((word) => !/^\d+$/.test(word))) {
    throw new Pop3Reply(count === 1 ? 'A message number is needed.' : 'A message number and a line count are needed.');
  }
  return words.map(Number);
}
