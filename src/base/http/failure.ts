import { BridgeError, type ErrorCode, errorText, systemErrorCode } from '../errors.ts';

const nameCodes = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA', 'EAI_NONAME', 'ENODATA']);
const unreachableCodes = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'EACCES',
  'EPERM',
]);
const cutCodes = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'UND_ERR_SOCKET',
  'UND_ERR_PRX_CONN',
  'UND_ERR_CLOSED',
  'UND_ERR_DESTROYED',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
]);
/** OpenSSL's errors for certificates that it rejects; Node.js passes the names through. */
const certificateCodes =
  /^(CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(GET|VERIFY|DECODE|DECRYPT)_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|HOSTNAME_MISMATCH|EE_KEY_|CA_KEY_|CA_MD_|ERR_TLS_CERT_ALTNAME)/;

const unreachableRemedy =
  'Check host and port, and that no firewall blocks this machine. If only a proxy reaches the internet, set proxy or HTTPS_PROXY.';
const certificateRemedy =
  'If a proxy or virus scanner inspects TLS, or the host has its own CA, set caFile to that CA certificate (PEM). Check the host name and the clock of this machine too.';

/**
 * Translates a failed request: returns a {@link BridgeError} for every failure of the network, of TLS or of a proxy.
 * Anything else (an error of the request body's own stream, a defect) is returned unchanged.
 *
 * `details.mayHaveArrived` tells whether the other side may have received and processed the request.
 * @param peer host and port, `host:port`
 * @param signal of the request; its `TimeoutError` counts as a timeout, any other reason is returned itself
 */
export function httpFailure(error: unknown, peer: string, signal?: AbortSignal): unknown {
  if (error instanceof BridgeError) return error;
  if (signal?.aborted) return abortFailure(signal.reason, peer);
  const root = rootFailure(error);
  const code = systemErrorCode(root) ?? '';
  const said = errorText(root);
  const make = (errorCode: ErrorCode, message: string, mayHaveArrived: boolean, remedy?: string) =>
    new BridgeError(errorCode, message, {
      ...(remedy === undefined ? {} : { remedy }),
      cause: root,
      details: { peer, systemCode: code, mayHaveArrived },
    });

  if (nameCodes.has(code)) {
    const name = (root as { hostname?: unknown }).hostname ?? peer.replace(/:\d+$/, '');
    return make('upstream-name-unknown', `The name ${String(name)} cannot be resolved (${code}).`, false);
  }
  if (unreachableCodes.has(code)) {
    return make('upstream-unreachable', unreachableText(peer, root, code), false, unreachableRemedy);
  }
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') {
    return make('upstream-timeout', `${peer} did not accept a connection in time: ${said}.`, false);
  }
  if (code === 'UND_ERR_HEADERS_TIMEOUT') return make('upstream-timeout', `${peer} did not answer in time.`, true);
  if (code === 'UND_ERR_BODY_TIMEOUT') {
    return make('upstream-timeout', `${peer} stopped in the middle of its answer.`, true);
  }
  if (certificateCodes.test(code)) {
    return make('upstream-certificate-untrusted', certificateText(peer, code, said), false, certificateRemedy);
  }
  const refusal = proxyRefusal(said, code);
  if (refusal !== undefined) return proxyFailure(refusal, peer, root);
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || code.startsWith('ERR_OSSL_')) {
    return make('upstream-tls-failed', `No TLS with ${peer}: ${said}.`, false);
  }
  if (cutCodes.has(code)) {
    const early = code === 'UND_ERR_PRX_CONN' || said.includes('before secure TLS connection');
    const when = early ? 'before the request was sent' : 'before the answer was complete';
    return make('upstream-connection-lost', `The connection to ${peer} was cut ${when} (${code}).`, !early);
  }
  const garbled = root instanceof Error && root.name === 'HTTPParserError';
  if (garbled || code === 'UND_ERR_HEADERS_OVERFLOW') {
    return make('upstream-answer-invalid', `${peer} does not answer in HTTP: ${said}.`, true);
  }
  return error;
}

function abortFailure(reason: unknown, peer: string): unknown {
  if (!(reason instanceof Error) || reason.name !== 'TimeoutError') return reason;
  const details = { peer, systemCode: 'TimeoutError', mayHaveArrived: true };
  return new BridgeError('upstream-timeout', `${peer} did not finish its answer in time.`, { details });
}

/** Returns the most specific failure: undici wraps what a proxy did, Node.js bundles one failure per address tried. */
function rootFailure(error: unknown): unknown {
  const code = systemErrorCode(error);
  if (code === 'UND_ERR_PRX_TLS' && error instanceof Error && error.cause) return error.cause;
  if (error instanceof AggregateError && error.errors.length > 0) return rootFailure(error.errors[0]);
  return error;
}

function unreachableText(peer: string, error: unknown, code: string): string {
  const { address, port } = error as { address?: unknown; port?: unknown };
  // With a proxy, this is the proxy's address, which is the one to check.
  const tried = address === undefined ? peer : `${String(address)}${port === undefined ? '' : `:${String(port)}`}`;
  const why = code === 'ECONNREFUSED' ? `${tried} refused the connection` : `this machine has no route to ${tried}`;
  if (tried !== peer) return `${peer} cannot be reached: ${why} (${code}).`;
  return code === 'ECONNREFUSED' ? `${why} (${code}).` : `${peer} cannot be reached (${code}).`;
}

function certificateText(peer: string, code: string, said: string): string {
  if (code === 'CERT_HAS_EXPIRED') return `The certificate of ${peer} has expired: ${said} (${code}).`;
  if (code === 'CERT_NOT_YET_VALID') return `The certificate of ${peer} is not valid yet: ${said} (${code}).`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || code === 'HOSTNAME_MISMATCH') {
    return `The certificate of ${peer} is for another name: ${said} (${code}).`;
  }
  // Node.js adds advice about its own command line, which does not apply to the bridge.
  const why = said.replace(/; if the root CA is installed locally.*$/s, '');
  return `The certificate of ${peer} is not trusted${why === code ? '' : `: ${why}`} (${code}).`;
}

function proxyRefusal(said: string, code: string): number | undefined {
  if (code === 'UND_ERR_INVALID_ARG' && said.startsWith('Proxy Authentication Required')) return 407;
  const status = code === 'UND_ERR_ABORTED' ? /^Proxy response \((\d+)\)/.exec(said)?.[1] : undefined;
  return status === undefined ? undefined : Number(status);
}

function proxyFailure(status: number, peer: string, cause: unknown): BridgeError {
  const why = status === 407 ? 'it needs a user and password' : `it answered ${status}`;
  return new BridgeError('proxy-refused', `The HTTP proxy refused to connect to ${peer}: ${why}.`, {
    // The proxy may be unable to reach the host (502, 503, 504) only temporarily.
    kind: status >= 500 ? 'temporary' : 'needs-admin',
    cause,
    details: { peer, proxyStatus: status, mayHaveArrived: false },
  });
}
