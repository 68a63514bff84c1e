import { expect, test } from 'vitest';
import { type Graph, graph, immutable, type Page, pathOf, reports, round } from './graph-mail.ts';
import { message, microsoft365 } from './harness.ts';

const messages = 100_000;
const day = Date.UTC(2026, 0, 1);

/** A folder of 100,000 messages; counts how often a complete message is made. */
async function large() {
  const m365 = await microsoft365();
  const app = await graph(m365);
  const made = { contents: 0, headers: 0 };
  for (let n = 0; n < messages; n++) {
    const header = () => {
      made.headers++;
      return Buffer.from(message({ From: 'a@b.example', Subject: `Message ${n}`, 'Message-ID': `<${n}@x>` }, ''));
    };
    const content = () => {
      made.contents++;
      return Buffer.concat([header(), Buffer.from('Hello.\r\n')]);
    };
    m365.directory.deliver(reports, 'INBOX', content, { internalDate: new Date(day + n * 1000), header, size: 120 });
  }
  return { m365, app, made };
}

async function milliseconds(work: () => Promise<unknown>) {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** A page takes about 10 ms on an idle machine; if its cost grew with the folder, it would take hundreds. */
const quick = 120;

/** The quickest of a few runs, to ignore other load on the machine. */
async function quickest(work: () => Promise<unknown>, times = 5) {
  let best = Number.POSITIVE_INFINITY;
  for (let n = 0; n < times; n++) best = Math.min(best, await milliseconds(work));
  return best;
}

const select = '$select=id,changeKey,isRead,isDraft,flag,categories,receivedDateTime,lastModifiedDateTime';

async function firstRound(app: Graph) {
  const prefer = { Prefer: 'IdType="ImmutableId", odata.maxpagesize=500' };
  const pages: number[] = [];
  let at = `/mailFolders/inbox/messages/delta?${select}`;
  for (let seen = 0; ; ) {
    let page: Page<object> | undefined;
    pages.push(
      await milliseconds(async () => {
        page = await app.json<Page<object>>('GET', at, undefined, prefer);
      }),
    );
    seen += page?.value.length ?? 0;
    const link = page?.['@odata.nextLink'];
    if (link === undefined) return { seen, pages, next: pathOf(page?.['@odata.deltaLink'] ?? '') };
    at = pathOf(link);
  }
}

test('a page of a large folder costs a page, a round of changes what has changed, and no contents are made', async () => {
  const { m365, app, made } = await large();
  const { seen, pages, next } = await firstRound(app);
  expect([seen, pages.length]).toEqual([messages, messages / 500]);
  expect(pages.sort((a, b) => a - b)[100]).toBeLessThan(quick);
  expect(made).toEqual({ contents: 0, headers: 0 });
  const top = '/mailFolders/inbox/messages?$top=500&$select=id,subject';
  expect(await quickest(() => app.json('GET', top, undefined, immutable))).toBeLessThan(quick);
  const skip = `${top}&$skip=90000`;
  expect(await quickest(() => app.json('GET', skip, undefined, immutable))).toBeLessThan(quick);
  const counted = await app.json<Page<object>>('GET', `${top}&$count=true`);
  expect(counted['@odata.count']).toBe(messages);
  m365.directory.remove(reports, 'INBOX', 5);
  m365.directory.replaceFlags(reports, 'INBOX', 6, ['\\Seen']);
  expect((await round(app, next)).value).toHaveLength(2);
  expect(await quickest(() => app.json('GET', next, undefined, immutable))).toBeLessThan(quick);
  expect(await app.json('GET', '/mailFolders/inbox?$select=totalItemCount,unreadItemCount,sizeInBytes')).toMatchObject({
    totalItemCount: messages - 1,
    unreadItemCount: messages - 2,
    sizeInBytes: 120 * (messages - 1),
  });
  const since = new Date(Date.now() - 1).toISOString();
  m365.directory.replaceFlags(reports, 'INBOX', 7, ['\\Seen']);
  const changed = `/mailFolders/inbox/messages?$select=id&$filter=lastModifiedDateTime ge ${since}`;
  expect((await app.json<Page<object>>('GET', changed)).value.length).toBeGreaterThan(0);
  expect(await quickest(() => app.json('GET', changed))).toBeLessThan(2 * quick);
  expect(made.contents).toBe(0);
}, 60_000);

test('taking messages away one by one, with a look at the folder after each, is no work for the whole folder', async () => {
  const { m365, app } = await large();
  const top = '/mailFolders/inbox/messages?$top=10&$select=id';
  const take = async () => {
    const { value } = await app.json<Page<{ id: string }>>('GET', top, undefined, immutable);
    await app.request('DELETE', `/messages/${value[0]!.id}`);
  };
  expect(await quickest(take, 50)).toBeLessThan(quick / 4);
  expect(m365.directory.messages(reports, 'INBOX')).toHaveLength(messages - 50);
  m365.directory.deliver(reports, 'INBOX', Buffer.from('Subject: old\r\n\r\n'), { internalDate: new Date(day - 1) });
  const oldest = await app.json<Page<object>>('GET', '/mailFolders/inbox/messages?$orderby=receivedDateTime&$top=2');
  expect(oldest.value).toMatchObject([{ subject: 'old' }, { subject: 'Message 0' }]);
}, 60_000);
