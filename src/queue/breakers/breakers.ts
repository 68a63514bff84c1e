import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { byCourier, type CourierKind, courierKinds } from '../../message/courier-kind.ts';
import type { ConnectionPart, ConnectionTrouble, DeliveryReport } from '../../message/delivery.ts';
import type { CourierTable, CourierTraits } from '../courier.ts';
import type { LearnedPause } from '../limits/pause.ts';
import type { QueueStore } from '../store.ts';
import { type AttemptEnd, Breaker, type BreakerState, type OpenBreaker } from './breaker.ts';
import { BreakerLog } from './log.ts';

/** Probes whether the trouble of a part of a connection is over; never rejects. */
export type ProbeConnection = (connection: string, part: ConnectionPart) => Promise<ConnectionTrouble | undefined>;

export interface BreakersOptions {
  readonly store: QueueStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly couriers: CourierTable;
  /** Default: only attempts show whether the trouble is over. */
  readonly probe?: ProbeConnection | undefined;
  readonly random?: (() => number) | undefined;
  /** More attempts over a connection may begin. */
  onRoom(connection: string): void;
  /** For now no attempt over a connection by these couriers begins. */
  onOpen(connection: string, couriers: readonly CourierKind[]): void;
  /** Trouble of several mailboxes was the connection's, and is over. */
  onOver(connection: string, trouble: ConnectionTrouble): void;
}

/** A breaker that is not closed. */
export interface BreakerView extends OpenBreaker {
  readonly connection: string;
  readonly part: ConnectionPart;
  readonly state: BreakerState;
}

/** What an attempt holds of its breakers. */
export interface BreakerPermit {
  /** Whether the attempt probes if the trouble is over. */
  readonly isProbe: boolean;
  /**
   * The attempt has ended; further calls have no effect.
   * @param report undefined if no attempt was made
   * @returns whether the failure is the connection's trouble, not the message's or the mailbox's
   */
  ended(report: DeliveryReport | undefined): boolean;
}

/** What attempts over one connection have to pass. */
export interface ConnectionGate {
  mayStart(courier: CourierKind): boolean;
  begin(courier: CourierKind, mailbox: string): BreakerPermit;
  /** What holds a courier back, if anything does. */
  open(courier: CourierKind): OpenBreaker | undefined;
}

/** Codes of an attempt that did not get far enough to show anything about the connection. */
const inconclusive: readonly string[] = [
  'delivery-aborted',
  'lease-lost',
  'internal',
  'connection-gone',
  'message-unreadable',
  'header-too-large-for-graph',
  'message-not-sendable-by-graph',
  'envelope-narrower-than-headers',
  'upstream-ambiguous',
  'delivery-ambiguous',
];

const keyInfix = ' breaker ';
/** Neither a probe nor a probing attempt takes longer than this. */
const probedWithinMs = 10 * 60_000;

/** The key under which the store keeps an open breaker among the pauses. */
export function breakerKey(connection: string, part: ConnectionPart): string {
  return `${connection}${keyInfix}${part}`;
}

/** The connection of a key made by {@link breakerKey}; undefined for other keys. */
export function breakerConnection(key: string): string | undefined {
  const end = key.indexOf(keyInfix);
  return end < 0 ? undefined : key.slice(0, end);
}

/**
 * Whether nobody probes for a stored open breaker any more, because its instance ended without clearing it. If several
 * instances share a store, each writes the breakers that it knows to be open and clears them itself.
 */
export function isLeftBehind({ untilMs }: Pick<LearnedPause, 'untilMs'>, nowMs: number): boolean {
  return untilMs + probedWithinMs < nowMs;
}

/** The keys of all breakers that hold back a courier. */
export function breakerKeys(connection: string, { parts }: CourierTraits): string[] {
  return parts.map((part) => breakerKey(connection, part));
}

/** The breakers of all connections. */
export class Breakers {
  readonly #options: BreakersOptions;
  readonly #breakers = new Map<string, { readonly connection: string; part: ConnectionPart; breaker: Breaker }>();
  readonly #gates = new Map<string, ConnectionGate>();
  #written: Promise<void> = Promise.resolve();

  constructor(options: BreakersOptions) {
    this.#options = options;
  }

  /**
   * Forgets what an earlier run has left: the first attempts show the present state. Breakers of other instances stay.
   */
  start(): void {
    const { store, clock, log } = this.#options;
    store.pauses().then(
      (pauses) => {
        for (const pause of pauses) {
          const { key } = pause;
          if (breakerConnection(key) === undefined || this.#breakers.get(key)?.breaker.open) continue;
          if (!store.leases || isLeftBehind(pause, clock.now())) this.#end(key);
        }
      },
      (error: unknown) => log.error({ error }, 'queue: cannot read or write the store'),
    );
  }

  gate(connection: string): ConnectionGate {
    let gate = this.#gates.get(connection);
    if (!gate) {
      gate = new Gate(byCourier((courier) => this.#needed(connection, courier)));
      this.#gates.set(connection, gate);
    }
    return gate;
  }

  /** Settings have changed, somebody has signed in, or an administrator asks for a probe. */
  probeNow(): void {
    for (const { breaker } of this.#breakers.values()) breaker.probeNow();
  }

  /** The breakers that are not closed. */
  view(): BreakerView[] {
    return [...this.#breakers.values()].flatMap(({ connection, part, breaker }) =>
      breaker.open ? [{ connection, part, state: breaker.state, ...breaker.open }] : [],
    );
  }

  async stop(): Promise<void> {
    const open = this.view();
    for (const { breaker } of this.#breakers.values()) breaker.stop();
    for (const { connection, part } of open) this.#end(breakerKey(connection, part));
    await this.#written;
  }

  #needed(connection: string, courier: CourierKind): NeededBreaker[] {
    return this.#options.couriers[courier].parts.map((part) => {
      const key = breakerKey(connection, part);
      const breaker = this.#breakers.get(key)?.breaker ?? this.#make(connection, part);
      this.#breakers.set(key, { connection, part, breaker });
      return { part, breaker };
    });
  }

  #make(connection: string, part: ConnectionPart): Breaker {
    const { clock, log, couriers, random, probe, onRoom, onOpen, onOver } = this.#options;
    const key = breakerKey(connection, part);
    const heldBack = courierKinds.filter((courier) => couriers[courier].parts.includes(part));
    const told = new BreakerLog(connection, part, couriers, log, clock);
    const breaker = new Breaker({
      clock,
      random,
      probe: async () => await probe?.(connection, part),
      isProvenByProbe: probe !== undefined && part.endsWith('-token'),
      onOpen: (isNew) => {
        const open = breaker.open as OpenBreaker;
        this.#keep(key, open);
        if (isNew) told.opened(open);
        else void told.stillOpen(open, () => this.#waiting(connection));
        if (isNew && open.trouble.isSure) onOpen(connection, heldBack);
      },
      onClosed: (was) => {
        this.#end(key);
        void this.#waiting(connection).then((waiting) => told.closed(was, waiting));
        if (!was.trouble.isSure) onOver(connection, was.trouble);
      },
      onRoom: () => onRoom(connection),
    });
    return breaker;
  }

  /** For other processes: `queue list` and `check` read the store. */
  #keep(key: string, { trouble, sinceMs, nextProbeAtMs, failures }: OpenBreaker): void {
    const { code, text, remedy = '', outcome } = trouble;
    const pause = {
      key,
      untilMs: nextProbeAtMs,
      sinceMs,
      code,
      text: `${text} ${remedy}`.trimEnd(),
      strikes: failures,
      needsAdmin: outcome === 'needs-admin',
    };
    this.#write(() => this.#options.store.setPause(pause));
  }

  #end(key: string): void {
    this.#write(() => this.#options.store.endPause(key));
  }

  /** Undefined if the store cannot be read. */
  async #waiting(connection: string): Promise<number | undefined> {
    try {
      const totals = await this.#options.store.totals({ connection, states: ['queued'] });
      return totals.reduce((sum, { messages }) => sum + messages, 0);
    } catch {
      return undefined;
    }
  }

  /** One at a time: the latest write has to win. */
  #write(write: () => Promise<void>): void {
    this.#written = this.#written
      .then(write)
      .catch((error: unknown) => this.#options.log.error({ error }, 'queue: cannot save the state of a breaker'));
  }
}

interface NeededBreaker {
  readonly part: ConnectionPart;
  readonly breaker: Breaker;
}

class Gate implements ConnectionGate {
  readonly #needed: Readonly<Record<CourierKind, readonly NeededBreaker[]>>;

  constructor(needed: Readonly<Record<CourierKind, readonly NeededBreaker[]>>) {
    this.#needed = needed;
  }

  mayStart(courier: CourierKind): boolean {
    for (const { breaker } of this.#needed[courier]) if (!breaker.mayStart) return false;
    return true;
  }

  open(courier: CourierKind): OpenBreaker | undefined {
    return this.#needed[courier].find(({ breaker }) => breaker.state !== 'closed' && breaker.open)?.breaker.open;
  }

  begin(courier: CourierKind, mailbox: string): BreakerPermit {
    const needed = this.#needed[courier];
    const isProbe = needed.some(({ breaker }) => breaker.state === 'probing');
    const periods = needed.map(({ breaker }) => breaker.begin());
    let isUnderWay = true;
    return {
      isProbe,
      ended: (report) => {
        if (!isUnderWay) return false;
        isUnderWay = false;
        const ends = endsOf(report, needed);
        let isConnections = false;
        // Starts with the part used last: a working part lets others begin, and a part in trouble has to be known by
        // then.
        for (let index = needed.length - 1; index >= 0; index--) {
          const { breaker } = needed[index] as NeededBreaker;
          if (breaker.ended(periods[index] as number, mailbox, ends[index] as AttemptEnd)) isConnections = true;
        }
        return isConnections;
      },
    };
  }
}

/**
 * What an attempt shows about each part it needs: those before the one in trouble work, those after it were not used.
 */
function endsOf(report: DeliveryReport | undefined, needed: readonly NeededBreaker[]): AttemptEnd[] {
  const trouble = report?.trouble;
  if (report?.sentNothing && !trouble) return needed.map(() => 'unknown');
  const troubled = trouble ? needed.findIndex(({ part }) => part === trouble.part) : -1;
  if (trouble && troubled >= 0) {
    return needed.map((_, index) => (index < troubled ? 'works' : index > troubled ? 'unknown' : trouble));
  }
  const shows = report?.recipients.some(({ code }) => !inconclusive.includes(code)) === true && !trouble;
  return needed.map(() => (shows ? 'works' : 'unknown'));
}
