import { z } from 'zod';
import { type ApiRoute, apiRoute, ok } from '../route.ts';
import { searchText } from '../schemas.ts';
import type { LogTail } from './log-tail.ts';

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

const lineSchema = z.strictObject({
  time: z.string(),
  level: z.string(),
  msg: z.string(),
  fields: z.record(z.string(), z.unknown()),
});

/** The last lines of the log. */
export function logRoutes(tail: LogTail): ApiRoute[] {
  return [
    apiRoute({
      method: 'GET',
      path: '/log',
      summary: 'The latest log lines, oldest first.',
      access: 'view',
      query: z.strictObject({
        level: z.enum(levels).optional().meta({ description: 'This level and more serious ones.' }),
        search: searchText().optional().meta({ description: 'Part of a line.' }),
        limit: z.coerce.number().int().min(1).max(2000).default(200),
      }),
      answers: { 200: { description: 'Lines.', schema: z.strictObject({ lines: z.array(lineSchema) }) } },
      run({ query: { limit, level, search } }) {
        return ok({ lines: tail.last(limit, { ...(level && { level }), ...(search !== undefined && { search }) }) });
      },
    }),
  ];
}
