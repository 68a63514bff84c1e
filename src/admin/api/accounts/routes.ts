import { z } from 'zod';
import { notFound } from '../../server/refusal.ts';
import { type ApiRoute, apiRoute, noContent, ok } from '../route.ts';
import {
  type AccountDetail,
  type AccountPage,
  type AccountQuery,
  accountDetailSchema,
  accountPageSchema,
  accountQuerySchema,
  appPasswordName,
  loginName,
} from './schemas.ts';

/** The accounts of the configuration. */
export interface AccountsPort {
  /** By username. */
  page(query: AccountQuery): Promise<AccountPage>;
  /** @param name the username, or a person of an account for many. Undefined: there is none */
  get(name: string): Promise<AccountDetail | undefined>;
  /** @returns the password, which is not stored. @throws BridgeError `login-unknown`, `app-password-exists` */
  addAppPassword(name: string, what: string): Promise<{ readonly id: string; readonly password: string }>;
  /** @throws BridgeError `app-password-unknown` */
  removeAppPassword(name: string, id: string): Promise<void>;
  /** Queues a test message. @returns its queue id. @throws BridgeError if the account may not send */
  sendTest(name: string, to: string): Promise<string>;
}

const params = z.strictObject({ name: loginName() });
const address = z
  .string()
  .max(320)
  .regex(/^[^\s@<>",;:()[\]\\]+@[^\s@<>",;:()[\]\\]+$/, { error: 'must be an address' });

/** Viewing accounts, their app passwords, a test message. */
export function accountRoutes(accounts: AccountsPort): ApiRoute[] {
  return [
    apiRoute({
      method: 'GET',
      path: '/accounts',
      summary: 'Accounts, by username.',
      access: 'view',
      query: accountQuerySchema,
      answers: { 200: { description: 'A page of accounts.', schema: accountPageSchema } },
      run: async ({ query }) => ok(await accounts.page(query)),
    }),
    apiRoute({
      method: 'GET',
      path: '/accounts/{name}',
      summary: 'An account: the settings for mail programs, and its app passwords.',
      access: 'view',
      params,
      answers: { 200: { description: 'The account.', schema: accountDetailSchema } },
      run: async ({ params: { name } }) => ok((await accounts.get(name)) ?? notFound(`There is no account "${name}".`)),
    }),
    apiRoute({
      method: 'POST',
      path: '/accounts/{name}/app-passwords',
      summary: 'Create an app password; it is returned only here.',
      access: 'operate',
      audit: 'app-passwords.add',
      params,
      body: z.strictObject({ name: appPasswordName() }),
      answers: {
        201: { description: 'The password.', schema: z.strictObject({ id: z.string(), password: z.string() }) },
      },
      async run({ params: { name }, body, note }) {
        note({ appPassword: body.name });
        return { status: 201, body: await accounts.addAppPassword(name, body.name) };
      },
    }),
    ...changingRoutes(accounts),
  ];
}

function changingRoutes(accounts: AccountsPort): ApiRoute[] {
  return [
    apiRoute({
      method: 'DELETE',
      path: '/accounts/{name}/app-passwords/{id}',
      summary: 'Revoke an app password.',
      access: 'operate',
      audit: 'app-passwords.remove',
      params: params.extend({ id: z.string().min(1).max(256) }),
      answers: { 204: { description: 'Revoked.' } },
      async run({ params: { name, id } }) {
        await accounts.removeAppPassword(name, id);
        return noContent;
      },
    }),
    apiRoute({
      method: 'POST',
      path: '/accounts/{name}/test-message',
      summary: 'Queue a test message from the mailbox of the account.',
      access: 'operate',
      audit: 'accounts.test-message',
      params,
      body: z.strictObject({ to: address }),
      answers: { 201: { description: 'Queued.', schema: z.strictObject({ id: z.string() }) } },
      async run({ params: { name }, body: { to }, note }) {
        const id = await accounts.sendTest(name, to);
        note({ to, message: id });
        return { status: 201, body: { id } };
      },
    }),
  ];
}
