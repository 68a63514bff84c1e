import { renderUnicodeCompact } from 'uqr';
import type { Clock } from '../base/clock.ts';
import type { DeviceCode } from '../tokens/device-code.ts';
import type { CliIo } from './io.ts';

/** Shows a device code, the address to enter it at, and how long it lasts. */
export class DeviceCodeDisplay {
  readonly #io: CliIo;
  readonly #clock: Clock;
  readonly #tell: (text: string) => void;
  #countdown: NodeJS.Timeout | undefined;

  constructor(io: CliIo, clock: Clock, tell: (text: string) => void) {
    this.#io = io;
    this.#clock = clock;
    this.#tell = tell;
  }

  show({ userCode, verificationUri, expiresAtMs }: DeviceCode): void {
    this.#tell(`Open ${verificationUri} on any device, and enter the code\n\n    ${userCode}\n`);
    if (!this.#io.stdout.isTTY) return;
    this.#tell(`${renderUnicodeCompact(verificationUri, { border: 2 })}\n`);
    const tick = () => this.#io.stderr.write(`\rWaiting for the sign-in, ${this.#left(expiresAtMs)} left. \u001b[K`);
    tick();
    this.#countdown = setInterval(tick, 1000);
  }

  /** Takes the countdown away. */
  end(): void {
    if (this.#countdown === undefined) return;
    clearInterval(this.#countdown);
    this.#countdown = undefined;
    this.#io.stderr.write('\r\u001b[K');
  }

  #left(expiresAtMs: number): string {
    const seconds = Math.max(0, Math.round((expiresAtMs - this.#clock.now()) / 1000));
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  }
}
