import { z } from 'zod';
import { BridgeError } from '../base/errors.ts';

/** Version of the contents of an archive; a bridge refuses a later version. */
export const backupFormatVersion = 1;

const count = z.int().min(0);

const manifestSchema = z.object({
  format: z.literal(backupFormatVersion),
  /** Version of the mailbridge that made it. */
  mailbridge: z.string(),
  /** ISO 8601. */
  madeAt: z.string(),
  host: z.string(),
  /** Where the configuration and the data folder were. */
  config: z.string(),
  dataDir: z.string(),
  /** Files that the configuration names: from the path there to the name in the archive. */
  files: z.record(z.string(), z.string()),
  /** Environment variables that contain secrets; they are not in the archive. */
  environment: z.array(z.string()),
  /** Left out if the bridge had not run yet. */
  queue: z.exactOptional(
    z.object({
      messages: z.record(z.string(), count),
      /** Ids of waiting messages whose body was lost before the backup. */
      withoutBody: z.array(z.string()),
    }),
  ),
});

/** The first entry of an archive, which describes the rest. */
export type BackupManifest = z.infer<typeof manifestSchema>;

/**
 * Reads the first entry of an archive.
 * @param name of the file, for errors
 * @throws BridgeError `backup-damaged`, `backup-format-newer`
 */
export function readManifest(text: string, name: string): BackupManifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new BridgeError('backup-damaged', `${name} has no manifest that can be read.`, { cause });
  }
  const format = (value as { format?: unknown } | null)?.format;
  if (typeof format === 'number' && format > backupFormatVersion) {
    throw new BridgeError(
      'backup-format-newer',
      `${name} has format ${format}; this version reads formats up to ${backupFormatVersion}.`,
    );
  }
  const { data, error } = manifestSchema.safeParse(value);
  if (data) return data;
  throw new BridgeError('backup-damaged', `${name} has no manifest that can be read.`, { cause: error });
}
