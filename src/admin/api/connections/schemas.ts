import { z } from 'zod';
import { connectionStatusSchema } from '../overview/schemas.ts';
import { moment } from '../schemas.ts';

export const connectionName = () => z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);

/** A connection, with its permissions. */
export const connectionDetailSchema = connectionStatusSchema.extend({
  tenantId: z.string().nullable(),
  clientId: z.string().nullable(),
  signIns: z
    .enum(['one', 'each'])
    .nullable()
    .meta({ description: '`each`: each mailbox has its own sign-in. null: no sign-in.' }),
  cloud: z.string(),
  permissions: z.strictObject({
    needed: z.array(z.string()),
    granted: z.array(z.string()).nullable().meta({ description: 'According to its tokens; null: no token yet.' }),
    inExchange: z.array(z.string()).meta({
      description:
        'Permissions needed that no token shows, because roles in Exchange may grant them; a check tries them.',
    }),
  }),
  patterns: z
    .array(z.string())
    .meta({ description: 'Mailboxes that accounts have as `*@domain`. A check tries the one it is given.' }),
  usedBy: z.int().meta({ description: 'Number of accounts.' }),
});
export type ConnectionDetail = z.infer<typeof connectionDetailSchema>;

const hopSchema = z.strictObject({
  hop: z.string(),
  target: z.string(),
  state: z.enum(['running', 'ok', 'warning', 'failed', 'skipped']),
  text: z.string(),
  remedy: z.string().nullable(),
  code: z.string().nullable(),
  account: z.string().nullable(),
  ms: z.int(),
});
export type CheckedHop = z.infer<typeof hopSchema>;

/** A check of a connection, under way or done. */
export const checkSchema = z.strictObject({
  run: z.string(),
  connection: z.string(),
  startedAt: moment(),
  done: z.boolean(),
  ok: z.boolean().nullable().meta({ description: 'null: not done.' }),
  hops: z.array(hopSchema),
});
export type CheckRun = z.infer<typeof checkSchema>;

/** What a person has to see to sign in. */
export const deviceCodeSchema = z.strictObject({
  id: z.string(),
  userCode: z.string(),
  verificationUri: z.string(),
  expiresAt: moment(),
});
export type ToldDeviceCode = z.infer<typeof deviceCodeSchema>;

/** The state of a sign-in. */
export const signInSchema = z.strictObject({
  id: z.string(),
  connection: z.string(),
  state: z.enum(['waiting', 'done', 'failed']),
  expiresAt: moment(),
  username: z.string().optional(),
  granted: z.array(z.string()).optional(),
  missing: z.array(z.string()).optional(),
  error: z.strictObject({ code: z.string(), message: z.string(), remedy: z.string() }).optional(),
});
export type SignInStatus = z.infer<typeof signInSchema>;

/** The Exchange script of a connection. */
export const exchangeScriptSchema = z.strictObject({
  needsUser: z.boolean().meta({ description: 'It is unknown who signs in: request again with `user`.' }),
  user: z.string().nullable().meta({ description: 'The person who signs in, if there is one and it is known.' }),
  script: z
    .strictObject({ file: z.string(), text: z.string(), runs: z.array(z.string()) })
    .nullable()
    .meta({ description: 'null: Exchange needs no settings, or `needsUser`.' }),
});
export type ConnectionScript = z.infer<typeof exchangeScriptSchema>;
