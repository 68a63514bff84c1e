import { expect, test } from 'vitest';
import type { CourierKind } from '../../../src/message/courier-kind.ts';
import type {
  AmbiguousAttempt,
  DeliveryReport,
  OutgoingMessage,
  RecipientOutcome,
} from '../../../src/message/delivery.ts';
import { failoverQueue, hourMs, minuteMs, ways } from './failover-world.ts';

const lost = { outcome: 'temporary', code: 'upstream-ambiguous', text: 'cut' } as const;

/** Both services; a script that sees what is ambiguous answers each attempt. */
function world(
  script: (kind: CourierKind, ambiguous: AmbiguousAttempt | undefined) => Partial<DeliveryReport> | undefined,
) {
  const attempts: [CourierKind, CourierKind | undefined][] = [];
  const base = failoverQueue();
  const courierFor = (kind: CourierKind) => ({
    async deliver(message: OutgoingMessage): Promise<DeliveryReport> {
      const { ambiguous, envelope } = message;
      attempts.push([kind, ambiguous?.courier]);
      const said = script(kind, ambiguous);
      const delivered = { outcome: 'delivered', code: '2.0.0', text: 'OK' } as const;
      return { recipients: envelope.recipients.map(({ address }) => ({ address, ...delivered })), ...said };
    },
  });
  return { ...base, attempts, courierFor };
}

const said = (outcome: object): Partial<DeliveryReport> => ({
  recipients: [{ address: 'ann@contoso.example', ...outcome } as DeliveryReport['recipients'][number]],
});
const noPermission = (): Partial<DeliveryReport> => {
  const { pauseMailboxMs, ...outcome } = ways.noPermission();
  return { ...said(outcome), ...(pauseMailboxMs && { pauseMailboxMs }) };
};

test('an ambiguous message is another courier’s only where its own is shut, and that one is told whose attempt it was', async () => {
  let isShut = false;
  const { attempts, courierFor } = world((kind, ambiguous) => {
    if (kind === 'graph' && isShut) return noPermission();
    return kind === 'graph' && !ambiguous ? said(lost) : undefined;
  });
  const queue = failoverQueue(['graph', 'smtp'], {}, { courierFor: ({ courier }) => courierFor(courier) });
  const { id } = await queue.send();
  await queue.soon();
  isShut = true;
  await queue.clock.advance(2 * minuteMs);
  expect(attempts).toEqual([
    ['graph', undefined],
    ['graph', 'graph'],
    // The refusal says that the earlier attempt is still not cleared up.
    ['smtp', undefined],
  ]);
  expect((await queue.store.get(id))?.state).toBe('delivered');
});

test('while its own is shut it is looked for by the other one; what nobody may look for waits for its own', async () => {
  let isShut = false;
  const { attempts, courierFor } = world((kind, ambiguous) => {
    if (kind === 'smtp') return ambiguous && { ...said(lost), sentNothing: true, staysWith: 'graph' };
    if (attempts.length === 1) return said(lost);
    if (!isShut) return undefined;
    // It looks before it sends anything, and may not.
    return ambiguous ? { ...said(lost), sentNothing: true } : noPermission();
  });
  const queue = failoverQueue(['graph', 'smtp'], {}, { courierFor: ({ courier }) => courierFor(courier) });
  const first = await queue.send();
  await queue.soon();
  isShut = true;
  // The next one finds Graph shut.
  const second = await queue.send();
  await queue.soon();
  expect((await queue.store.get(second.id))?.state).toBe('delivered');
  await queue.clock.advance(3 * minuteMs);
  expect(attempts.slice(0, 4)).toEqual([
    ['graph', undefined],
    ['graph', undefined],
    ['smtp', undefined],
    ['smtp', 'graph'],
  ]);
  expect(await queue.store.get(first.id)).toMatchObject({ state: 'queued', courier: 'graph' });
  // Mail behind it continues, and it is sent once its own courier is open again.
  const third = await queue.send();
  await queue.soon();
  expect((await queue.store.get(third.id))?.state).toBe('delivered');
  isShut = false;
  await queue.clock.advance(2 * hourMs);
  expect(await queue.store.get(first.id)).toMatchObject({ state: 'delivered', courier: 'graph' });
  expect(attempts.filter(([, by]) => by === 'smtp')).toEqual([]);
});

test('what stays with its own does so while others of its message go out by another one', async () => {
  const to = ['ann@contoso.example', 'bob@contoso.example'];
  const [ann = ''] = to;
  const attempts: [CourierKind, CourierKind | undefined, readonly string[]][] = [];
  let isShut = true;
  const deliver = async (kind: CourierKind, { ambiguous, envelope }: OutgoingMessage): Promise<DeliveryReport> => {
    const addresses = envelope.recipients.map(({ address }) => address);
    attempts.push([kind, ambiguous?.courier, addresses]);
    const each = (outcomeOf: (address: string) => object): DeliveryReport => ({
      recipients: addresses.map((address) => {
        const delivered = { outcome: 'delivered', code: '2.0.0', text: 'OK' };
        return { address, ...delivered, ...outcomeOf(address) } as DeliveryReport['recipients'][number];
      }),
    });
    if (kind === 'smtp') {
      // Nothing may look for what Graph may have sent to Ann.
      if (ambiguous?.courier === 'smtp') return each(() => ({}));
      return ambiguous ? { ...each((address) => (address === ann ? lost : {})), staysWith: 'graph' } : each(() => ({}));
    }
    const { pauseMailboxMs = 0, ...denied } = ways.noPermission();
    if (attempts.length === 1) return each((address) => (address === ann ? lost : denied));
    // Ambiguous attempts are looked for before anything is sent.
    if (isShut && ambiguous) return { ...each(() => lost), sentNothing: true };
    return isShut ? { ...each(() => denied), pauseMailboxMs } : each(() => ({}));
  };
  const queue = failoverQueue(
    ['graph', 'smtp'],
    {},
    { courierFor: ({ courier }) => ({ deliver: (message) => deliver(courier, message) }) },
  );
  const { id } = await queue.send({}, to);
  await queue.soon();
  await queue.send();
  await queue.clock.advance(hourMs);
  expect(attempts.filter(([kind, by]) => kind === 'smtp' && by === 'smtp')).toEqual([]);
  expect(await queue.store.get(id)).toMatchObject({ state: 'queued', courier: 'graph' });
  isShut = false;
  await queue.clock.advance(3 * hourMs);
  expect(await queue.store.get(id)).toMatchObject({ state: 'delivered', courier: 'graph' });
  expect(attempts.at(-1)).toEqual(['graph', expect.anything(), [ann]]);
});

test('what stays with a courier goes by those that are left once the account has that one no more', async () => {
  const attempts: CourierKind[] = [];
  let order: readonly [CourierKind, ...CourierKind[]] = ['graph', 'smtp'];
  let isFirst = true;
  const queue = failoverQueue(
    order,
    {},
    {
      couriersOf: () => order,
      courierFor: ({ courier }) => ({
        async deliver({ ambiguous, envelope }: OutgoingMessage): Promise<DeliveryReport> {
          attempts.push(courier);
          const delivered = { outcome: 'delivered', code: '2.0.0', text: 'OK' } as const;
          const each = (outcome: Omit<RecipientOutcome, 'address'>): DeliveryReport => ({
            recipients: envelope.recipients.map(({ address }) => ({ address, ...outcome })),
          });
          if (courier === 'smtp' && ambiguous && order.length > 1)
            return { ...each(lost), sentNothing: true, staysWith: 'graph' };
          if (courier === 'smtp') return each(delivered);
          if (ambiguous) return { ...each(lost), sentNothing: true };
          const { pauseMailboxMs = 0, ...shut } = ways.noPermission();
          const denied = { ...shut, outcome: 'needs-admin', code: 'ErrorAccessDenied', text: '403' } as const;
          const report = isFirst ? each(lost) : { ...each(denied), pauseMailboxMs };
          isFirst = false;
          return report;
        },
      }),
    },
  );
  const { id } = await queue.send();
  await queue.soon();
  await queue.send();
  await queue.clock.advance(10 * minuteMs);
  expect(await queue.store.get(id)).toMatchObject({ state: 'queued', courier: 'graph' });
  order = ['smtp'];
  await queue.queue.retryNow();
  await queue.clock.advance(hourMs);
  expect(await queue.store.get(id)).toMatchObject({ state: 'delivered', courier: 'smtp' });
});
