import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalAddress, NetworkTable, parseNetwork } from '../../src/accounts/networks.ts';
import { accountBlock } from '../../src/config/blocks/accounts.ts';
import { account } from '../config/sample.ts';

test.each([
  ['192.168.1.7', '192.168.1.7'],
  ['::ffff:192.168.1.7', '192.168.1.7'],
  ['::FFFF:c0a8:0107', '192.168.1.7'],
  ['0:0:0:0:0:ffff:c0a8:107', '192.168.1.7'],
  ['2001:DB8:0:0::1', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['::1', '::1'],
  ['192.168.1', undefined],
  ['scanner', undefined],
  ['', undefined],
])('%s is %s', (text, canonical) => {
  expect(canonicalAddress(text)).toBe(canonical);
});

test.each([
  ['10.0.0.0/8', { family: 'ipv4', address: '10.0.0.0', prefix: 8 }],
  ['10.1.2.3', { family: 'ipv4', address: '10.1.2.3', prefix: 32 }],
  ['2001:db8::/48', { family: 'ipv6', address: '2001:db8::', prefix: 48 }],
  ['::1', { family: 'ipv6', address: '::1', prefix: 128 }],
  ['::ffff:10.0.0.0/104', { family: 'ipv4', address: '10.0.0.0', prefix: 8 }],
  ['::ffff:10.0.0.0/95', undefined],
  ['10.0.0.0/33', undefined],
  ['10.0.0.0/', undefined],
  ['10.0.0.0/-1', undefined],
  ['10.0.0.0/8/8', undefined],
  ['fe80::1%eth0/64', undefined],
])('the network %s', (text, network) => {
  expect(parseNetwork(text)).toEqual(network);
});

function table(...networks: string[]): NetworkTable<string> {
  const made = new NetworkTable<string>();
  for (const network of networks) made.add(network, network);
  return made;
}

test('the narrowest network wins, in whatever order they were added', () => {
  fc.assert(
    fc.property(
      fc.shuffledSubarray(['10.0.0.0/8', '10.1.0.0/16', '10.1.2.0/24', '10.1.2.3', 'fd00::/8'], { minLength: 5 }),
      (order) => {
        const found = ['10.1.2.3', '10.1.2.4', '10.1.9.9', '10.9.9.9', '11.0.0.1', 'fd12::1'].map((address) =>
          table(...order).find(address),
        );
        expect(found).toEqual(['10.1.2.3', '10.1.2.0/24', '10.1.0.0/16', '10.0.0.0/8', undefined, 'fd00::/8']);
      },
    ),
  );
});

test('an IPv4 client of a dual-stack socket is in IPv4 networks, and in no IPv6 network', () => {
  expect(table('192.168.10.0/24').find('::ffff:192.168.10.9')).toBe('192.168.10.0/24');
  expect(table('::/8', '2001:db8::/32').find('::ffff:192.168.10.9')).toBeUndefined();
  expect(table('::ffff:192.168.10.0/120').find('192.168.10.9')).toBe('::ffff:192.168.10.0/120');
});

test('what is no address is in no network, and what is no network is refused', () => {
  expect(table('10.0.0.0/8').find('not an address')).toBeUndefined();
  expect(() => table('10.0.0.0/99')).toThrow(RangeError);
});

test('an IPv4 address is in a network exactly when its leading bits are', () => {
  const number = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  const dotted = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
  fc.assert(
    fc.property(
      number,
      fc.integer({ min: 1, max: 32 }),
      fc.integer({ min: 0, max: 31 }),
      (network, prefix, flipped) => {
        const found = table(`${dotted(network)}/${prefix}`).find(dotted(network ^ (1 << (31 - flipped)))) !== undefined;
        expect(found).toBe(flipped >= prefix);
      },
    ),
  );
});

test('the configuration takes just the networks that are some, but not those of everybody', () => {
  // Made once: a schema takes longer to make than to use.
  const schema = accountBlock({ path: (path) => path, secret: () => ({ secret: 'ganz-geheim-7' }) });
  const address = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.ipV4().map((v4) => `::ffff:${v4}`),
    fc.constantFrom('::', '0.0.0.0', '::ffff:0:0', '1.2.3'),
  );
  const suffix = fc.oneof(
    fc.constant(''),
    fc.integer({ min: 0, max: 130 }).map((prefix) => `/${prefix}`),
    fc.constantFrom('/', '/x', '/8/8'),
  );
  fc.assert(
    fc.property(address, suffix, (start, end) => {
      const parsed = parseNetwork(start + end);
      const accepted = schema.safeParse({ ...account, networks: [start + end] }).success;
      expect(accepted).toBe(parsed !== undefined && parsed.prefix > 0);
    }),
    { numRuns: 200 },
  );
});
