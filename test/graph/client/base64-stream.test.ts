import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Base64Encoder, base64Length } from '../../../src/graph/client/base64-stream.ts';

describe('Base64Encoder', () => {
  it('gives what encoding the whole at once gives, however it is cut, and as long as foretold', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 20 }), async (pieces) => {
        const chunks = pieces.map((piece) => Buffer.from(piece));
        const whole = Buffer.concat(chunks);
        const source = Readable.from(chunks.filter((chunk) => chunk.length > 0));
        const encoded = await buffer(source.pipe(new Base64Encoder(whole.length)));
        expect(encoded.toString()).toBe(whole.toString('base64'));
        expect(encoded.length).toBe(base64Length(whole.length));
      }),
    );
  });

  it('keeps the last letters until the end is known', () => {
    const encoder = new Base64Encoder(6);
    encoder.write(Buffer.from('abcdef'));
    expect(encoder.read().toString()).toBe('YWJj');
    expect(encoder.read()).toBeNull();
    encoder.end();
    expect(encoder.read().toString()).toBe('ZGVm');
  });

  it('fails where the length is not the one foretold', async () => {
    await expect(buffer(Readable.from([Buffer.from('abcd')]).pipe(new Base64Encoder(5)))).rejects.toThrow(/4 octets/);
  });
});
