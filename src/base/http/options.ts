/** Options of {@link createHttpClient}. */
export interface HttpClientOptions {
  /** CA certificates (PEM, one or more) trusted in addition to the default ones. */
  readonly ca?: string | Buffer | undefined;
  /** `http://[user:password@]host:port`; if absent, `env` decides. */
  readonly proxy?: string | undefined;
  /** Environment with `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`; default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** For TCP and TLS together, and for the proxy's answer; default 10,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** From the end of the request to the head of the response; default 60,000. */
  readonly headersTimeoutMs?: number | undefined;
  /** Between two pieces of the response; default 60,000. */
  readonly bodyTimeoutMs?: number | undefined;
  /** Maximum number of connections to one host, beyond which requests wait; default 32. */
  readonly connections?: number | undefined;
}
