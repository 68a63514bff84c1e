import type { HttpAnswer } from '../../http/http-server.ts';
import { type Tenant, userObjectId } from '../../tenant/tenant.ts';
import type { MailRequest } from '../mail/mail-request.ts';

/** A mailbox's Exchange id in Graph. */
export function mailboxIdOf(tenant: Tenant, mailbox: string): string {
  return `MBX:${userObjectId(mailbox)}@${tenant.id}`;
}

/** The user's id in a mailbox's id; undefined for another form or tenant. */
export function userIdIn(tenant: Tenant, mailboxId: string): string | undefined {
  const [, userId, tenantId] = /^MBX:([^@]+)@(.+)$/i.exec(mailboxId) ?? [];
  return tenantId === tenant.id ? userId : undefined;
}

/** `GET …/settings/exchange`. Learn, "userSettings: List exchange". */
export function exchangeSettings({ services, mailbox, http }: MailRequest): HttpAnswer {
  const context = `https://${http.headers.host}/v1.0/$metadata#users('${userObjectId(mailbox)}')/settings/exchange/$entity`;
  return {
    status: 200,
    body: { '@odata.context': context, primaryMailboxId: mailboxIdOf(services.tenant, mailbox) },
  };
}
