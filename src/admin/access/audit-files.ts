const file = 'admin-audit.jsonl';
/** Earlier files that stay. */
const keptFiles = 4;

/** The name of the lock that a process has while it makes way for the next file. */
export const auditLock = `${file}.lock`;

/** The names of the audit log's files in the data folder, the one that is written to first. */
export const auditFiles: readonly string[] = [
  file,
  ...Array.from({ length: keptFiles }, (_, at) => `${file}.${at + 1}`),
];
