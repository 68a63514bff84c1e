import { z } from 'zod';
import { BridgeError } from '../../../base/errors.ts';
import type { AdminAccess } from '../../access/access.ts';
import { roles, signInMethods } from '../../access/role.ts';
import { type ApiRoute, apiRoute, noContent, ok } from '../route.ts';

/** What a page first has to know about the bridge. */
export interface InstanceFacts {
  readonly version: string;
  /** Its name among those that share a queue. */
  readonly instance: string;
  /** Whether there is a configuration that can send mail. */
  isSetUp(): boolean;
}

const sessionSchema = z.strictObject({
  user: z.string(),
  role: z.enum(roles),
  csrfToken: z.string().nullable().meta({ description: 'For X-CSRF-Token; null for requests with a bearer token.' }),
  version: z.string(),
  instance: z.string(),
  setUp: z.boolean(),
  signInBy: z.array(z.enum(signInMethods)),
});

const token = z.string().min(1).max(1024).meta({ description: 'As `mailbridge admin token` prints it.' });

/** Signing in and out. */
export function sessionRoutes(access: AdminAccess, facts: InstanceFacts): ApiRoute[] {
  return [
    apiRoute({
      method: 'POST',
      path: '/session',
      summary: 'Sign in with the admin token; the answer sets the cookie of the session.',
      access: 'open',
      audit: 'sign-in',
      body: z.strictObject({ token }),
      answers: { 204: { description: 'Signed in.' } },
      async run({ body, request, reply, note }) {
        const session = await access.signInByToken(body.token, request, reply);
        note({ user: session.user, role: session.role });
        return noContent;
      },
    }),
    apiRoute({
      method: 'GET',
      path: '/session',
      summary: 'Who is signed in, and facts about the bridge.',
      access: 'view',
      answers: { 200: { description: 'The session.', schema: sessionSchema } },
      run({ caller }) {
        if (caller === undefined) throw new BridgeError('admin-not-signed-in', 'Nobody is signed in.');
        const { user, role, session } = caller;
        const { version, instance } = facts;
        const csrfToken = session?.csrfToken ?? null;
        return ok({ user, role, csrfToken, version, instance, setUp: facts.isSetUp(), signInBy: access.signInBy });
      },
    }),
    apiRoute({
      method: 'DELETE',
      path: '/session',
      summary: 'Sign out.',
      access: 'view',
      audit: 'sign-out',
      answers: { 204: { description: 'Signed out.' } },
      run({ request, reply }) {
        access.signOut(request, reply);
        return noContent;
      },
    }),
  ];
}
