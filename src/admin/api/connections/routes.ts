import { z } from 'zod';
import { notFound } from '../../server/refusal.ts';
import { type ApiRoute, apiRoute, ok } from '../route.ts';
import {
  type CheckRun,
  type ConnectionDetail,
  type ConnectionScript,
  checkSchema,
  connectionDetailSchema,
  connectionName,
  deviceCodeSchema,
  exchangeScriptSchema,
  type SignInStatus,
  signInSchema,
  type ToldDeviceCode,
} from './schemas.ts';

/** The connections to Microsoft. */
export interface ConnectionsPort {
  all(): Promise<readonly ConnectionDetail[]>;
  has(name: string): boolean;
  /**
   * Starts a check, or joins the same one under way.
   * @param mailbox to try, for accounts with `*@domain`
   * @returns its id
   * @throws BridgeError if too many run, and for a mailbox that no account reaches
   */
  startCheck(name: string, mailbox: string | undefined): string;
  check(run: string): CheckRun | undefined;
  /**
   * Requests a code from Microsoft with which a person signs in.
   * @param person.replace another person than before may sign in
   * @param person.mailbox the owner of the sign-in, for a connection with a sign-in for each mailbox
   * @throws BridgeError if nobody signs in for the connection, or Microsoft issues no code
   */
  startSignIn(
    name: string,
    person: { readonly replace: boolean; readonly mailbox?: string | undefined },
  ): Promise<ToldDeviceCode>;
  signIn(id: string): SignInStatus | undefined;
  /**
   * The PowerShell script for an Exchange administrator.
   * @param user who signs in; undefined: the person who has signed in, if known
   * @throws BridgeError if the app is not registered, or no account reaches the mailbox of that name
   */
  exchangeScript(name: string, user: string | undefined): Promise<ConnectionScript>;
  /**
   * Links for an administrator of the tenant, one for each service. @throws BridgeError if there is nothing to consent
   * to
   */
  consentLinks(name: string): readonly string[];
}

const longestAddress = 320;
const params = z.strictObject({ name: connectionName() });
const runParams = z.strictObject({ id: z.string().regex(/^[\w-]{1,64}$/) });

/** Viewing connections, checking them, signing in for them. */
export function connectionRoutes(connections: ConnectionsPort): ApiRoute[] {
  const known = (name: string) => (connections.has(name) ? name : notFound(`There is no connection "${name}".`));
  return [
    apiRoute({
      method: 'GET',
      path: '/connections',
      summary: 'Connections to Microsoft.',
      access: 'view',
      answers: { 200: { description: 'All connections.', schema: z.array(connectionDetailSchema) } },
      run: async () => ok(await connections.all()),
    }),
    ...checkRoutes(connections, known),
    ...signInRoutes(connections, known),
    apiRoute({
      method: 'GET',
      path: '/connections/{name}/exchange-script',
      summary: 'The PowerShell that an Exchange administrator runs for a connection.',
      access: 'operate',
      params,
      query: z.strictObject({ user: z.email().max(longestAddress).optional() }),
      answers: { 200: { description: 'The script, or what is missing for it.', schema: exchangeScriptSchema } },
      run: async ({ params: { name }, query: { user } }) => ok(await connections.exchangeScript(known(name), user)),
    }),
    apiRoute({
      method: 'GET',
      path: '/connections/{name}/consent',
      summary: "The link for an administrator's consent.",
      access: 'operate',
      params,
      answers: {
        200: {
          description: 'The links: one for each service; `url` is the first.',
          schema: z.strictObject({ url: z.string(), urls: z.array(z.string()) }),
        },
      },
      run({ params: { name } }) {
        const urls = connections.consentLinks(known(name));
        return ok({ url: urls[0], urls });
      },
    }),
  ];
}

function checkRoutes(connections: ConnectionsPort, known: (name: string) => string): ApiRoute[] {
  return [
    apiRoute({
      method: 'POST',
      path: '/connections/{name}/check',
      summary: 'Check every hop of a connection; GET /checks/{id} and the events report progress.',
      access: 'operate',
      audit: 'connections.check',
      params,
      body: z.strictObject({
        mailbox: z
          .email()
          .max(longestAddress)
          .optional()
          .meta({ description: 'A mailbox to check among those that accounts have as `*@domain`.' }),
      }),
      answers: { 202: { description: 'Started.', schema: z.strictObject({ run: z.string() }) } },
      run({ params: { name }, body: { mailbox }, note }) {
        if (mailbox !== undefined) note({ mailbox });
        return { status: 202, body: { run: connections.startCheck(known(name), mailbox) } };
      },
    }),
    apiRoute({
      method: 'GET',
      path: '/checks/{id}',
      summary: 'The progress of a check.',
      access: 'view',
      params: runParams,
      answers: {
        200: { description: 'The hops so far.', schema: checkSchema },
      },
      run: ({ params: { id } }) => ok(connections.check(id) ?? notFound('This check no longer exists.')),
    }),
  ];
}

function signInRoutes(connections: ConnectionsPort, known: (name: string) => string): ApiRoute[] {
  return [
    apiRoute({
      method: 'POST',
      path: '/connections/{name}/sign-in',
      summary: 'Start a sign-in by device code.',
      access: 'operate',
      audit: 'connections.sign-in',
      params,
      body: z.strictObject({
        replace: z.boolean().default(false).meta({ description: 'Allow a different person than before to sign in.' }),
        mailbox: z
          .email()
          .max(longestAddress)
          .optional()
          .meta({ description: 'The mailbox that signs in, for a connection where each mailbox has its own sign-in.' }),
      }),
      answers: { 202: { description: 'The code to enter, and where.', schema: deviceCodeSchema } },
      async run({ params: { name }, body: { replace, mailbox }, note }) {
        if (mailbox !== undefined) note({ mailbox });
        return { status: 202, body: await connections.startSignIn(known(name), { replace, mailbox }) };
      },
    }),
    apiRoute({
      method: 'GET',
      path: '/sign-ins/{id}',
      summary: 'The progress of a sign-in.',
      access: 'view',
      params: runParams,
      answers: { 200: { description: 'The sign-in.', schema: signInSchema } },
      run: ({ params: { id } }) => ok(connections.signIn(id) ?? notFound('This sign-in no longer exists.')),
    }),
  ];
}
