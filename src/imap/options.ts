import {
  defaultLineProtocolLimits,
  type LineProtocolLimits,
  type LineProtocolOptions,
} from '../line-protocol/options.ts';
import type { ImapSession } from './session.ts';

export interface ImapLimits extends LineProtocolLimits {
  /** Maximum bytes of one command including its literals, except for the message of an APPEND. */
  readonly maxCommandBytes: number;
}

export const defaultImapLimits: ImapLimits = { ...defaultLineProtocolLimits, maxCommandBytes: 64 * 1024 };

export interface ImapOptions extends LineProtocolOptions {
  readonly session: ImapSession;
  readonly limits: ImapLimits;
}
