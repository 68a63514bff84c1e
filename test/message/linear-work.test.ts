import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  assertAddressBounds,
  maxAddressBytes,
  maxAddresses,
  maxAddressFieldBytes,
} from '../../src/message/address/bounds.ts';
import { HeaderBlock } from '../../src/message/header/fields.ts';

interface Work {
  readonly name: string;
  readonly piece: string;
  readonly once: number;
  readonly fourfold: number;
}

test('whatever repeats in a header, four times as much of it takes four times the steps', () => {
  const { stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, 'count-work.ts')], {
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  });
  expect(stdout, stderr).not.toBe('');
  const work = JSON.parse(stdout) as Work[];
  expect(work.length).toBeGreaterThan(400);
  // The count works at all.
  for (const name of new Set(work.map((each) => each.name))) {
    expect(Math.max(...work.filter((each) => each.name === name).map(({ once }) => once)), name).toBeGreaterThan(20);
  }
  // Quadratic work takes sixteen times the steps.
  expect(work.filter(({ once, fourfold }) => fourfold > 8 * once + 1000)).toEqual([]);
}, 120_000);

const check = (...fields: string[]) =>
  assertAddressBounds(HeaderBlock.parse(Buffer.from(`${fields.join('\r\n')}\r\n\r\n`)));
const list = (count: number, address = 'a@b.c') => Array.from({ length: count }, () => address).join(',\r\n ');

test('a message to 2,000 people is taken, and one to more is not, in one field or in all', () => {
  check(`To: ${list(maxAddresses - 1)}`, 'From: a@b.c', `Subject: ${list(5000)}`, `X-To: ${list(5000)}`);
  expect(() => check(`To: ${list(maxAddresses)}`, 'From: a@b.c')).toThrow('Header holds more than 2000 addresses');
  expect(() => check(`To: ${list(1000)}`, `Cc: ${list(1000)}`, 'Bcc: x')).toThrow('more than 2000 addresses');
  expect(() => check(`Resent-To: ${list(maxAddresses + 1, 'a')}`)).toThrow('more than 2000 addresses');
});

test('an address field of 64 KiB is taken, and a larger one is not, nor too many', () => {
  const field = (name: string, length: number) => `${name}: ${'"x"'.padEnd(length - name.length - 12, ' ')} <a@b.c>`;
  check(field('To', maxAddressFieldBytes));
  expect(() => check(field('To', maxAddressFieldBytes + 1))).toThrow('Field To is larger than 65536 octets');
  const half = maxAddressBytes / 4;
  check(field('To', half), field('Cc', half), field('Reply-To', half));
  expect(() => check(...['To', 'Cc', 'Reply-To', 'From', 'Sender'].map((name) => field(name, half)))).toThrow(
    'Address fields are larger than 131072 octets in all',
  );
});
