import type { HttpAnswer, IncomingHttpRequest } from './http-server.ts';

/** Answers one method on one path; `captures` are the decoded groups of the pattern. */
export interface Route {
  readonly method: string;
  readonly path: RegExp;
  handle(request: IncomingHttpRequest, captures: readonly string[]): Promise<HttpAnswer> | HttpAnswer;
}

/** The first route that matches, with its pattern's captures; `method-not-allowed` if only the path matches. */
export function findRoute(
  routes: readonly Route[],
  request: IncomingHttpRequest,
): { readonly route: Route; readonly captures: readonly string[] } | 'not-found' | 'method-not-allowed' {
  let pathFits = false;
  for (const route of routes) {
    const match = route.path.exec(request.url.pathname);
    if (!match) continue;
    pathFits = true;
    if (route.method === request.method) return { route, captures: match.slice(1).map(decoded) };
  }
  return pathFits ? 'method-not-allowed' : 'not-found';
}

function decoded(text: string | undefined): string {
  try {
    return decodeURIComponent(text ?? '');
  } catch {
    // An invalid % belongs to no address; the text is looked up unchanged and not found.
    return text ?? '';
  }
}
