import { renderUnicodeCompact } from 'uqr';
import type { DeviceCode } from '../../tokens/grants/device-code.ts';
import type { SignInTerminal } from './terminal.ts';

const endOfLine = '\u001b[K';

/** Shows a device code and the URL to enter it at; on a terminal also as a QR code, and how long it is valid. */
export class DeviceCodeDisplay {
  readonly #invitation: string;
  readonly #terminal: SignInTerminal;
  #countdown: NodeJS.Timeout | undefined;

  /** @param invitation how the person is addressed: `Sign in` */
  constructor(invitation: string, terminal: SignInTerminal) {
    this.#invitation = invitation;
    this.#terminal = terminal;
  }

  show({ userCode, verificationUri, expiresAtMs }: DeviceCode): void {
    const { io, tell } = this.#terminal;
    tell(`${this.#invitation}: open ${verificationUri} on any device and enter the code\n\n  ${userCode}\n`);
    // Standard output may be a file that somebody reads; it gets the code, the rest is only for display.
    if (!io.stderr.isTTY) return;
    io.stderr.write(`${renderUnicodeCompact(verificationUri, { border: 2 })}\n\n`);
    const tick = () => io.stderr.write(`\rWaiting for the sign-in, ${this.#left(expiresAtMs)} left. ${endOfLine}`);
    tick();
    this.#countdown = setInterval(tick, 1000);
  }

  /** Removes the countdown. */
  end(): void {
    if (this.#countdown === undefined) return;
    clearInterval(this.#countdown);
    this.#countdown = undefined;
    this.#terminal.io.stderr.write(`\r${endOfLine}`);
  }

  #left(expiresAtMs: number): string {
    const seconds = Math.max(0, Math.round((expiresAtMs - this.#terminal.clock.now()) / 1000));
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  }
}
