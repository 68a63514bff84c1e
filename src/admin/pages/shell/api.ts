/** An error answer of the bridge: what happened, and what to do. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly status: number;
  readonly code: string;
  readonly remedy: string | undefined;
  /** Ways to sign in, if that is missing. */
  readonly signInBy: readonly string[] | undefined;

  constructor(status: number, code: string, message: string, remedy?: string, signInBy?: readonly string[]) {
    super(message);
    this.signInBy = signInBy;
    this.status = status;
    this.code = code;
    this.remedy = remedy;
  }
}

/** Query values; empty ones are left out. */
export type Query = Readonly<Record<string, string | number | undefined>>;

export interface Api {
  get<T>(path: string, query?: Query): Promise<T>;
  /** Changes something; resolves with undefined if the answer has no content. */
  send<T>(method: 'POST' | 'DELETE', path: string, body?: object): Promise<T>;
  /** The bytes at a path, for saving. */
  bytes(path: string): Promise<Blob>;
}

const patienceMs = 30_000;

/**
 * Calls the bridge that served the page.
 * @param csrfToken of the session, sent with every change
 * @param signedOut called when the bridge no longer knows the session
 */
export function apiOf(csrfToken: () => string, signedOut: () => void): Api {
  const answer = async (path: string, init: RequestInit): Promise<Response> => {
    const response = await reach(`/api/v1/${path}`, init);
    if (response.ok) return response;
    const error = await errorOf(response);
    if (response.status === 401 && !(path === 'session' && init.method === 'POST')) signedOut();
    throw error;
  };
  return {
    async get<T>(path: string, query: Query = {}) {
      return (await (await answer(path + queryText(query), {})).json()) as T;
    },
    async send<T>(method: 'POST' | 'DELETE', path: string, body?: object) {
      const headers: Record<string, string> = { 'X-CSRF-Token': csrfToken() };
      if (body) headers['Content-Type'] = 'application/json';
      const response = await answer(path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
      const text = await response.text();
      return (text === '' ? undefined : JSON.parse(text)) as T;
    },
    async bytes(path) {
      return await (await answer(path, {})).blob();
    },
  };
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, credentials: 'same-origin', signal: AbortSignal.timeout(patienceMs) });
  } catch {
    const remedy = 'Check that mailbridge runs and that this machine can reach it; then try again.';
    throw new ApiError(0, 'unreachable', 'The bridge does not answer.', remedy);
  }
}

async function errorOf(response: Response): Promise<ApiError> {
  const told = (await response.json().catch(() => undefined)) as
    | { error?: { code?: string; message?: string; remedy?: string }; signInBy?: string[] }
    | undefined;
  const { code = `http-${response.status}`, message, remedy } = told?.error ?? {};
  const seconds = response.headers.get('Retry-After');
  const text = message ?? `The bridge answered with status ${response.status}.`;
  const wait = seconds ? `Try again in ${seconds} s.` : undefined;
  return new ApiError(response.status, code, text, remedy ?? wait, told?.signInBy);
}

/** `?a=1&b=2`, or nothing. */
export function queryText(query: Query): string {
  const given = Object.entries(query).flatMap(([key, value]) =>
    value === undefined || value === '' ? [] : [[key, String(value)]],
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}
