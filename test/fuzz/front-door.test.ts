import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { corpusOf, FrontDoor, maxCommandBytes, type Protocol, turn } from './front-door.ts';

/** A command that every state before login answers, and its answer. */
const probes = { imap: ['zz NOOP\r\n', /^zz (OK|BAD) /m], pop3: ['NOOP\r\n', /^-ERR Command is not valid/m] } as const;

/** What the server may send: whole lines of these forms. */
const forms = {
  imap: /^(?:(?:\* (?:OK|BAD|BYE|CAPABILITY|ID)|\+|[^\s*+(){%"\\]+ (?:OK|NO|BAD))(?: [^\r\n]*)?\r\n)*$/,
  pop3: /^(?:(?:\+OK|-ERR|\+|USER|IMAP4rev1|PLAIN|LOGIN|\.)(?: [^\r\n]*)?\r\n)*$/,
} as const;

/** Sends input, then commands that must be answered unless the connection has ended. */
async function survives(protocol: Protocol, octets: Buffer, pieceBytes?: number): Promise<void> {
  const door = new FrontDoor(protocol);
  try {
    await door.send(octets, pieceBytes);
    const [probe, answer] = probes[protocol];
    // An open literal or line can swallow as much as the longest command.
    await door.send(Buffer.from(`\r\n${probe.repeat(Math.ceil((2 * maxCommandBytes) / probe.length))}`));
    await turn();
    expect(door.over || answer.test(door.said), door.said.slice(-300)).toBe(true);
    expect(door.said).toMatch(forms[protocol]);
    expect(door.defects).toEqual([]);
  } finally {
    await door.close();
  }
}

/** Sends input, then an endless line, which must not be kept. */
async function isBounded(protocol: Protocol, octets: Buffer): Promise<void> {
  const door = new FrontDoor(protocol);
  try {
    await door.send(octets);
    for (let count = 0; count < 64 && !door.over; count++) await door.send(Buffer.alloc(1024, 'x'));
    await turn();
    expect(door.over, door.said.slice(-300)).toBe(true);
    expect(door.waiting).toBeLessThan(64 * 1024);
    expect(door.defects).toEqual([]);
  } finally {
    await door.close();
  }
}

describe.each(['imap', 'pop3'] as const)('before the login, whatever an %s client sends', (protocol) => {
  const corpus = corpusOf(protocol);

  it.each(corpus)('$name: is answered, or the connection ends', async ({ octets }) => {
    await survives(protocol, octets);
    await survives(protocol, octets, 1);
    await survives(protocol, octets, 7);
  });

  it.each(corpus)('$name: an endless line behind it is not kept', ({ octets }) => isBounded(protocol, octets));

  it('mutations of all that are answered, or the connection ends', async () => {
    const entry = fc.constantFrom(...corpus.map(({ octets }) => octets.toString('latin1')));
    const noise = fc.oneof(
      entry,
      fc.string({ unit: fc.nat({ max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 12 }),
      fc.constantFrom('{5}', '{5+}', '{4000}', '"', '\\', '*', '=', '\r\n', '\n', '\r', '\0', ' '),
    );
    const spliced = fc
      .tuple(entry, noise, fc.nat(), fc.nat({ max: 20 }))
      .map(
        ([text, piece, at, cut]) =>
          text.slice(0, at % (text.length + 1)) + piece + text.slice((at + cut) % (text.length + 1)),
      );
    await fc.assert(
      fc.asyncProperty(spliced, fc.integer({ min: 1, max: 400 }), (text, pieceBytes) =>
        survives(protocol, Buffer.from(text, 'latin1'), pieceBytes),
      ),
      { numRuns: 300 },
    );
  });
});
