import { BridgeError, errorText, systemErrorCode } from '../base/errors.ts';

/** SQLSTATE codes: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const states = {
  readOnly: '25006',
  diskFull: '53100',
  tooManyConnections: '53300',
  queryCanceled: '57014',
  lockNotAvailable: '55P03',
  serialization: '40001',
  deadlock: '40P01',
  /**
   * A prepared statement that the server does not know, or already knows: a pooler has changed servers behind our back.
   */
  unknownStatement: '26000',
  duplicateStatement: '42P05',
  unknownFunction: '42883',
};

/** The SQLSTATE of a server error; undefined for other errors. */
export function sqlStateOf(error: unknown): string | undefined {
  const code = systemErrorCode(error);
  // System error codes (ECONNRESET) are not SQLSTATEs, though EPIPE is as long as one.
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) && /\d/.test(code) ? code : undefined;
}

/**
 * Whether the connection is useless: it broke, or nothing came in time, or the server stops, starts, or has become a
 * standby. The statement may have taken effect.
 */
export function isLoss(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state === undefined) return !(error instanceof BridgeError) || error.code === 'queue-unreachable';
  return state.startsWith('08') || state.startsWith('57P') || state === states.readOnly;
}

/** Whether the server rejected a whole transaction because of concurrent ones: it may be tried again. */
export function isConflict(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === states.serialization || state === states.deadlock;
}

/** Whether a pooler between us and the server cannot keep prepared statements apart. */
export function isLostStatement(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === states.unknownStatement || state === states.duplicateStatement;
}

/** Whether the server lacks resources, or took too long: not the fault of one of those who share a statement. */
export function isShortage(error: unknown): boolean {
  return /^5[357]/.test(sqlStateOf(error) ?? '');
}

export function isUnknownFunction(error: unknown): boolean {
  return sqlStateOf(error) === states.unknownFunction;
}

export function isTooManyConnections(error: unknown): boolean {
  return sqlStateOf(error) === states.tooManyConnections;
}

/** Whether the server refuses our login or our request: waiting changes nothing. */
export function isRefusal(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state !== undefined) return /^(28|3D|3F|42|0A)/.test(state);
  return isTlsFailure(error);
}

function isTlsFailure(error: unknown): boolean {
  const code = systemErrorCode(error) ?? '';
  const isTls = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|INVALID_CA)/.test(code);
  return isTls || /does not support SSL/.test(errorText(error));
}

/**
 * A copy of a failure for another caller. Each gets its own: nodemailer changes the code of the error with which a
 * stream it sends fails, and nobody else would recognize it.
 */
export function anew({ code, message, kind, remedy, details, cause }: BridgeError): BridgeError {
  return new BridgeError(code, message, { kind, remedy, details, ...(cause !== undefined && { cause }) });
}

/** The error for an unreachable server, with the reason. A new error each time: see {@link anew}. */
export function unreachable(where: string, cause: unknown): BridgeError {
  if (cause instanceof BridgeError) return anew(cause);
  return new BridgeError('queue-unreachable', `PostgreSQL at ${where} cannot be reached (${reason(cause)}).`, {
    cause,
  });
}

/** Translates the failure of a statement for the rest of the bridge. A new error each time: see {@link anew}. */
export function statementFailure(error: unknown, where: string): unknown {
  if (error instanceof BridgeError) return anew(error);
  if (isLoss(error)) return unreachable(where, error);
  const state = sqlStateOf(error);
  if (state === states.diskFull) {
    return new BridgeError('queue-full', `The disk of PostgreSQL at ${where} is full.`, { cause: error });
  }
  if (state === states.queryCanceled || state === states.lockNotAvailable || isConflict(error)) {
    return new BridgeError('queue-unreachable', `PostgreSQL at ${where} did not answer in time.`, { cause: error });
  }
  return error;
}

function reason(cause: unknown): string {
  // Several addresses of one name, each refused.
  if (cause instanceof AggregateError) return cause.errors.map(errorText).join('; ');
  return sqlStateOf(cause) === states.readOnly ? 'it is a standby, or read-only' : errorText(cause);
}
