import { z } from 'zod';
import { isLoopback } from '../../../base/sockets/loopback.ts';
import type { ConnectInvitation, ConnectPort } from '../../connect/port.ts';
import { type ApiRoute, apiRoute, noContent, ok } from '../route.ts';
import { moment } from '../schemas.ts';
import { originOf } from './origin.ts';

const invitationSchema = z.strictObject({
  id: z.string(),
  address: z.string().meta({ description: 'The mailbox; the invitation works for no other.' }),
  madeBy: z.string(),
  madeAt: moment(),
  expiresAt: moment(),
  usedAt: moment().nullable().meta({ description: 'When the mailbox was connected with it; null: not yet.' }),
});
export type ToldInvitation = z.infer<typeof invitationSchema>;

const invitationsSchema = z.strictObject({
  url: z.string().meta({ description: 'Where people connect their mailboxes.' }),
  domains: z.array(z.string()).meta({ description: 'Mailboxes in these domains need no invitation.' }),
  invitations: z.array(invitationSchema),
});
export type ToldInvitations = z.infer<typeof invitationsSchema>;

const invitedSchema = invitationSchema.extend({
  url: z.string().meta({ description: 'The link to send; returned only here.' }),
  warning: z
    .string()
    .nullable()
    .meta({ description: 'Why other machines cannot reach the link; null: no known reason.' }),
});
export type ToldInvited = z.infer<typeof invitedSchema>;

const longestAddress = 320;
const params = z.strictObject({ id: z.string().regex(/^[0-9a-f]{12}$/) });

/** Invitations to `/connect`: made, listed, revoked by an administrator. */
export function invitationRoutes(connect: ConnectPort): ApiRoute[] {
  return [
    apiRoute({
      method: 'GET',
      path: '/connect/invitations',
      summary: 'Invitations, newest first. Used and expired ones are listed for thirty days.',
      access: 'view',
      answers: { 200: { description: 'The invitations.', schema: invitationsSchema } },
      async run({ request }) {
        const url = new URL('/connect', originOf(connect, request)).href;
        const invitations = (await connect.invitations()).map(toldInvitation);
        return ok({ url, domains: connect.domains, invitations });
      },
    }),
    apiRoute({
      method: 'POST',
      path: '/connect/invitations',
      summary: 'Invite somebody, including from a domain that is not listed. An invitation works once.',
      access: 'operate',
      audit: 'connect-invite',
      body: z.strictObject({ address: z.email().max(longestAddress), days: z.int().min(1).max(90).default(7) }),
      answers: { 201: { description: 'The invitation, with its link.', schema: invitedSchema } },
      async run({ body: { address, days }, request, caller, note }) {
        note({ address });
        const { invitation, token } = await connect.invite(address, days, caller?.user ?? '');
        note({ invitation: invitation.id, expiresAt: invitation.expiresAt });
        const origin = originOf(connect, request);
        const warning = connect.publicUrl === undefined ? linkWarning(new URL(origin).hostname) : null;
        return {
          status: 201,
          body: { ...toldInvitation(invitation), url: invitationLink(origin, token), warning },
        };
      },
    }),
    apiRoute({
      method: 'DELETE',
      path: '/connect/invitations/{id}',
      summary: 'Revoke an invitation. A mailbox connected with it stays connected.',
      access: 'operate',
      audit: 'connect-revoke',
      params,
      answers: { 204: { description: 'Revoked.' } },
      async run({ params: { id }, note }) {
        note({ address: (await connect.revoke(id)).address });
        return noContent;
      },
    }),
  ];
}

/** The link to send to somebody. @param token created with the invitation */
export function invitationLink(origin: string, token: string): string {
  const url = new URL('/connect', origin);
  // The part after # appears in no server log.
  url.hash = `invitation=${token}`;
  return url.href;
}

/** What the sender of a link has to know; null: nothing. @param host of the link, which nobody has configured */
export function linkWarning(host: string): string | null {
  if (!isLoopback(host.replace(/^\[|\]$/g, ''))) return null;
  return 'Only this machine reaches the link: set admin.publicUrl to where people reach the pages.';
}

function toldInvitation(invitation: ConnectInvitation): ToldInvitation {
  return { ...invitation, usedAt: invitation.usedAt ?? null };
}
