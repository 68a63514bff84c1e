import { randomUUID } from 'node:crypto';
import type { CheckedHop, CheckRun } from '../../admin/api/connections/schemas.ts';
import type { EventSink } from '../../admin/api/events/hub.ts';
import type { Clock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { RecordTable } from '../../base/record-table.ts';
import type { QueueStore } from '../../queue/store.ts';
import type { BridgeState } from '../bridge-state.ts';
import { type BegunHop, checkConnections, type HopResult } from '../connections/check.ts';

/** What checks need. */
export interface CheckParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: QueueStore;
  readonly shared: RecordTable | undefined;
  readonly events: EventSink;
  state(): BridgeState;
}

interface KeptCheck {
  readonly run: string;
  readonly connection: string;
  readonly mailbox: string | undefined;
  readonly startedAtMs: number;
  /** The last one may be under way. */
  hops: CheckedHop[];
  isDone: boolean;
}

const maxRunning = 4;
const maxKept = 50;

/** Checks of connections requested on a page. */
export class Checks {
  readonly #parts: CheckParts;
  /** Oldest first. */
  readonly #kept = new Map<string, KeptCheck>();
  readonly #running = new Set<Promise<void>>();
  #isClosed = false;

  constructor(parts: CheckParts) {
    this.#parts = parts;
  }

  /**
   * @param mailbox to try, for accounts with `*@domain`
   * @returns its id, or that of the check already under way
   * @throws BridgeError `admin-busy`
   */
  start(connection: string, mailbox: string | undefined): string {
    const underWay = [...this.#kept.values()].find(
      (each) => each.connection === connection && each.mailbox === mailbox && !each.isDone,
    );
    if (underWay) return underWay.run;
    if (this.#running.size >= maxRunning || this.#isClosed) {
      throw new BridgeError('admin-busy', `${this.#running.size} checks are running.`);
    }
    const run = randomUUID();
    const check: KeptCheck = {
      run,
      connection,
      mailbox,
      startedAtMs: this.#parts.clock.now(),
      hops: [],
      isDone: false,
    };
    this.#kept.set(run, check);
    for (const { run: old, isDone } of this.#kept.values()) {
      if (this.#kept.size > maxKept && isDone) this.#kept.delete(old);
    }
    const running = this.#run(check).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return run;
  }

  get(run: string): CheckRun | undefined {
    const kept = this.#kept.get(run);
    return kept && toldRun(kept);
  }

  /** Waits for the current hop of each check under way; no more follow. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#running);
  }

  async #run(check: KeptCheck): Promise<void> {
    const { clock, log, store, shared, state, events } = this.#parts;
    const mailboxes = check.mailbox === undefined ? [] : [check.mailbox];
    const queue = { existing: async () => store };
    const onBegin = (hop: BegunHop) => this.#tell(check, begunHop(hop));
    try {
      const hops = checkConnections(state().config, {
        name: check.connection,
        mailboxes,
        clock,
        shared,
        queue,
        onBegin,
      });
      for await (const hop of hops) {
        this.#tell(check, toldHop(hop));
        if (this.#isClosed) break;
      }
    } catch (error) {
      log.error({ error, connection: check.connection }, 'connection check failed');
      this.#tell(check, brokenHop(error));
    } finally {
      check.isDone = true;
      events.tell({ kind: 'check', data: { ...toldRun(check), hops: undefined } });
    }
  }

  /** Hops are tried one after another: the next report ends the hop under way. */
  #tell(check: KeptCheck, hop: CheckedHop): void {
    const { run, connection } = check;
    check.hops = [...check.hops.filter(({ state }) => state !== 'running'), hop];
    this.#parts.events.tell({ kind: 'check', data: { run, connection, done: false, hop } });
  }
}

function toldRun({ run, connection, startedAtMs, isDone, hops }: KeptCheck): CheckRun {
  const isOk = isDone ? hops.every(({ state }) => state !== 'failed') : null;
  return { run, connection, startedAt: new Date(startedAtMs).toISOString(), done: isDone, ok: isOk, hops: [...hops] };
}

function begunHop({ hop, target, account }: BegunHop): CheckedHop {
  return { hop, target, state: 'running', text: '', remedy: null, code: null, account: account ?? null, ms: 0 };
}

function toldHop({
  hop,
  target,
  status,
  detail,
  warning,
  cause,
  said,
  remedy,
  code,
  account,
  ms,
}: HopResult): CheckedHop {
  const failure = [cause, said && `Microsoft says: ${said}`].filter((each) => each !== undefined).join(' ');
  return {
    hop,
    target,
    state: status === 'ok' && warning !== undefined ? 'warning' : status,
    text: status === 'failed' ? failure : [detail, warning].filter((each) => each !== undefined).join(': '),
    remedy: remedy ?? null,
    code: code ?? null,
    account: account ?? null,
    ms,
  };
}

function brokenHop(error: unknown): CheckedHop {
  const told = error instanceof BridgeError ? error : undefined;
  return {
    hop: 'configuration',
    target: '',
    state: 'failed',
    text: told?.message ?? 'The check has failed; the log says why.',
    remedy: told?.remedy ?? null,
    code: told?.code ?? null,
    account: null,
    ms: 0,
  };
}
