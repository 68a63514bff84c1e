import type { Pop3Command } from '../command.ts';
import { Pop3Reply } from '../reply.ts';

/**
 * RFC 6856: a server that offers it must convert UTF-8 headers to ASCII for all other clients. Messages are sent
 * unchanged to every client here, so UTF8 is not in CAPA, and clients that try it anyway get this reply.
 */
export const utf8: Pop3Command = async () => {
  throw new Pop3Reply('UTF8 is not supported. Messages are sent as they were received.');
};
