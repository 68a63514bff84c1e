import type { AddressMap } from './address-map.ts';

/** Header fields that an account's mail gains and loses. */
export interface FieldChanges {
  /** Values by name, for fields that are not there; any characters but control characters. */
  readonly add: readonly (readonly [name: string, value: string])[];
  /** Names in lower case. They are taken out before others are added. */
  readonly remove: ReadonlySet<string>;
}

/** What becomes of an account's mail on its way. */
export interface MailChanges {
  /** Addresses of those who send: the reverse-path, and From, Sender, Reply-To and the like. */
  readonly senders: AddressMap;
  /** Addresses of those who receive: the envelope's, and To and Cc. */
  readonly recipients: AddressMap;
  /** The one address that gets it all. */
  readonly redirectAllTo?: string;
  readonly fields: FieldChanges;
}
