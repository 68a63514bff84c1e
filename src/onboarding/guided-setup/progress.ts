import { join } from 'node:path';
import { z } from 'zod';
import { makeFolderOf, readPrivateFile, removeDurably, writePrivateFile } from '../../base/files/private-file.ts';
import { initKeys } from '../init-questions.ts';

const mostText = 2000;
const text = () => z.string().max(mostText);

const credential = () =>
  z.union([
    z.strictObject({ certificate: z.strictObject({ cert: text(), key: text() }) }),
    z.strictObject({ secret: text(), expiresAtMs: z.exactOptional(z.number()) }),
  ]);

const form = z.strictObject({
  version: z.literal(1),
  answers: z.partialRecord(z.enum(initKeys), text()),
  /** As given: a name, or an object. Left out for the global one. */
  cloud: z.exactOptional(z.union([text(), z.record(z.string(), z.unknown())])),
  app: z.exactOptional(
    z.strictObject({
      tenantId: text(),
      clientId: text(),
      /** Object id of the app registration. */
      applicationId: z.exactOptional(text()),
      /** Object id of the enterprise application. */
      objectId: z.exactOptional(text()),
      /** Where the credential is; left out if the configuration names it, and if a person signs in. */
      credential: z.exactOptional(credential()),
    }),
  ),
  /** What the registration of the app found, created and added, in order. */
  registered: z.exactOptional(
    z.array(z.strictObject({ outcome: z.enum(['created', 'added', 'found', 'left-alone']), text: text() })),
  ),
  isWritten: z.boolean(),
  /** The written listeners. */
  listeners: z.exactOptional(z.array(z.strictObject({ protocol: z.enum(['smtp', 'imap', 'pop3']), port: z.number() }))),
  signedInAs: z.exactOptional(text()),
  /** Somebody has confirmed that the person who signed in may differ from the mailbox. */
  isOtherPersonMeant: z.exactOptional(z.boolean()),
  isScriptDone: z.boolean(),
  isChecked: z.boolean(),
  isTested: z.boolean(),
});

/** The progress of a guided set-up. Contains no secret, only where secrets are. */
export type SetupProgress = z.infer<typeof form>;

/** Before the first answer. */
export const noProgress: SetupProgress = {
  version: 1,
  answers: {},
  isWritten: false,
  isScriptDone: false,
  isChecked: false,
  isTested: false,
};

/** Steps of a registration as {@link SetupProgress} stores them: no text is too long to be read again. */
export function keptSteps(
  steps: readonly NonNullable<SetupProgress['registered']>[number][],
): NonNullable<SetupProgress['registered']> {
  return steps.map(({ outcome, text }) => ({ outcome, text: text.slice(0, mostText) }));
}

const mostBytes = 256 * 1024;

/** Stores the progress of one set-up in a file of the data folder, so that it survives browser and process. */
export class ProgressFile {
  readonly #file: string;

  /** @param dataDir absolute */
  constructor(dataDir: string) {
    this.#file = join(dataDir, 'set-up.json');
  }

  /** The stored progress; {@link noProgress} if there is none, or it cannot be read. */
  async read(): Promise<SetupProgress> {
    const found = await readPrivateFile(this.#file, mostBytes).catch(() => undefined);
    if (found === undefined) return noProgress;
    try {
      return form.parse(JSON.parse(found.content.toString()));
    } catch {
      return noProgress;
    }
  }

  /** @throws Error of the file system */
  async write(progress: SetupProgress): Promise<void> {
    await makeFolderOf(this.#file);
    await writePrivateFile(this.#file, Buffer.from(`${JSON.stringify(progress, null, 2)}\n`));
  }

  /** @throws Error of the file system */
  async remove(): Promise<void> {
    await removeDurably(this.#file);
  }
}
