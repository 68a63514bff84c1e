import type { Clock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import type { UserClientOptions } from '../../tokens/sign-ins/user-sign-in.ts';
import type { CliIo } from '../terminal/io.ts';

/** Where somebody is asked to sign in. */
export interface SignInTerminal {
  readonly io: CliIo;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Shows a line, or several. */
  tell(text: string): void;
}

/** Who is to sign in, and for what. */
export interface SignInRequest extends UserClientOptions {
  /** Scopes of one resource. */
  readonly scopes: readonly string[];
  /** How the person is addressed: `Sign in`, `Sign in as an administrator`. */
  readonly invitation: string;
  /** What they sign in to, for the page shown in the browser at the end: `connection contoso`. */
  readonly purpose: string;
  /** What happens then: `the terminal tries the connection`. */
  readonly next: string;
}

/**
 * The refusal; if a tenant policy forbids the device code flow, as many do, with the way around it.
 * @param command signs in with the browser
 */
export function pointedToBrowser(refusal: unknown, command: string): unknown {
  if (!(refusal instanceof BridgeError) || !/^AADSTS530/.test(String(refusal.details.aadsts))) return refusal;
  return new BridgeError(refusal.code, refusal.message, {
    kind: refusal.kind,
    remedy: `The tenant blocks signing in by device code: run ${command} on a machine with a browser.`,
    cause: refusal.cause,
    details: refusal.details,
  });
}
