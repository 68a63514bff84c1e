import type { HeaderBlock } from './fields.ts';

/** Returns the Message-ID in a header, with its angle brackets; undefined if there is no usable one. */
export function messageIdOf(header: Pick<HeaderBlock, 'get'>): string | undefined {
  return /<[^<>\s]+>/.exec(header.get('Message-ID') ?? '')?.[0];
}
