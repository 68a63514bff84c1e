import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { openSealed, sealText } from '../../../src/tokens/sign-ins/sealed-file.ts';

const seal = { key: randomBytes(32), owner: 'https://login.microsoftonline.com|contoso.com|app' };
const text = '{"refresh_token":"0.AXoA-very-secret","name":"Jürgen"}';
const file = sealText(text, seal);

/** A copy with one byte changed. */
function changed(at: number): Buffer {
  const copy = Buffer.from(file);
  copy.writeUInt8(copy.readUInt8(at) ^ 0x40, at);
  return copy;
}

test('what was sealed is opened again', () => {
  expect(openSealed(file, seal)).toEqual({ text });
  expect(openSealed(sealText('', seal), seal)).toEqual({ text: '' });
});

test('nothing of the text shows, and no two files of it are alike', () => {
  expect(file.toString('latin1')).not.toContain('secret');
  expect(file.toString('latin1')).not.toContain('microsoftonline');
  const nonces = Array.from({ length: 100 }, () => sealText(text, seal).toString('hex', 49, 61));
  expect(new Set(nonces).size).toBe(100);
});

test('a file cut short is damaged, wherever it was cut', () => {
  for (let length = 0; length < file.length; length++) {
    expect(openSealed(file.subarray(0, length), seal), `${length} bytes`).toEqual({ fault: 'damaged' });
  }
});

test('a file that grew is damaged', () => {
  expect(openSealed(Buffer.concat([file, Buffer.of(0)]), seal)).toEqual({ fault: 'damaged' });
  expect(openSealed(Buffer.concat([file, file]), seal)).toEqual({ fault: 'damaged' });
});

test('no byte can change', () => {
  for (let at = 0; at < file.length; at++) {
    const fault = at < 8 ? 'foreign' : at === 8 ? 'newer' : 'damaged';
    expect(openSealed(changed(at), seal), `byte ${at}`).toEqual({ fault });
  }
});

test('no byte can change by the hand of one who corrects the checksum', () => {
  for (let at = 9; at < file.length - 32; at++) {
    const forged = changed(at);
    createHash('sha256')
      .update(forged.subarray(0, -32))
      .digest()
      .copy(forged, forged.length - 32);
    const fault = at < 17 ? 'key-wrong' : at < 49 ? 'other-owner' : 'damaged';
    expect(openSealed(forged, seal), `byte ${at}`).toEqual({ fault });
  }
});

/** As written by somebody who can write the file but has no key: the head is changed and the checksum adjusted. */
function rewritten(change: (head: Buffer) => void): Buffer {
  const copy = Buffer.from(file);
  change(copy);
  createHash('sha256')
    .update(copy.subarray(0, -32))
    .digest()
    .copy(copy, copy.length - 32);
  return copy;
}

describe('a sign-in cannot be given', () => {
  test('to another connection by writing its owner into the head', () => {
    const other = { ...seal, owner: 'https://login.microsoftonline.com|contoso.com|another-app' };
    const moved = rewritten((head) => createHash('sha256').update(other.owner).digest().copy(head, 17));
    expect(openSealed(moved, other)).toEqual({ fault: 'damaged' });
  });

  test('an older form by writing its version into the head', () => {
    expect(
      openSealed(
        rewritten((head) => head.writeUInt8(0, 8)),
        seal,
      ),
    ).toEqual({ fault: 'damaged' });
  });
});

describe('a file is refused', () => {
  test.each(['hello', '{"RefreshToken":{}}', '\0'.repeat(200), 'MBSIGNIN'])('that is something else: %j', (content) => {
    expect(openSealed(Buffer.from(content), seal)).toEqual({ fault: 'foreign' });
  });

  test('that another key has sealed', () => {
    expect(openSealed(file, { ...seal, key: randomBytes(32) })).toEqual({ fault: 'key-wrong' });
  });

  test('that was sealed for another owner', () => {
    expect(openSealed(file, { ...seal, owner: `${seal.owner}2` })).toEqual({ fault: 'other-owner' });
  });
});
