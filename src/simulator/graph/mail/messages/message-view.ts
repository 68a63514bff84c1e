import type { IncomingHttpRequest } from '../../../http/http-server.ts';
import { GraphFault } from '../../graph-error.ts';
import { type Described, internetMessageHeaders, propertiesOf } from './describe-message.ts';
import { wantsImmutableIds } from './item-ids.ts';
import { extendedProperty } from './property-values.ts';

/** The parts of messages that a request asks for. */
export interface MessageView {
  /** In lower case; undefined for everything. */
  readonly select: readonly string[] | undefined;
  /** Extended properties. */
  readonly expand: readonly string[];
  readonly immutableIds: boolean;
}

/** The view of messages that a request's query asks for. @throws GraphFault 400 */
export function viewOf(http: IncomingHttpRequest): (message: Described) => object {
  return shownBy(readView(http));
}

/** @throws GraphFault 400 */
export function readView(http: IncomingHttpRequest): MessageView {
  const query = http.url.searchParams;
  const select = query.get('$select')?.split(',');
  return {
    select: select?.map((property) => property.trim().toLowerCase()),
    expand: idsToExpand(query.get('$expand')),
    immutableIds: wantsImmutableIds(http),
  };
}

export function shownBy({ select, expand, immutableIds }: MessageView): (message: Described) => object {
  const selected = select && new Set(select);
  return (message) => {
    const shown = propertiesOf(message, immutableIds, selected);
    // Shown only if selected, and not for sent messages (github.com/microsoftgraph/microsoft-graph-docs, issues 2716
    // and 18761).
    if (selected?.has('internetmessageheaders') && message.folder.name !== 'Sent Items')
      shown.internetMessageHeaders = internetMessageHeaders(message);
    return { ...shown, ...expanded(message, expand) };
  };
}

/** `$expand=singleValueExtendedProperties($filter=id eq '…' or id eq '…')`. @throws GraphFault 400 */
function idsToExpand(expand: string | null): readonly string[] {
  if (expand === null) return [];
  const filter = /^singleValueExtendedProperties\(\$filter=(.*)\)$/i.exec(expand.trim())?.[1];
  const ids = [...(filter ?? '').matchAll(/\bid eq '((?:[^']|'')*)'/gi)].map(([, id = '']) => id.replaceAll("''", "'"));
  if (ids.length > 0) return ids;
  throw new GraphFault(400, 'ErrorInvalidUrlQuery', `Cannot expand '${expand}'.`);
}

function expanded(message: Described, ids: readonly string[]): object {
  const found = ids.flatMap((id) => {
    const value = extendedProperty(message, id);
    return value === undefined ? [] : [{ id, value }];
  });
  return found.length === 0 ? {} : { singleValueExtendedProperties: found };
}
