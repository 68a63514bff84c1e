import { describe, expect, test } from 'vitest';
import type { CourierKind, CourierOrder } from '../../../src/message/courier-kind.ts';
import { chooseCourier, couriersFor, type Obstacle, recipientsFor } from '../../../src/queue/choice/choose.ts';
import type { QueuedRecipient } from '../../../src/queue/message.ts';

const both: CourierOrder = ['graph', 'smtp'];
const obstacle = (isShut: boolean) => ({ isShut, code: 'x' }) as Obstacle;

describe('the courier of an attempt', () => {
  const choose = (obstacles: Partial<Record<CourierKind, Obstacle>>) =>
    chooseCourier(both, (courier) => obstacles[courier]);

  test('is the first that nothing keeps from it, and tells which were passed over', () => {
    expect(choose({})).toEqual({ courier: 'graph', passedOver: [] });
    expect(choose({ smtp: obstacle(true) })).toEqual({ courier: 'graph', passedOver: [] });
    expect(choose({ graph: obstacle(true) })).toEqual({
      courier: 'smtp',
      passedOver: [{ courier: 'graph', obstacle: obstacle(true) }],
    });
  });

  test('is none while the preferred one may soon be back, or all are shut', () => {
    expect(choose({ graph: obstacle(false) })).toBeUndefined();
    expect(choose({ graph: obstacle(true), smtp: obstacle(true) })).toBeUndefined();
    expect(choose({ graph: obstacle(true), smtp: obstacle(false) })).toBeUndefined();
  });
});

const recipient = (state: QueuedRecipient['state'], ...refusedBy: CourierKind[]) =>
  ({ address: 'b@fabrikam.example', state, refusedBy }) as unknown as QueuedRecipient;

describe('the couriers that may take a message', () => {
  const couriers = (
    recipients: readonly QueuedRecipient[],
    {
      order = both,
      ambiguousBy,
      stays = false,
    }: { order?: CourierOrder; ambiguousBy?: CourierKind; stays?: boolean } = {},
  ) => {
    const { couriers: may, isNarrowed } = couriersFor(order, { recipients, ambiguousBy, stays });
    return `${may.join(' ')}${isNarrowed ? ', narrowed' : ''}`;
  };

  test.each<[string, readonly QueuedRecipient[], string]>([
    ['nothing is known', [recipient('pending')], 'graph smtp'],
    ['the first has refused it', [recipient('pending', 'graph')], 'smtp, narrowed'],
    ['the other has refused it', [recipient('pending', 'smtp')], 'graph, narrowed'],
    ['each has refused one', [recipient('pending', 'graph'), recipient('pending', 'smtp')], 'graph smtp'],
    ['both have refused it', [recipient('pending', 'graph', 'smtp')], 'graph, narrowed'],
    ['one has refused a part', [recipient('pending', 'graph'), recipient('pending')], 'smtp, narrowed'],
    ['what was refused is delivered', [recipient('delivered', 'graph'), recipient('pending')], 'graph smtp'],
    [
      'one has refused all and the other a part',
      [recipient('pending', 'graph', 'smtp'), recipient('pending', 'graph')],
      'smtp, narrowed',
    ],
  ])('where %s', (_, recipients, expected) => {
    expect(couriers(recipients)).toBe(expected);
  });

  test('of an account with one alone is that one, whatever it has refused', () => {
    expect(couriers([recipient('pending', 'graph')], { order: ['graph'] })).toBe('graph');
    expect(couriers([recipient('pending')], { order: ['graph'], ambiguousBy: 'smtp', stays: true })).toBe('graph');
    expect(couriers([recipient('pending')], { order: ['graph'], ambiguousBy: 'graph', stays: true })).toBe('graph');
  });

  test('begin with the one whose attempt may have delivered it', () => {
    expect(couriers([recipient('pending')], { ambiguousBy: 'smtp' })).toBe('smtp graph');
    expect(couriers([recipient('pending')], { ambiguousBy: 'graph' })).toBe('graph smtp');
    expect(couriers([recipient('pending', 'smtp')], { ambiguousBy: 'smtp' })).toBe('graph, narrowed');
  });

  test('are that one alone where nobody may look for what it sent', () => {
    expect(couriers([recipient('pending')], { ambiguousBy: 'smtp', stays: true })).toBe('smtp, narrowed');
    expect(couriers([recipient('pending')], { stays: true })).toBe('graph smtp');
  });
});

test('an attempt is for those whom its courier has not refused, or for all that wait where it has refused each', () => {
  const [open, refused, done] = [recipient('pending'), recipient('pending', 'graph'), recipient('delivered')];
  expect(recipientsFor([open, refused, done], 'graph')).toEqual([open]);
  expect(recipientsFor([open, refused, done], 'smtp')).toEqual([open, refused]);
  expect(recipientsFor([refused, done], 'graph')).toEqual([refused]);
  const unknown = { ...recipient('pending'), refusedBy: undefined } as unknown as QueuedRecipient;
  expect(recipientsFor([unknown], 'graph')).toEqual([unknown]);
});
