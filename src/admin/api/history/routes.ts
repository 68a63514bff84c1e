import { z } from 'zod';
import { type HistoryRange, type HistoryView, historyRanges, historySeries } from '../../history/history.ts';
import { notFound } from '../../server/refusal.ts';
import { type ApiRoute, apiRoute, ok } from '../route.ts';
import { moment } from '../schemas.ts';

const value = z.number().nullable().meta({ description: 'null: no data, or nothing was delivered.' });

const historySchema = z.strictObject({
  stepSeconds: z.number(),
  from: moment().meta({ description: 'Start of the first step.' }),
  series: z.record(z.enum(historySeries), z.array(value)).meta({
    description:
      'One value for each step, oldest first: messages in the step, messages queued at its end, latency in ms.',
  }),
});

/** The data of the plots. @param history undefined if none is kept */
export function historyRoutes(history: (range: HistoryRange) => HistoryView | undefined): ApiRoute[] {
  return [
    apiRoute({
      method: 'GET',
      path: '/history',
      summary: 'Throughput, queue and latency of the last hour, day or week.',
      access: 'view',
      query: z.strictObject({ range: z.enum(historyRanges).default('hour') }),
      answers: { 200: { description: 'The history.', schema: historySchema } },
      run: ({ query: { range } }) => ok(history(range) ?? notFound('This bridge keeps no history.')),
    }),
  ];
}
