import { z } from 'zod';
import { moment } from '../schemas.ts';

/** The state of a connection. `unknown`: nothing has asked Microsoft yet. */
export const connectionStates = ['ok', 'degraded', 'sign-in-needed', 'unknown'] as const;

/** Something that expires and has to be renewed before. */
const expirySchema = z.strictObject({
  what: z.enum(['client secret', 'certificate', 'sign-in']),
  at: moment().nullable().meta({ description: 'null: unknown to this instance.' }),
});

/** The health of a connection. */
export const connectionStatusSchema = z.strictObject({
  name: z.string(),
  grant: z.string(),
  state: z.enum(connectionStates),
  since: moment().optional(),
  code: z.string().optional(),
  text: z.string().optional(),
  remedy: z.string().optional(),
  expires: z.array(expirySchema),
});
export type ConnectionStatus = z.infer<typeof connectionStatusSchema>;

const accountTroubleSchema = z.strictObject({
  username: z.string(),
  state: z.string(),
  text: z.string(),
  remedy: z.string().optional(),
});

export const alertSchema = z.strictObject({
  id: z.string(),
  code: z.string(),
  severity: z.enum(['warning', 'error']),
  since: moment(),
  text: z.string(),
  remedy: z.string().optional(),
});
export type ToldAlert = z.infer<typeof alertSchema>;

const queueFactsSchema = z.strictObject({
  queued: z.int(),
  held: z.int(),
  failed: z.int(),
  quarantined: z.int(),
  deliveredLastDay: z.int(),
  oldestQueuedAt: moment().nullable(),
});
export type QueueOverview = z.infer<typeof queueFactsSchema>;

/** Everything on the first page. */
export const overviewSchema = z.strictObject({
  version: z.string(),
  instance: z.string(),
  startedAt: moment(),
  ready: z.strictObject({
    ready: z.boolean(),
    reasons: z.array(z.strictObject({ code: z.string(), text: z.string() })),
  }),
  connections: z.array(connectionStatusSchema),
  accounts: z.strictObject({ total: z.int(), trouble: z.array(accountTroubleSchema).max(100) }),
  queue: queueFactsSchema,
  clients: z.strictObject({ smtp: z.int(), imap: z.int(), pop3: z.int() }),
  alerts: z.array(alertSchema),
});
export type Overview = z.infer<typeof overviewSchema>;
