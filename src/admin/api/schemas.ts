import { z } from 'zod';

/** The form of an error. */
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

/** A search text. */
export const searchText = () => z.string().trim().min(1).max(320);

/** A problem with its remedy. */
export const problem = () =>
  z.strictObject({ code: z.string().optional(), text: z.string(), remedy: z.string().optional() });
