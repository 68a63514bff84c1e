import { Base64Encoder, base64Length } from '../../../graph/client/base64-stream.ts';
import { messageIdOf } from '../../../message/header/message-id.ts';
import { headerStart } from '../../../message/message-start.ts';
import { isGone } from '../errors.ts';
import { messagePath, type RemoteMail } from '../remote/mail.ts';
import type { RequestOptions } from '../remote/requests.ts';
import type { GraphMessage } from '../remote/resources.ts';
import { isRefusal } from './outcome.ts';
import type { SpooledMessage } from './spool.ts';

/** Exchange tells when a message was created in whole seconds. */
const toleranceMs = 2_000;

/**
 * Creates a draft of MIME in Drafts (Microsoft: "Create message", MIME format). What such a request made whose answer was
 * lost cannot be told from other drafts beforehand: the draft is created once more, and then the one with the same
 * Message-ID that the first request has created, a moment before by Exchange's own clock, goes to Deleted Items.
 * @returns its id
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
  /** The other was created no earlier, milliseconds since 1970 by Exchange's clock. */
  readonly sinceMs: number;
}

async function removeTwin(mail: RemoteMail, { message, id, sinceMs }: Twin, options: RequestOptions): Promise<void> {
  const messageId = messageIdOf(await headerStart(message.open()));
  if (messageId === undefined || Number.isNaN(sinceMs)) return;
  const sameId = `internetMessageId eq '${messageId.replaceAll("'", "''")}'`;
  const filter = `${sameId} and createdDateTime ge ${new Date(sinceMs).toISOString()}`;
  const twins = (await mail.filtered('drafts', filter, options)).filter((each) => each !== id);
  // More than one is not of our making alone.
  const [twin, another] = twins;
  if (twin !== undefined && another === undefined) {
    await mail.requests.send('DELETE', messagePath(twin), undefined, options);
  }
}

/** Moves a message. Where nobody knows whether it was moved, it is looked where it is. @returns its id */
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
