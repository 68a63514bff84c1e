import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PageFiles } from './page-files.ts';

/** The pages, which anybody may load: what they show comes from the API. */
export function addPageRoutes(app: FastifyInstance, files = new PageFiles()): void {
  app.get('/', (_, reply) => reply.redirect('/ui/', 302));
  app.get('/ui', (_, reply) => reply.redirect('/ui/', 301));
  app.get('/ui/*', async (request, reply) => {
    const file = await files.get((request.params as { '*': string })['*']);
    if (file === undefined) return reply.callNotFound();
    reply.headers({ 'Content-Type': file.type, ETag: file.etag, 'Cache-Control': 'no-cache' });
    return isKnown(request, file.etag) ? notModified(reply) : file.content;
  });
}

function isKnown({ headers }: FastifyRequest, etag: string): boolean {
  return (headers['if-none-match'] ?? '').split(',').some((each) => each.trim().replace(/^W\//, '') === etag);
}

function notModified(reply: FastifyReply): string {
  reply.code(304);
  return '';
}
