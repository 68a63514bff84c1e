import { z } from 'zod';
import { type HistoryRange, type HistoryView, historyRanges, historySeries } from '../../history/history.ts';
import { type ApiRoute, apiRoute, ok } from '../route.ts';
import { moment } from '../schemas.ts';

const viewSchema = z.strictObject({
  stepSeconds: z.int(),
  from: moment().meta({ description: 'Begin of the first step.' }),
  series: z
    .strictObject(
      Object.fromEntries(historySeries.map((name) => [name, z.array(z.number().nullable())])) as Record<
        (typeof historySeries)[number],
        z.ZodArray<z.ZodNullable<z.ZodNumber>>
      >,
    )
    .meta({ description: 'A value for each step; null where nothing is known.' }),
});

/** What happened lately, for the plots. */
export function historyRoutes(history: (range: HistoryRange) => HistoryView): ApiRoute[] {
  return [
    apiRoute({
      method: 'GET',
      path: '/history',
      summary: 'What happened lately, step by step.',
      access: 'view',
      query: z.strictObject({ range: z.enum(historyRanges).default('hour') }),
      answers: { 200: { description: 'The steps, the oldest first.', schema: viewSchema } },
      run: ({ query: { range } }) => ok(history(range)),
    }),
  ];
}
