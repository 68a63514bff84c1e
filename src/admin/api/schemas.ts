import { z } from 'zod';

/** What an error looks like. */
export const errorSchema = z.strictObject({
  error: z.strictObject({
    code: z.string().meta({ description: 'Stable; `mailbridge help errors CODE` explains it.' }),
    message: z.string(),
    remedy: z.string().optional(),
  }),
  signInBy: z.array(z.enum(['token', 'oidc'])).optional(),
});

/** A moment: `2026-11-30T05:40:00.000Z`. */
export const moment = () => z.iso.datetime();

/** What somebody typed to look for something. */
export const searchText = () => z.string().trim().min(1).max(320);

/** What a remedy is told with. */
export const problem = () =>
  z.strictObject({ code: z.string().optional(), text: z.string(), remedy: z.string().optional() });
