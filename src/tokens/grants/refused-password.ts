import type { Clock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';

/** Password wrong, expired or missing; user unknown, disabled or locked. */
const aboutThePassword = new Set(
  ['50034', '50053', '50055', '50056', '50057', '50126', '50144'].map((number) => `AADSTS${number}`),
);
const pauseMs = 15 * 60 * 1000;

/** Prevents a password that Entra ID has refused from being retried at once, which would lock the user out. */
export class RefusedPassword {
  readonly #clock: Clock;
  #refused: { readonly password: string; readonly error: BridgeError; readonly untilMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws BridgeError the refusal, for 15 minutes or until the password changes */
  assertNot(password: string): void {
    const refused = this.#refused;
    if (refused?.password !== password) return;
    const leftMs = refused.untilMs - this.#clock.now();
    // Longer than the whole pause: the clock has been set back.
    if (leftMs > 0 && leftMs <= pauseMs) throw refused.error;
  }

  remember(password: string, error: unknown): void {
    if (!(error instanceof BridgeError) || !aboutThePassword.has(String(error.details.aadsts))) return;
    this.#refused = { password, error, untilMs: this.#clock.now() + pauseMs };
  }
}
