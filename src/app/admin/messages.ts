import type { Readable } from 'node:stream';
import type { MessagesPort } from '../../admin/api/messages/routes.ts';
import type {
  ChosenMessages,
  MessageAction,
  MessageDetail,
  MessagePage,
  MessageQuery,
} from '../../admin/api/messages/schemas.ts';
import type { Clock } from '../../base/clock.ts';
import { couriers } from '../../couriers/registry.ts';
import { WaitingView } from '../../queue/attempts/waiting.ts';
import type { IsInternal } from '../../queue/limits/limits.ts';
import type { Queue } from '../../queue/queue.ts';
import type { QueueFilter, QueueStore } from '../../queue/store.ts';
import type { BridgeState } from '../bridge-state.ts';
import { failoverOf } from '../delivery-policy.ts';
import { noticeHopsOf } from '../tracing/notices.ts';
import { toldDetail, toldMessage } from './told-message.ts';

/** Viewing one message must not read the whole line before it. */
const longestLine = 500;

/** What message information is built from. */
export interface MessageParts {
  readonly store: QueueStore;
  readonly queue: Pick<Queue, 'administered'>;
  readonly clock: Clock;
  readonly isInternal: IsInternal;
  state(): BridgeState;
}

/** The queue of a running bridge. */
export class BridgeMessages implements MessagesPort {
  readonly #parts: MessageParts;

  constructor(parts: MessageParts) {
    this.#parts = parts;
  }

  async page({ id, state, limit, before, ...choice }: MessageQuery): Promise<MessagePage> {
    const filter = { ...filterOf(choice), ...(id && { ids: id }), ...(state && { states: state }) };
    const page = await this.#parts.store.page(filter, { limit, ...(before !== undefined && { beforeId: before }) });
    return { messages: page.messages.map(toldMessage), next: page.next ?? null };
  }

  async get(id: string): Promise<MessageDetail | undefined> {
    const { store, clock, isInternal, state } = this.#parts;
    const message = await store.get(id);
    if (!message) return undefined;
    const { config } = state();
    const view = new WaitingView(store, {
      ...{ limits: config.limits, couriers, isInternal, longestLine, nowMs: clock.now() },
      ...failoverOf(config),
    });
    const [attempts, waiting, notices, about] = await Promise.all([
      store.attempts(id),
      view.of(message),
      noticeHopsOf(message, store),
      message.noticeAbout === undefined ? undefined : store.get(message.noticeAbout),
    ]);
    return toldDetail(message, { attempts, waiting, notices, about });
  }

  open(id: string): Promise<Readable> {
    return this.#parts.store.open(id, { evenIfDamaged: true });
  }

  async act(action: MessageAction, wanted: ChosenMessages): Promise<number> {
    const { store, queue, clock } = this.#parts;
    const { ids, states, ...choice } = wanted;
    const filter: QueueFilter = { ...filterOf(choice), ...(ids && { ids }), ...(states && { states }) };
    const changed = await changes[action](store, filter, clock.now());
    if (changed > 0) queue.administered();
    return changed;
  }
}

type Choice = Omit<ChosenMessages, 'ids' | 'states'>;

function filterOf({ since, until, ...same }: Choice): QueueFilter {
  const given = Object.entries(same).filter(([, value]) => value !== undefined);
  return {
    ...(Object.fromEntries(given) as Omit<QueueFilter, 'ids' | 'states'>),
    ...(since !== undefined && { receivedSinceMs: Date.parse(since) }),
    ...(until !== undefined && { receivedBeforeMs: Date.parse(until) }),
  };
}

type Change = (store: QueueStore, filter: QueueFilter, nowMs: number) => Promise<number>;

/** The same as `mailbridge queue` does. Damaged messages are only sent again if they are named. */
const changes: Readonly<Record<MessageAction, Change>> = {
  retry: (store, filter, nowMs) => among(filter, ['queued'], (chosen) => store.release(chosen, nowMs)),
  hold: (store, filter) => among(filter, ['queued'], (chosen) => store.hold(chosen)),
  release: (store, filter, nowMs) =>
    among(filter, filter.ids || filter.states ? ['held', 'failed', 'quarantined'] : ['held', 'failed'], (chosen) =>
      store.release(chosen, nowMs),
    ),
  delete: (store, filter) => store.remove(filter),
};

/** The matching messages in states that an action applies to. */
async function among(
  filter: QueueFilter,
  states: NonNullable<QueueFilter['states']>,
  change: (chosen: QueueFilter) => Promise<number>,
): Promise<number> {
  const left = states.filter((state) => filter.states?.includes(state) ?? true);
  return left.length === 0 ? 0 : await change({ ...filter, states: left });
}
