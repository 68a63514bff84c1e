/** How {@link createHttpClient} reaches other hosts. */
export interface HttpClientOptions {
  /** CA certificates (PEM, one or more) trusted beside the default ones. */
  readonly ca?: string | Buffer | undefined;
  /** `http://[user:password@]host:port`; without it `env` decides. */
  readonly proxy?: string | undefined;
  /** Where `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are looked up; default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** TCP and TLS together, and the proxy's answer; default 10,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** From the end of the request to the head of the answer; default 60,000. */
  readonly headersTimeoutMs?: number | undefined;
  /** Between two pieces of the answer; default 60,000. */
  readonly bodyTimeoutMs?: number | undefined;
  /** At most this many connections to one host, further requests wait; default 32. */
  readonly connections?: number | undefined;
}
