import { createHash } from 'node:crypto';

/** A file as served to a browser. */
export interface PageFile {
  readonly type: string;
  readonly etag: string;
  readonly content: Buffer;
}

/** The content types of the pages, by extension. */
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

/** @param type one of {@link pageTypes} */
export function pageFile(type: string, content: Buffer): PageFile {
  const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
  return { type, etag, content };
}
