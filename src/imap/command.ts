import type { LineProtocolContext } from '../line-protocol/context.ts';
import type { StoreLogin } from '../line-protocol/session.ts';
import type { MailStore } from '../mailbox/mail-store.ts';
import type { EnabledExtensions, Extension } from './enabled.ts';
import type { SelectedFolder } from './selected/selected-folder.ts';
import type { ImapSession, ImapState } from './session.ts';
import type { RawCommand } from './wire/command-reader.ts';
import type { ImapWriter } from './wire/response-writer.ts';
import type { Scanner } from './wire/scanner.ts';

/** What a command can use of its connection. */
export interface ImapContext extends LineProtocolContext {
  readonly state: ImapState;
  readonly session: ImapSession;
  readonly out: ImapWriter;
  /** The mailbox logged in to. */
  readonly store: MailStore;
  /** The selected folder. */
  readonly folder: SelectedFolder;
  /** Extensions the client has enabled. */
  readonly enabled: EnabledExtensions;
  /** The current capabilities, as they appear in a response. */
  capabilities(): string;
  /** Whether a capability is announced to the client, which then expects what belongs to it. */
  announces(capability: string): boolean;
  /** Enables extensions; the selected folder is described again if that requires it. */
  enable(extensions: readonly Extension[]): void;
  /** The client's next line; a shutdown does not wait for it. */
  nextLine(): Promise<string>;
  /** Enters the authenticated state. */
  loggedIn(login: StoreLogin<MailStore>): void;
  /** Whether DEFLATE is active (RFC 4978). */
  readonly compressed: boolean;
  /** Switches to DEFLATE once what was written has been sent. */
  compress(): Promise<void>;
  /** Tells the client why, and ends the connection. */
  bye(why: string): void;
  /** Leaves the selected folder, if any, and enters `folder`, if given. */
  select(folder: SelectedFolder | undefined): Promise<void>;
}

/** A successful end of a command. */
export interface ImapCompletion {
  readonly text: string;
  /** Response code without brackets; evaluated after all pending changes have been sent. */
  readonly code?: string | (() => string | undefined);
  /** Sequence numbers are in use by the client: EXPUNGE is held back (RFC 9051 section 7.5.1). */
  readonly holdExpunges?: boolean;
  /** The connection ends with this command: nothing more is sent. */
  readonly last?: true;
  /** Ends in NO instead of OK; pending changes are sent as after any command. */
  readonly refused?: true;
  /** Runs after the tagged OK. */
  readonly after?: () => Promise<void>;
}

/** Properties of the command being run. */
export interface CommandCall {
  readonly raw: RawCommand;
  /** Upper case, without UID. */
  readonly name: string;
  /** Message numbers are UIDs. */
  readonly byUid: boolean;
}

/** A command: its arguments are parsed first; then it runs, if the state allows it. */
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
