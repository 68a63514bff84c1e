import { MailStoreError } from '../../mailbox/mail-store.ts';
import { command, type ImapContext } from '../command.ts';
import { subscribedNames } from '../list/lsub.ts';
import { type ListedName, listedNames } from '../list/matches.ts';
import { type ListRequest, parseListRequest } from '../list/options.ts';
import { tellStatus } from '../status/items.ts';
import { formatString } from '../wire/format.ts';

/** LIST (RFC 9051 section 6.3.9), with the attributes and options of RFC 3348, 5258, 5819 and 6154. */
export const list = command(
  (scanner) => parseListRequest(scanner, true),
  async (context, request) => {
    const { out, store } = context;
    const delimiter = formatString(store.delimiter);
    if (!request.extended && request.patterns[0] === '') {
      out.untagged(`LIST (\\Noselect) ${delimiter} ""`);
      return { text: 'LIST completed.' };
    }
    const names = await listedNames(await store.folders(), store.delimiter, request, context.presence.gone);
    for (const each of names) {
      const childInfo = each.childInfo ? ` ("CHILDINFO" (${childInfoOf(request)}))` : '';
      out.untagged(`LIST (${attributesOf(context, request, each)}) ${delimiter} ${out.mailbox(each.name)}${childInfo}`);
      if (request.tell.status.length > 0 && each.selectable && each.selected)
        await tellStatusOf(context, each, request);
      await out.drained();
      context.presence.gone.throwIfAborted();
    }
    return { text: 'LIST completed.' };
  },
);

/** LSUB (RFC 3501 section 6.3.9). */
export const lsub = command(
  (scanner) => parseListRequest(scanner, false),
  async ({ out, store }, { reference, patterns: [pattern = ''] }) => {
    const delimiter = formatString(store.delimiter);
    if (pattern === '') out.untagged(`LSUB (\\Noselect) ${delimiter} ""`);
    const folders = pattern === '' ? [] : await store.folders();
    const parents = new Set(folders.map(({ name }) => name.slice(0, name.lastIndexOf(store.delimiter))));
    for (const { name, parentOnly } of subscribedNames(folders, store.delimiter, reference + pattern)) {
      const children = parents.has(name) ? '\\HasChildren' : '\\HasNoChildren';
      out.untagged(`LSUB (${parentOnly ? '\\Noselect' : children}) ${delimiter} ${out.mailbox(name)}`);
      await out.drained();
    }
    return { text: 'LSUB completed.' };
  },
);

function attributesOf(context: ImapContext, { extended, select, tell }: ListRequest, name: ListedName): string {
  const attributes = [name.hasChildren ? '\\HasChildren' : '\\HasNoChildren'];
  if (!name.exists) attributes.push(extended || context.enabled.rev2 ? '\\NonExistent' : '\\Noselect');
  else if (!name.selectable) attributes.push('\\Noselect');
  if ((select.subscribed || tell.subscribed) && name.subscribed) attributes.push('\\Subscribed');
  const tellsUse = select.specialUse || tell.specialUse || (!extended && context.announces('SPECIAL-USE'));
  if (tellsUse && name.specialUse !== undefined) attributes.push(name.specialUse);
  return attributes.join(' ');
}

function childInfoOf({ select }: ListRequest): string {
  return [...(select.subscribed ? ['"SUBSCRIBED"'] : []), ...(select.specialUse ? ['"SPECIAL-USE"'] : [])].join(' ');
}

/** RFC 5819 section 2: a folder whose status is not available is listed nevertheless. */
async function tellStatusOf(context: ImapContext, { name }: ListedName, { tell }: ListRequest): Promise<void> {
  try {
    await tellStatus(context, name, tell.status);
  } catch (error) {
    if (!(error instanceof MailStoreError)) throw error;
  }
}
