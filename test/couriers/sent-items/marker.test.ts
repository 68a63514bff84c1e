import { expect, test } from 'vitest';
import { Marker, unsealed } from '../../../src/couriers/sent-items/marker.ts';

const marker = new Marker(Buffer.from('a key for tests'));
const ann = [{ address: 'ann@x.example' }];
const both = [...ann, { address: 'bo@x.example' }];
const sealed = marker.sealed('m1', both);

test('a sealed marker is known for one of its message, whoever it was for', () => {
  expect(marker.isOwn(sealed, 'm1')).toBe(true);
  expect(marker.isOwn(` ${marker.sealed('m1', ann)} `, 'm1')).toBe(true);
  expect(unsealed(sealed)).toBe(marker.of('m1', both));
});

test.each([
  ['another message', marker.sealed('m2', both)],
  ['a message whose id begins alike', marker.sealed('m11', both)],
  ['another bridge', new Marker(Buffer.from('another key')).sealed('m1', both)],
  ['an earlier version, which set no seal', marker.of('m1', both)],
  ['nobody', ''],
  ['nonsense', 'm1'],
  ['a stranger who takes the seal from another copy', `${marker.of('m1', ann)}.${sealed.split('.')[2]}`],
  [
    'a stranger who takes a digest of recipients for a seal',
    `${marker.of('m1', ann)}.${marker.of('m1', both).slice(3)}`,
  ],
  ['a stranger who adds to it', `${sealed}.x`],
  ['a stranger who changes its case', sealed.toUpperCase()],
])('the marker of %s is no proof', (_whose, value) => {
  expect(marker.isOwn(value, 'm1')).toBe(false);
});

test('every octet of it counts', () => {
  for (let at = 0; at < sealed.length; at += 1) {
    const other = sealed[at] === '0' ? '1' : '0';
    expect(marker.isOwn(sealed.slice(0, at) + other + sealed.slice(at + 1), 'm1'), `octet ${at}`).toBe(false);
  }
});

test('is of the same length for all recipients of a message, and tells none', () => {
  expect(sealed).toHaveLength(marker.sealed('m1', ann).length);
  expect(sealed).toMatch(/^m1\.[0-9a-f]{16}\.[0-9a-f]{16}$/);
});
