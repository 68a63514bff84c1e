import { createHash } from 'node:crypto';

/** A file as a browser gets it. */
export interface PageFile {
  readonly type: string;
  readonly etag: string;
  readonly content: Buffer;
}

/** What the pages have, by extension. */
export const pageTypes: ReadonlyMap<string, string> = new Map(
  Object.entries({
    html: 'text/html; charset=utf-8',
    css: 'text/css; charset=utf-8',
    js: 'text/javascript; charset=utf-8',
    svg: 'image/svg+xml',
    png: 'image/png',
    ico: 'image/x-icon',
    woff2: 'font/woff2',
    webmanifest: 'application/manifest+json',
  }),
);

/** @param type of {@link pageTypes} */
export function pageFile(type: string, content: Buffer): PageFile {
  const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
  return { type, etag, content };
}
