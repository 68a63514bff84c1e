import type { HopResult } from '../../app/connections/check.ts';
import type { CliIo } from '../terminal/io.ts';
import { type Mark, Screen } from '../terminal/screen.ts';
import { padded } from '../terminal/width.ts';
import type { ConnectionStanding, Standing } from './accounts.ts';

const hopWidth = 14;
const targetWidth = 46;
/** On a narrower terminal, results are beside the target instead of in a column of their own. */
const leastForColumns = 110;

const marks = { ok: 'ok', failed: 'failed', skipped: 'skipped' } as const satisfies Record<HopResult['status'], Mark>;

/** Shows hops as they come, a line each, and at the end the state of each account and what to do. */
export class CheckOutput {
  readonly #screen: Screen;
  #heading: string | undefined;

  constructor({ stdout, env }: Pick<CliIo, 'stdout' | 'env'>) {
    this.#screen = new Screen(stdout, env);
  }

  /** Shows a hop on its line, with the result. */
  hop(result: HopResult): void {
    const heading = result.connection === undefined ? 'bridge' : `connection ${result.connection}`;
    if (heading !== this.#heading) {
      if (this.#heading !== undefined) this.#screen.blank();
      this.#screen.say(heading);
      this.#heading = heading;
    }
    const { status, hop, target, ms, detail } = result;
    const time = status === 'skipped' ? '' : `${ms} ms`;
    const text =
      this.#screen.width < leastForColumns
        ? `${[target, detail].filter(Boolean).join(', ')}${time && ` (${time})`}`
        : `${padded(target, targetWidth)} ${padded(time, 8, 'right')}${detail === undefined ? '' : `  ${detail}`}`;
    this.#screen.say(`${padded(hop, hopWidth)} ${text}`, {
      mark: marks[status],
      indent: 2,
      hanging: 5 + hopWidth,
    });
  }

  /** Shows that the wait continues. @param time of the clock @param patience how long Microsoft may need */
  waits(hops: readonly HopResult[], time: string, patience: string): void {
    const failed = hops.filter(({ status }) => status === 'failed').length;
    const what = `${failed} of ${hops.length} hops ${failed === 1 ? 'fails' : 'fail'}`;
    this.#screen.blank();
    this.#screen.say(
      `${time}: ${what}; Microsoft may need up to ${patience}. Trying again in a minute; Ctrl-C ends it.`,
    );
  }

  /** Shows a line for each account, then warnings, then failures in full. */
  conclude(connections: readonly ConnectionStanding[], hops: readonly HopResult[]): void {
    for (const [index, { mark, title, accounts }] of connections.entries()) {
      if (index > 0) this.#screen.blank();
      this.#screen.say(title, { mark });
      this.#screen.table(
        [
          this.#screen.marks((standing: Standing) => standing.mark),
          { heading: '', value: ({ name }) => name, least: 12 },
          { heading: '', value: ({ mailbox }) => mailbox, least: 16, spare: 1 },
          { heading: '', value: ({ text }) => text, least: 24 },
        ],
        accounts,
        2,
      );
    }
    const sent = hops.filter(({ hop, status }) => hop === 'test-message' && status === 'ok');
    if (sent.length > 0) this.#screen.blank();
    for (const { target, detail } of sent) this.#screen.say(`test message of ${target}: ${detail}`, { mark: 'ok' });
    const warned = hops.filter(({ warning }) => warning !== undefined);
    const failed = hops.filter(({ status }) => status === 'failed');
    if (warned.length > 0) this.#screen.blank();
    for (const hop of warned) this.#screen.say(`${whereOf(hop)}: ${hop.warning}`, { mark: 'warning' });
    for (const same of Map.groupBy(failed, failureKey).values()) this.#failure(same);
    this.#screen.blank();
    if (failed.length > 0) {
      this.#screen.say(failed.length === 1 ? '1 hop fails.' : `${failed.length} hops fail. Fix the first one first.`);
      return;
    }
    const but = warned.length === 0 ? '' : `, with ${warned.length} ${warned.length === 1 ? 'warning' : 'warnings'}`;
    const bridge = hops.find(({ hop }) => hop === 'bridge');
    const works = bridge?.status === 'ok' ? 'Everything' : "Microsoft's side";
    const next = bridge?.status === 'skipped' ? ` The bridge ${bridge.detail}.` : '';
    this.#screen.say(`${works} works${but}.${next}`);
  }

  /** A failure shared by several hops is shown once. */
  #failure(hops: readonly HopResult[]): void {
    const screen = this.#screen;
    screen.blank();
    for (const hop of hops) screen.say(whereAndWhose(hop), { mark: 'failed' });
    const { cause, said, remedy = '', spreading, code, aadsts } = hops[0] as HopResult;
    if (cause !== undefined) screen.say(cause, { indent: 2, style: 'red' });
    if (said !== undefined) screen.say(`Microsoft says: ${said}`, { indent: 2, hanging: 4 });
    const [first = '', ...more] = remedy.split('\n').filter((line) => line !== '');
    if (first !== '') screen.say(first, { mark: 'remedy', indent: 2 });
    for (const line of more) screen.say(line, { indent: 4, hanging: 6 });
    if (spreading) {
      screen.say('A change at Microsoft can take up to two hours to arrive: --wait waits for it.', { indent: 4 });
    }
    const codes = [code, aadsts].filter((each) => each !== undefined);
    if (codes.length > 0) screen.say(`(${codes.join(', ')})`, { indent: 4 });
  }
}

function failureKey({ connection, cause, said, remedy, code }: HopResult): string {
  return JSON.stringify([connection, cause, said, remedy, code]);
}

function whereAndWhose(hop: HopResult): string {
  const { accounts, connection } = hop;
  if (accounts !== undefined) return `${whereOf(hop)} (of ${accounts.join(', ')})`;
  return connection === undefined ? whereOf(hop) : `${whereOf(hop)} (connection ${connection})`;
}

function whereOf({ hop, target }: HopResult): string {
  return `${hop} ${target}`.trim();
}
