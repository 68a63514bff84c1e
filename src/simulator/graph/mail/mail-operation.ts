import type { GraphOperation } from '../../faults.ts';
import type { HttpAnswer } from '../../http/http-server.ts';
import type { MailRequest } from './mail-request.ts';

/** One operation on a mailbox: its path, the permissions that allow it, and what it does. */
export interface MailOperation {
  readonly name: GraphOperation;
  readonly method: string;
  /** After `/users/{id}` or `/me`. */
  readonly path: string;
  readonly permissions: readonly string[];
  perform(request: MailRequest, ...captures: readonly string[]): Promise<HttpAnswer> | HttpAnswer;
}

export const sending = ['Mail.Send', 'Mail.Send.Shared'];
export const writing = ['Mail.ReadWrite', 'Mail.ReadWrite.Shared'];
export const reading = ['Mail.Read', 'Mail.Read.Shared', ...writing];

/** The path of a message, with or without a folder. */
export const message = '(?:/mailFolders/[^/]+)?/messages/([^/]+)';

/** The path of an action or a function, with optional namespace and empty parentheses. */
export function action(name: string): string {
  return `/(?:microsoft\\.graph\\.)?${name}(?:\\(\\))?`;
}
