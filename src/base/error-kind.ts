/**
 * How to react to a failure: `temporary`, try again later; `permanent`, trying again is useless; `needs-admin`, a
 * setting at Microsoft or here has to change first, then trying again helps; `usage`, the command or the configuration
 * is wrong.
 */
export type ErrorKind = 'temporary' | 'permanent' | 'needs-admin' | 'usage';
