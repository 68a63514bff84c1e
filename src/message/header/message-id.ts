import type { HeaderBlock } from './fields.ts';

/** The Message-ID in a header, with its angle brackets; undefined where there is none to go by. */
export function messageIdOf(header: Pick<HeaderBlock, 'get'>): string | undefined {
  return /<[^<>\s]+>/.exec(header.get('Message-ID') ?? '')?.[0];
}
