import { SaslSyntaxError } from '../sasl/sasl-error.ts';
import type { LineProtocolContext } from './context.ts';

/** What a {@link ProtocolRefusal} can carry besides its text. */
export interface ProtocolRefusalOptions<Code extends string = string> extends ErrorOptions {
  /** Response code without brackets. */
  readonly code?: Code;
  /** A last challenge, sent before a refusal of XOAUTH2 or OAUTHBEARER; the client answers it with an empty line. */
  readonly challenge?: Buffer;
  /** The connection ends with this reply. */
  readonly bye?: boolean;
}

/** A refusal with the text to send to the client. */
export abstract class ProtocolRefusal<Code extends string = string> extends Error {
  readonly code: Code | undefined;
  readonly challenge: Buffer | undefined;
  readonly bye: boolean;

  constructor(text: string, options: ProtocolRefusalOptions<Code> = {}) {
    super(text, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.challenge = options.challenge;
    this.bye = options.bye ?? false;
  }
}

/** Explains a refused token in one more challenge, which the client answers with an empty line (RFC 7628 3.2.3). */
export async function withLastChallenge<T>(context: LineProtocolContext, login: Promise<T>): Promise<T> {
  try {
    return await login;
  } catch (error) {
    if (error instanceof ProtocolRefusal && error.challenge !== undefined) {
      await acknowledged(context, error.challenge);
    }
    throw error;
  }
}

async function acknowledged(context: LineProtocolContext, challenge: Buffer): Promise<void> {
  try {
    await context.ask(challenge);
  } catch (error) {
    // Cancelled, or not even base64: either way, the client has received it.
    if (!(error instanceof ProtocolRefusal || error instanceof SaslSyntaxError)) throw error;
  }
}
