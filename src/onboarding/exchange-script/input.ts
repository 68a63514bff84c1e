import type { CourierKind } from '../../message/courier-kind.ts';
import type { OtherSender } from '../../message/sender-way.ts';
import type { ReadWay } from '../permissions.ts';

/** What an account of the connection does with one of its mailboxes. */
export interface ScriptAccount {
  /** An address; or `*@domain`, mailboxes whose names are not known here. */
  readonly mailbox: string;
  readonly send?: readonly CourierKind[];
  readonly read?: ReadWay;
  readonly sentItems?: 'keep' | 'remove';
  /** Addresses it sends as; `*@domain` for a whole domain. */
  readonly senders: readonly (string | OtherSender)[];
  /** The one that all its mail is sent as. */
  readonly forceFrom?: string;
}

/** An app that is itself. */
export interface ScriptApp {
  readonly kind: 'app';
  readonly clientId: string | undefined;
  /** Of the enterprise application (service principal), not of the app registration. */
  readonly objectId: string | undefined;
  /** SMTP by the permission `SMTP.SendAsApp` and mailbox permissions, not by a role. */
  readonly classic: boolean;
  /** Graph permissions are granted in Entra ID for every mailbox, so no role is assigned. */
  readonly tenantWide: boolean;
}

/** A person who signs in. */
export interface ScriptPerson {
  readonly kind: 'person';
  /** User principal name. */
  readonly user: string;
}

/** What the script is for. */
export interface ExchangeScriptInput {
  /** Name of the connection. */
  readonly connection: string;
  /** Tenant id or domain; undefined leaves it to whoever signs in to PowerShell. */
  readonly organization: string | undefined;
  readonly principal: ScriptApp | ScriptPerson;
  readonly accounts: readonly ScriptAccount[];
}

/** A part of the script with what takes it back. */
export interface ScriptSection {
  /** What it is for, one line each. */
  readonly why: readonly string[];
  readonly apply: readonly string[];
  readonly undoWhy: readonly string[];
  readonly undo: readonly string[];
}
