import type { IncomingHttpRequest } from '../../http/http-server.ts';
import { GraphFault } from '../graph-error.ts';

const mostOnAPage = 1000;

/** Number of entries per page: `$top` or `Prefer: odata.maxpagesize`, whichever is less. @throws GraphFault 400 */
export function pageSizeOf(http: IncomingHttpRequest, otherwise = 10): number {
  const top = http.url.searchParams.get('$top');
  const preferred = /\bodata\.maxpagesize\s*=\s*"?(\d+)/i.exec(String(http.headers.prefer ?? ''))?.[1];
  if (top === null) return preferred === undefined ? otherwise : Math.min(Math.max(Number(preferred), 1), mostOnAPage);
  return Math.min(countOf(top, mostOnAPage), preferred === undefined ? mostOnAPage : Number(preferred));
}

/** Number of entries to skip: `$skip`, or the value in the page's link. @throws GraphFault 400 */
export function skippedBy(http: IncomingHttpRequest): number {
  const query = http.url.searchParams;
  const token = query.get('$skiptoken');
  const skip = token === null ? query.get('$skip') : String(readToken<{ skip: number }>(token).skip);
  return skip === null ? 0 : countOf(skip, Number.MAX_SAFE_INTEGER);
}

/** The link to the entries after the first `skip`. */
export function nextLink(http: IncomingHttpRequest, skip: number): string {
  const next = linkTo(http);
  for (const [name, value] of http.url.searchParams) if (!/^\$skip/i.test(name)) next.searchParams.append(name, value);
  next.searchParams.set('$skiptoken', tokenOf({ skip }));
  return hrefOf(next);
}

/** The request's own URL, without a query. */
export function linkTo({ url, headers }: IncomingHttpRequest): URL {
  return new URL(url.pathname, `https://${headers.host}`);
}

/** A URL as Graph writes it, with unencoded option names. */
export function hrefOf(link: URL): string {
  return link.href.replaceAll('%24', '$');
}

/** State that the client passes back as an opaque token. */
export function tokenOf(state: object): string {
  return Buffer.from(JSON.stringify(state)).toString('base64url');
}

/** @throws GraphFault 400 for anything that {@link tokenOf} did not make */
export function readToken<T extends object>(token: string): T {
  try {
    const state: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    if (typeof state === 'object' && state !== null) return state as T;
  } catch {
    // Reported below.
  }
  throw new GraphFault(400, 'BadRequest', 'Badly formed token.');
}

function countOf(text: string, most: number): number {
  const count = Number(text);
  if (text !== '' && Number.isInteger(count) && count >= 0 && count <= most) return count;
  throw new GraphFault(400, 'ErrorInvalidUrlQuery', `Invalid value '${text}' for a paging option.`);
}
