import type { HttpAnswer, IncomingHttpRequest } from '../../http/http-server.ts';
import { GraphFault } from '../graph-error.ts';

type Properties = Readonly<Record<string, unknown>>;

const knownOptions = ['$select', '$filter'];

/** One object, with `$select`. */
export function entity(request: IncomingHttpRequest, set: string, object: Properties, status = 200): HttpAnswer {
  const context = `${metadataUrl(request)}#${set}/$entity`;
  return { status, body: { '@odata.context': context, ...selected(request, object) } };
}

/** A collection, with `$select` and filters such as `appId eq '…' and displayName eq '…'`. */
export function collection(request: IncomingHttpRequest, set: string, objects: readonly Properties[]): HttpAnswer {
  const wanted = filterOf(request);
  const value = objects
    .filter((object) => wanted.every(([property, text]) => sameText(object[property], text)))
    .map((object) => selected(request, object));
  return { status: 200, body: { '@odata.context': `${metadataUrl(request)}#${set}`, value } };
}

function metadataUrl({ headers }: IncomingHttpRequest): string {
  return `https://${headers.host ?? 'graph.microsoft.com'}/v1.0/$metadata`;
}

/** Directory strings are compared case-insensitively. */
function sameText(value: unknown, text: string): boolean {
  return typeof value === 'string' && value.toLowerCase() === text.toLowerCase();
}

/** @throws GraphFault 400 for an unsupported query */
function filterOf({ url }: IncomingHttpRequest): readonly (readonly [property: string, value: string])[] {
  for (const name of url.searchParams.keys()) {
    if (name.startsWith('$') && !knownOptions.includes(name)) throw unsupported(`The query option '${name}'`);
  }
  const filter = url.searchParams.get('$filter');
  if (filter === null) return [];
  const comparison = /\s*(\w+) eq '((?:[^']|'')*)'\s*(and\s|$)/y;
  const found: [string, string][] = [];
  while (comparison.lastIndex < filter.length) {
    const match = comparison.exec(filter);
    if (!match) throw unsupported(`The filter "${filter}"`);
    found.push([match[1] ?? '', (match[2] ?? '').replaceAll("''", "'")]);
  }
  return found;
}

function unsupported(what: string): GraphFault {
  return new GraphFault(400, 'Request_UnsupportedQuery', `${what} is not supported.`);
}

/** @throws GraphFault 400 for an unknown property */
function selected({ url }: IncomingHttpRequest, object: Properties): Properties {
  const select = url.searchParams.get('$select');
  if (select === null) return object;
  const names = select.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !(name in object));
  if (unknown !== undefined) {
    throw new GraphFault(400, 'BadRequest', `Could not find a property named '${unknown}'.`);
  }
  return Object.fromEntries(names.map((name) => [name, object[name]]));
}
