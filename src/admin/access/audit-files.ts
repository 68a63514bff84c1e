const file = 'admin-audit.jsonl';
/** Number of earlier files kept. */
const keptFiles = 4;

/** The name of the lock that a process holds while it rotates the files. */
export const auditLock = `${file}.lock`;

/** The names of the audit log's files in the data folder, starting with the current one. */
export const auditFiles: readonly string[] = [
  file,
  ...Array.from({ length: keptFiles }, (_, at) => `${file}.${at + 1}`),
];
