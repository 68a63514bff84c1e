import { type CheckOptions, checkConnections, type HopResult } from '../../app/connections/check.ts';
import type { Config } from '../../config/schema.ts';
import type { CliIo } from '../terminal/io.ts';
import { Progress } from '../terminal/progress.ts';
import { localTime } from '../terminal/times.ts';
import { standings } from './accounts.ts';
import { CheckOutput } from './output.ts';
import { patienceText } from './patience.ts';

/** Tries all hops, once or repeatedly, and shows them. */
export class Rounds {
  readonly #config: Config;
  readonly #options: CheckOptions;
  readonly #io: CliIo;
  readonly #json: boolean;
  readonly #output: CheckOutput;
  #isSomethingTold = false;

  constructor(
    config: Config,
    options: CheckOptions,
    io: CliIo,
    { json, verbose }: { readonly json: boolean; readonly verbose: boolean },
  ) {
    this.#config = config;
    this.#options = options;
    this.#io = io;
    this.#json = json;
    this.#output = new CheckOutput(io);
    this.#isSomethingTold = verbose && !json;
  }

  /** @param isTold whether a hop gets its own line */
  async next(isTold: (result: HopResult) => boolean, more: CheckOptions = {}): Promise<HopResult[]> {
    return await this.of(checkConnections(this.#config, { ...this.#options, ...more }), isTold);
  }

  /** Runs hops that come from elsewhere. @param isTold as for {@link next} */
  async of(tried: AsyncIterable<HopResult>, isTold: (result: HopResult) => boolean): Promise<HopResult[]> {
    const hops: HopResult[] = [];
    const progress = new Progress(this.#io, 'Trying every hop');
    try {
      for await (const result of tried) {
        hops.push(result);
        progress.say(`Trying every hop of ${result.connection ?? 'the bridge'}, ${hops.length} done`);
        if (this.#json || !isTold(result)) continue;
        progress.clear();
        this.#output.hop(result);
      }
    } finally {
      progress.end();
    }
    return hops;
  }

  waits(hops: readonly HopResult[], nowMs: number): void {
    if (this.#json) return;
    if (!this.#isSomethingTold) this.conclude(hops);
    this.#isSomethingTold = true;
    this.#output.waits(hops, localTime(nowMs), patienceText(hops));
  }

  conclude(hops: readonly HopResult[]): void {
    if (this.#isSomethingTold) this.#io.stdout.write('\n');
    this.#output.conclude(standings(this.#config, hops, this.#options), hops);
  }
}
