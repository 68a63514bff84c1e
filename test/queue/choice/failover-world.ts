import type { CourierKind, CourierOrder } from '../../../src/message/courier-kind.ts';
import type { ConnectionTrouble, RecipientOutcome } from '../../../src/message/delivery.ts';
import type { QueueLimits } from '../../../src/queue/limits/limits.ts';
import type { QueueOptions } from '../../../src/queue/queue.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { meteredQueue, type Seen, Upstream } from '../metered-world.ts';
import { recordedLog } from '../recorded-log.ts';

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const reports = 'reports@contoso.example';

/** What a courier reports while it is shut. */
export interface Shut extends Partial<RecipientOutcome> {
  readonly pauseMailboxMs?: number;
  readonly trouble?: ConnectionTrouble;
}

/** Ways in which a courier is shut, as the couriers report them. */
export const ways = {
  /** The whole connection, because of its host. */
  unreachable: (part: CourierKind): Shut => troubled(part, 'temporary', 'upstream-unreachable', true),
  /** It answers 503, which may be the trouble of one mailbox. */
  unavailable: (part: CourierKind): Shut => troubled(part, 'temporary', 'ServiceUnavailable', false),
  noPermission: (): Shut => ({
    ...{ outcome: 'needs-admin', code: 'ErrorAccessDenied', text: '403', remedy: 'Grant it.', scope: 'mailbox' },
    ...{ ofCourier: true, pauseMailboxMs: minuteMs, retryAfterMs: minuteMs },
  }),
  dailyLimit: (): Shut => ({
    ...{ outcome: 'temporary', code: '5.1.90', text: 'daily limit', scope: 'mailbox' },
    ...{ ofCourier: true, pauseMailboxMs: hourMs, retryAfterMs: hourMs },
  }),
};

function troubled(part: CourierKind, outcome: 'temporary', code: string, isSure: boolean): Shut {
  const told = { outcome, code, text: `${part} is down` };
  return { ...told, trouble: { ...told, part, isSure } };
}

/** Two services, each of which can be shut. */
export class TwoServices extends Upstream {
  readonly shut = new Map<CourierKind, Shut>();

  constructor(clock: FakeClock, random?: () => number) {
    super(clock, random);
    this.answer = (_message, _call, courier) => this.shut.get(courier) ?? {};
  }

  readonly probe: NonNullable<QueueOptions['probe']> = async (_connection, part) => {
    const trouble = part === 'graph' || part === 'smtp' ? this.shut.get(part)?.trouble : undefined;
    return trouble?.isSure ? trouble : undefined;
  };

  /** The attempts of a courier, or those between two times. */
  by(courier: CourierKind, fromMs = 0, toMs = Number.POSITIVE_INFINITY): Seen[] {
    return this.seen.filter(
      (each) => each.courier === courier && each.startedAtMs >= fromMs && each.startedAtMs < toMs,
    );
  }
}

/** A queue whose messages can be sent by both, in this order. */
export function failoverQueue(
  order: CourierOrder = ['graph', 'smtp'],
  limits: Partial<QueueLimits> = {},
  overrides: Partial<QueueOptions> = {},
  clock = new FakeClock(),
  upstream = new TwoServices(clock),
) {
  const { log, lines } = recordedLog();
  const bounced: string[] = [];
  const world = meteredQueue(
    limits,
    { clock, upstream },
    {
      ...{ log, probe: upstream.probe, couriersOf: () => order, failoverAfterMs: minuteMs },
      bouncesFor: async (message) => {
        bounced.push(message.id);
        return [];
      },
      ...overrides,
    },
  );
  /** Lets everything due now happen, one attempt after another. */
  const soon = async () => {
    for (let i = 0; i < 6; i++) await clock.advance(100);
  };
  const texts = () => lines.map(({ text }) => text).filter((text) => / uses /.test(text));
  return { ...world, upstream, lines, texts, bounced, soon };
}
