import type { CourierKind } from '../../message/courier-kind.ts';
import type { OtherSender } from '../../message/sender-way.ts';
import type { ReadWay } from '../permissions.ts';

/** What an account of the connection does with one of its mailboxes. */
export interface ScriptAccount {
  /** An address; or `*@domain`, for mailboxes whose names are unknown here. */
  readonly mailbox: string;
  readonly send?: readonly CourierKind[];
  readonly read?: ReadWay;
  readonly sentItems?: 'keep' | 'remove';
  /** Addresses it sends as; `*@domain` for a whole domain. */
  readonly senders: readonly (string | OtherSender)[];
  /** The address that all its mail is sent as. */
  readonly forceFrom?: string;
}

/** An app that acts as itself. */
export interface ScriptApp {
  readonly kind: 'app';
  readonly clientId: string | undefined;
  /** Of the enterprise application (service principal), not of the app registration. */
  readonly objectId: string | undefined;
  /** SMTP with the permission `SMTP.SendAsApp` and mailbox permissions, not with a role. */
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

/** The input of the script. */
export interface ExchangeScriptInput {
  /** Name of the connection. */
  readonly connection: string;
  /** Tenant id or domain; undefined leaves it to the administrator who signs in to PowerShell. */
  readonly organization: string | undefined;
  readonly principal: ScriptApp | ScriptPerson;
  readonly accounts: readonly ScriptAccount[];
}

/** A part of the script, with the statements that undo it. */
export interface ScriptSection {
  /** Its purpose, one line each. */
  readonly why: readonly string[];
  readonly apply: readonly string[];
  readonly undoWhy: readonly string[];
  readonly undo: readonly string[];
}
