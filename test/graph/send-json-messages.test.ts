import fc from 'fast-check';
import PostalMime from 'postal-mime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPart } from '../../src/message/mime/reader.ts';
import { type Generated, generatedMessage } from '../message/mime-tree.ts';
import { faithful, type JsonWorld, jsonWorld, opener, sha256 } from './send-json-world.ts';

let world: JsonWorld;

beforeAll(async () => {
  world = await jsonWorld();
});

afterAll(() => world.close());

async function arrived(source: Buffer, maxRequestBytes: number) {
  world.drafts.sent.length = 0;
  world.drafts.log.length = 0;
  await world.send(source, { maxRequestBytes });
  return world.drafts.sent[0]!;
}

function expected({ attachments }: Generated) {
  return attachments.map(({ type, name, contentId, content, isInline }) => ({
    name,
    contentType: type,
    ...(contentId === undefined ? {} : { contentId }),
    isInline,
    octets: content.length,
    sha256: sha256(content),
  }));
}

interface Named {
  readonly sha256: string;
  readonly name: string | undefined;
}

const byDigest = (one: Named, other: Named) => `${one.sha256}${one.name}`.localeCompare(`${other.sha256}${other.name}`);

describe('Whatever a message is made of', () => {
  it('Graph gets its subject, its text, and every octet, name and type of its files', async () => {
    await fc.assert(
      fc.asyncProperty(generatedMessage, async (message) => {
        const { json, attachments } = await arrived(message.source, 3_500_000);
        expect(json).toMatchObject({ subject: message.subject, body: message.body });
        expect(attachments).toEqual(expected(message));
      }),
      { numRuns: 300 },
    );
  });

  it('so it does where the files are uploaded one by one', async () => {
    await fc.assert(
      fc.asyncProperty(generatedMessage, async (message) => {
        const { json, attachments } = await arrived(message.source, 0);
        expect(world.drafts.log[0]).toBe(message.attachments.length === 0 ? 'POST sendMail' : 'POST messages');
        expect(json).toMatchObject({ subject: message.subject, body: message.body });
        expect(attachments.toSorted(byDigest)).toEqual(expected(message).toSorted(byDigest));
      }),
      { numRuns: 100 },
    );
  });

  it('another parser finds the same in it', async () => {
    await fc.assert(
      fc.asyncProperty(generatedMessage, async ({ source }) => {
        const survey = await faithful(source);
        const parsed = await PostalMime.parse(source, { forceRfc822Attachments: true });
        const { contentType, content } = survey.body;
        const text = contentType === 'html' ? parsed.html : parsed.text;
        expect(withoutLineEnds(text ?? '')).toBe(withoutLineEnds(content));
        const found = survey.attachments.map(async ({ name, contentType: type, part }) => ({
          filename: name,
          mimeType: type,
          content: withoutLineEnds((await readPart(opener(source), part)).toString('latin1')),
        }));
        expect(await Promise.all(found)).toEqual(
          parsed.attachments.map(({ filename, mimeType, content: octets }) => ({
            filename,
            mimeType,
            content: withoutLineEnds(Buffer.from(octets as ArrayBuffer).toString('latin1')),
          })),
        );
      }),
      { numRuns: 200 },
    );
  });
});

/** It gives every line that is not base64 its own line end. */
function withoutLineEnds(text: string): string {
  return text.replace(/[\r\n]/g, '');
}
