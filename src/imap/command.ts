import type { LineProtocolContext } from '../line-protocol/context.ts';
import type { StoreLogin } from '../line-protocol/session.ts';
import type { MailStore } from '../mailbox/mail-store.ts';
import type { EnabledExtensions, Extension } from './enabled.ts';
import type { SelectedFolder } from './selected/selected-folder.ts';
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
  /** What the client has turned on. */
  readonly enabled: EnabledExtensions;
  /** Capabilities of this moment, as they stand in a response. */
  capabilities(): string;
  /** Whether the client is told of a capability, and so reckons with what belongs to it. */
  announces(capability: string): boolean;
  /** Turns extensions on; the selected folder is described anew where that asks for it. */
  enable(extensions: readonly Extension[]): void;
  /** The client's next line; a shutdown need not wait for it. */
  nextLine(): Promise<string>;
  /** Goes to the authenticated state. */
  loggedIn(login: StoreLogin<MailStore>): void;
  /** Whether DEFLATE is active (RFC 4978). */
  readonly compressed: boolean;
  /** Goes on in DEFLATE once what was written is on its way. */
  compress(): Promise<void>;
  /** Says why, and ends the connection. */
  bye(why: string): void;
  /** Leaves the selected folder, if there is one, and enters `folder`, if there is one. */
  select(folder: SelectedFolder | undefined): Promise<void>;
}

/** How a command ended well. */
export interface ImapCompletion {
  readonly text: string;
  /** Response code without brackets; asked for when all news have been told. */
  readonly code?: string | (() => string | undefined);
  /** Sequence numbers are in the client's hands: hold EXPUNGE back (RFC 9051 section 7.5.1). */
  readonly holdExpunges?: boolean;
  /** The connection ends with it: no news any more. */
  readonly last?: true;
  /** Ends in NO all the same; news are told as after any command. */
  readonly refused?: true;
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
