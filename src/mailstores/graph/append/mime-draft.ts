import { Base64Encoder, base64Length } from '../../../graph/client/base64-stream.ts';
import { messageIdOf } from '../../../message/header/message-id.ts';
import { headerStart } from '../../../message/message-start.ts';
import { isGone } from '../errors.ts';
import { messagePath, type RemoteMail } from '../remote/mail.ts';
import type { RequestOptions } from '../remote/requests.ts';
import type { GraphMessage } from '../remote/resources.ts';
import { isRefusal } from './outcome.ts';
import type { SpooledMessage } from './spool.ts';

/** Exchange reports creation times in whole seconds. */
const toleranceMs = 2_000;

/**
 * Creates a draft from MIME in Drafts (Microsoft: "Create message", MIME format). If the answer is lost, the draft that
 * the request may have made cannot be told from other drafts. The draft is therefore created again, and the other one
 * with the same Message-ID, created a moment earlier by Exchange's own clock, goes to Deleted Items.
 * @returns its ID
 */
export async function createdFromMime(
  mail: RemoteMail,
  message: Pick<SpooledMessage, 'open' | 'size'>,
  options: RequestOptions,
): Promise<string> {
  const body = {
    contentType: 'text/plain',
    octets: base64Length(message.size),
    open: () => message.open().pipe(new Base64Encoder(message.size)),
  };
  const create = async () => {
    const { createdDateTime, ...made } = ((await mail.requests.send('POST', '/messages', body, options)) ??
      {}) as GraphMessage;
    return { id: mail.idOf(made), createdMs: Date.parse(createdDateTime ?? '') };
  };
  const beganMs = performance.now();
  try {
    return (await create()).id;
  } catch (error) {
    options.signal?.throwIfAborted();
    if (isRefusal(error)) throw error;
  }
  const { id, createdMs } = await create();
  const sinceMs = createdMs - (performance.now() - beganMs) - toleranceMs;
  await removeTwin(mail, { message, id, sinceMs }, options).catch(() => {});
  return id;
}

interface Twin {
  readonly message: Pick<SpooledMessage, 'open'>;
  readonly id: string;
  /** Earliest creation time of the other draft, milliseconds since 1970 by Exchange's clock. */
  readonly sinceMs: number;
}

async function removeTwin(mail: RemoteMail, { message, id, sinceMs }: Twin, options: RequestOptions): Promise<void> {
  const messageId = messageIdOf(await headerStart(message.open()));
  if (messageId === undefined || Number.isNaN(sinceMs)) return;
  const sameId = `internetMessageId eq '${messageId.replaceAll("'", "''")}'`;
  const filter = `${sameId} and createdDateTime ge ${new Date(sinceMs).toISOString()}`;
  const twins = (await mail.filtered('drafts', filter, options)).filter((each) => each !== id);
  // If there are several, not all of them are ours.
  const [twin, another] = twins;
  if (twin !== undefined && another === undefined) {
    await mail.requests.send('DELETE', messagePath(twin), undefined, options);
  }
}

/** Moves a message. If the outcome is unknown, looks where the message is. @returns its ID */
export async function inFolder(
  mail: RemoteMail,
  id: string,
  destinationId: string,
  options: RequestOptions,
): Promise<string> {
  const move = async () =>
    mail.idOf(await mail.requests.send('POST', `${messagePath(id)}/move`, { destinationId }, options));
  try {
    return await move();
  } catch (error) {
    options.signal?.throwIfAborted();
    if (isRefusal(error) && !isGone(error)) throw error;
    const parents = await mail.parents([id], options);
    return parents.get(id) === destinationId ? id : await move();
  }
}
