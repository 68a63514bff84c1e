import { expect, it } from 'vitest';
import { isLoopback } from '../../../src/base/sockets/loopback.ts';

it.each(['localhost', 'LOCALHOST', '127.0.0.1', '127.255.0.9', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1'])(
  '%s is this machine',
  (host) => {
    expect(isLoopback(host)).toBe(true);
  },
);

it.each(['127.example.com', '128.0.0.1', '::', '0.0.0.0', '::2', 'localhost.example.com', '127.1', ''])(
  '%s is not known to be this machine',
  (host) => {
    expect(isLoopback(host)).toBe(false);
  },
);
