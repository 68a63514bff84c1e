import type { Pop3Command } from '../command.ts';
import { Pop3Reply } from '../reply.ts';

/**
 * RFC 6856: whoever takes it must turn headers in UTF-8 into ASCII for everybody else. Messages go out here as they
 * are, whoever asks; so it is not in CAPA, and clients that try all the same are told.
 */
export const utf8: Pop3Command = async () => {
  throw new Pop3Reply('UTF8 is not supported. Messages are sent as they were received.');
};
