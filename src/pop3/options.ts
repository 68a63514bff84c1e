import {
  defaultLineProtocolLimits,
  type LineProtocolLimits,
  type LineProtocolOptions,
} from '../line-protocol/options.ts';
import type { Pop3Session } from './session.ts';

export interface Pop3Limits extends LineProtocolLimits {
  /** Maximum bytes of one line. */
  readonly maxLineBytes: number;
}

export const defaultPop3Limits: Pop3Limits = { ...defaultLineProtocolLimits, maxLineBytes: 32 * 1024 };

export interface Pop3Options extends LineProtocolOptions {
  /** Text of the greeting after `+OK`. It must not contain a timestamp in angle brackets: that would offer APOP. */
  readonly greeting: string;
  readonly session: Pop3Session;
  readonly limits: Pop3Limits;
}
