import type { AddressMap } from './address-map.ts';

/** Header fields added to and removed from an account's mail. */
export interface FieldChanges {
  /** Names and values of fields to add if missing; any characters but control characters. */
  readonly add: readonly (readonly [name: string, value: string])[];
  /** Names in lower case. They are removed before others are added. */
  readonly remove: ReadonlySet<string>;
}

/** Changes made to an account's mail on its way. */
export interface MailChanges {
  /** Addresses of senders: the reverse-path, and From, Sender, Reply-To and the like. */
  readonly senders: AddressMap;
  /** Addresses of recipients: the envelope's, and To and Cc. */
  readonly recipients: AddressMap;
  /** The one address that receives everything. */
  readonly redirectAllTo?: string;
  readonly fields: FieldChanges;
}
