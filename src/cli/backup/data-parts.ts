/** A part of the data folder that belongs in a backup, besides the queue's database and bodies. */
export interface DataPart {
  /** Folder inside the data folder; '' is the data folder itself. */
  readonly folder: string;
  /** Names of files in it. */
  readonly files: RegExp;
}

/*
 * In `queue` a bridge before queue format 7 keeps more than its database. Left out: locks and temporary files;
 * `queue/in-flight` and `queue/duplicates`, which only hold for one moment; `queue/reserve`; what a repair left.
 */
export const dataParts: readonly DataPart[] = [
  { folder: '', files: /^(?:token\.key|app-passwords(?:-used)?\.json)$/ },
  { folder: 'tls', files: /^(?:ca|server)\.(?:crt|key)$/ },
  { folder: 'sign-ins', files: /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?:~[\w.!~*'()%-]{1,180})?\.token$/ },
  { folder: 'queue', files: /^(?:marker-key|copies(?:\.old)?)$/ },
];

/** What must not exist yet in a data folder to restore to. */
export const dataNames = ['token.key', 'app-passwords.json', 'app-passwords-used.json', 'tls', 'sign-ins', 'queue'];

/** The prefix of the data folder's files in an archive. */
export const dataPrefix = 'data/';

const queueFile = /^queue\/(?:queue\.sqlite|bodies\/[A-Za-z0-9]{1,64}\.eml)$/;

/** Whether an archive may contain a file at this path of the data folder. @param path relative, with slashes */
export function isDataFile(path: string): boolean {
  const parts = path.split('/');
  const name = parts.pop() ?? '';
  const folder = parts.join('/');
  return queueFile.test(path) || dataParts.some((part) => part.folder === folder && part.files.test(name));
}
