import type { LineProtocolContext } from '../line-protocol/context.ts';
import type { StoreLogin } from '../line-protocol/session.ts';
import type { MailStore } from '../mailbox/mail-store.ts';
import type { SelectedFolder } from './selected-folder.ts';
import type { ImapSession, ImapState } from './session.ts';
import type { RawCommand } from './wire/command-reader.ts';
import type { ImapWriter } from './wire/response-writer.ts';
import type { Scanner } from './wire/scanner.ts';

/** What a command may use of its connection. */
export interface ImapContext extends LineProtocolContext {
  readonly state: ImapState;
  readonly session: ImapSession;
  readonly out: ImapWriter;
  /** The mailbox logged in to. */
  readonly store: MailStore;
  /** The folder selected. */
  readonly folder: SelectedFolder;
  /** Capabilities of this moment, as they stand in a response. */
  capabilities(): string;
  /** The client's next line; a shutdown need not wait for it. */
  nextLine(): Promise<string>;
  /** Goes to the authenticated state. */
  loggedIn(login: StoreLogin<MailStore>): void;
  /** Leaves the selected folder, if there is one, and enters `folder`, if there is one. */
  select(folder: SelectedFolder | undefined): Promise<void>;
}

/** How a command ended well. */
export interface ImapCompletion {
  readonly text: string;
  /** Response code without brackets. */
  readonly code?: string;
  /** Sequence numbers are in the client's hands: hold EXPUNGE back (RFC 9051 section 7.5.1). */
  readonly holdExpunges?: boolean;
  /** What follows the tagged OK. */
  readonly after?: () => Promise<void>;
}

/** What a command knows of itself. */
export interface CommandCall {
  readonly raw: RawCommand;
  /** Upper case, without UID. */
  readonly name: string;
  /** Message numbers are UIDs. */
  readonly byUid: boolean;
}

/** A command: first its arguments are parsed, then, if the state allows it, it runs. */
export type ImapCommand = (scanner: Scanner, call: CommandCall) => (context: ImapContext) => Promise<ImapCompletion>;

/** Joins the two halves of a command. */
export function command<Arguments>(
  parse: (scanner: Scanner, call: CommandCall) => Arguments,
  run: (context: ImapContext, parsed: Arguments, call: CommandCall) => Promise<ImapCompletion>,
): ImapCommand {
  return (scanner, call) => {
    const parsed = parse(scanner, call);
    scanner.end();
    return (context) => run(context, parsed, call);
  };
}

/** The arguments of a command that has none. */
export function noArguments(): void {}
