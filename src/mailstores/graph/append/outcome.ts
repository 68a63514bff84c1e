import { GraphError, GraphTokenError, GraphUnansweredError } from '../../../graph/client/error.ts';
import { MailStoreError } from '../../../mailbox/mail-store.ts';
import type { RemoteMail } from '../remote/mail.ts';
import type { RequestOptions } from '../remote/requests.ts';

/** The property that finds a message again after an unknown outcome. It is not a header field. */
const markerProperty = 'String {3f0e1b64-7a55-4c0d-8d0e-52c4f9a6b1d7} Name MailbridgeAppend';

/** Returns the marker as a property of a message. */
export function markerOf(value: string): { readonly id: string; readonly value: string } {
  return { id: markerProperty, value };
}

/** Answers of a gateway whose server may still have carried out the request. */
const maybeDone = new Set([500, 502, 504]);

/** Tells whether certainly nothing was stored. */
export function isRefusal(error: unknown): boolean {
  if (error instanceof MailStoreError || error instanceof GraphTokenError) return true;
  if (error instanceof GraphError) return !maybeDone.has(error.status);
  return error instanceof GraphUnansweredError && !error.mayBeDone;
}

/** Returns the IDs of the messages in a folder that carry a marker. */
export function messagesMarked(
  mail: RemoteMail,
  folderId: string,
  marker: string,
  options: RequestOptions,
): Promise<readonly string[]> {
  const { id, value } = markerOf(marker);
  const filter = `singleValueExtendedProperties/Any(ep: ep/id eq '${id}' and ep/value eq '${value}')`;
  return mail.filtered(folderId, filter, options);
}

/** Storing failed, but the message may be there anyway. The cause is the error to report. */
export class UnsureOutcome extends Error {
  override readonly name = 'UnsureOutcome';
}

/**
 * Stores something that carries a marker, with a request that must not be repeated blindly: if its outcome is unknown,
 * looks for the marker, and stores again only if it is not found.
 * @returns its ID @throws UnsureOutcome; the failure of `store` if nothing is stored
 */
export async function storedOnce(
  place: { readonly mail: RemoteMail; readonly folderId: string },
  marker: string,
  store: () => Promise<string>,
  options: RequestOptions,
): Promise<string> {
  try {
    return await store();
  } catch (error) {
    if (isRefusal(error)) throw error;
    if (options.signal?.aborted) throw new UnsureOutcome('The client has gone.', { cause: error });
  }
  try {
    return await foundOrStored(place, marker, store, options);
  } catch (error) {
    throw new UnsureOutcome('Whether the message was stored is unknown.', { cause: error });
  }
}

async function foundOrStored(
  { mail, folderId }: { readonly mail: RemoteMail; readonly folderId: string },
  marker: string,
  store: () => Promise<string>,
  options: RequestOptions,
): Promise<string> {
  const find = () => messagesMarked(mail, folderId, marker, options);
  const [there] = await find();
  if (there !== undefined) return there;
  const id = await store();
  // The first request was slow, not lost.
  const late = (await find().catch(() => [])).filter((each) => each !== id);
  await mail.removeForGood(late);
  return id;
}
