import { z } from 'zod';
import { moment, searchText } from '../schemas.ts';

/** The username of an account, or the address of one of the people of an account for many. */
export const loginName = () => z.string().min(1).max(320);

/** An account in a list. */
export const accountSchema = z.strictObject({
  username: z.string(),
  kind: z.enum(['one', 'many']).meta({ description: '`many`: everybody at a domain logs in with it.' }),
  mailboxes: z.array(z.string()),
  send: z.array(z.string()).nullable().meta({ description: 'Couriers in order of preference; null: may not send.' }),
  read: z.string().nullable(),
  connection: z.string(),
  lastUse: moment()
    .nullable()
    .meta({ description: 'The last login since the bridge started, or the last use of an app password.' }),
  appPasswords: z.int(),
  state: z.string().meta({ description: '`ok`, or the state of its connection.' }),
});
export type ListedAccount = z.infer<typeof accountSchema>;

export const accountQuerySchema = z.strictObject({
  search: searchText().optional().meta({ description: 'Part of the username or of a mailbox.' }),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  after: loginName().optional().meta({ description: '`next` of the previous page.' }),
});
export type AccountQuery = z.output<typeof accountQuerySchema>;

export const accountPageSchema = z.strictObject({
  accounts: z.array(accountSchema),
  next: z.string().nullable(),
});
export type AccountPage = z.infer<typeof accountPageSchema>;

const serverSchema = z.strictObject({
  host: z.string(),
  port: z.int(),
  security: z.enum(['none', 'starttls', 'tls']),
  username: z.string(),
});
export type ClientServer = z.infer<typeof serverSchema>;

const appPasswordSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  createdAt: moment(),
  lastUsedAt: moment().nullable(),
});
export type ToldAppPassword = z.infer<typeof appPasswordSchema>;

/** Everything known about an account. */
export const accountDetailSchema = accountSchema.extend({
  text: z.string().optional().meta({ description: 'What is wrong with it.' }),
  remedy: z.string().optional(),
  settings: z.strictObject({
    smtp: serverSchema.optional(),
    imap: serverSchema.optional(),
    pop3: serverSchema.optional(),
  }),
  appPasswords: z.array(appPasswordSchema),
});
export type AccountDetail = z.infer<typeof accountDetailSchema>;

export const appPasswordName = () =>
  z
    .string()
    .transform((text) => text.normalize('NFC').trim())
    .refine((text) => text !== '' && text.length <= 64 && !/\p{Cc}/u.test(text), {
      error: 'must be 1 to 64 characters, without control characters',
    });
