import { GraphUnansweredError } from '../../../graph/client/error.ts';
import type { GraphMarks } from '../flags.ts';

/* The parts of Graph resources that are read here. Any property may be absent. */

export interface GraphAddress {
  readonly emailAddress?: { readonly name?: string; readonly address?: string };
}

/** Microsoft: "message resource type". */
export interface GraphMessage extends GraphMarks {
  readonly id?: string;
  readonly '@odata.etag'?: string;
  readonly '@removed'?: { readonly reason?: string };
  readonly changeKey?: string;
  readonly parentFolderId?: string;
  readonly receivedDateTime?: string;
  readonly createdDateTime?: string;
  readonly lastModifiedDateTime?: string;
  readonly sentDateTime?: string;
  readonly internetMessageId?: string;
  readonly subject?: string;
  readonly from?: GraphAddress;
  readonly sender?: GraphAddress;
  readonly replyTo?: readonly GraphAddress[];
  readonly toRecipients?: readonly GraphAddress[];
  readonly ccRecipients?: readonly GraphAddress[];
  readonly bccRecipients?: readonly GraphAddress[];
  readonly singleValueExtendedProperties?: readonly { readonly id?: string; readonly value?: string }[];
}

/** Microsoft: "mailFolder resource type". */
export interface GraphFolder {
  readonly id?: string;
  readonly '@removed'?: unknown;
  readonly displayName?: string;
  readonly parentFolderId?: string;
  readonly totalItemCount?: number;
  readonly unreadItemCount?: number;
}

/** A page of a collection. */
export interface GraphPage<Item> {
  readonly value: readonly Item[];
  readonly nextLink: string | undefined;
  readonly deltaLink: string | undefined;
}

export function pageOf<Item>(json: unknown): GraphPage<Item> {
  const page = json as { value?: readonly Item[]; '@odata.nextLink'?: string; '@odata.deltaLink'?: string };
  // Anything that is not a page must not be mistaken for an empty page.
  if (!Array.isArray(page?.value)) throw new GraphUnansweredError(false, new Error('The answer is no page of a list.'));
  return { value: page.value, nextLink: page['@odata.nextLink'], deltaLink: page['@odata.deltaLink'] };
}
