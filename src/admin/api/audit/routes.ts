import { z } from 'zod';
import type { AuditLog } from '../../access/audit-log.ts';
import { type ApiRoute, apiRoute, ok } from '../route.ts';
import { moment } from '../schemas.ts';

const entrySchema = z.strictObject({
  time: moment(),
  user: z.string().nullable(),
  by: z.string().nullable(),
  address: z.string().nullable().meta({ description: 'null: a command on the machine of the bridge.' }),
  action: z.string(),
  details: z.record(z.string(), z.unknown()),
  outcome: z.string().meta({ description: '`done`, or the code of the error.' }),
});

/** What was done here, and by whom. */
export function auditRoutes(audit: AuditLog): ApiRoute[] {
  return [
    apiRoute({
      method: 'GET',
      path: '/audit',
      summary: 'The audit log: actions through the admin server and by commands, latest first.',
      access: 'operate',
      query: z.strictObject({ limit: z.coerce.number().int().min(1).max(1000).default(200) }),
      answers: { 200: { description: 'Entries.', schema: z.strictObject({ entries: z.array(entrySchema) }) } },
      run: ({ query: { limit } }) => ok({ entries: audit.last(limit) }),
    }),
  ];
}
