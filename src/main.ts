import { setFlagsFromString } from 'node:v8';
import { runCommand } from './cli/commands.ts';

// The other half of what bin/mailbridge.js does for little memory: garbage is collected when the heap has grown by
// two fifths. A flag on the command line that some version of Node.js did not know would keep it from starting.
setFlagsFromString('--heap-growing-percent=40');

// Whoever reads the output may have seen enough (`mailbridge … | head`).
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  // A command that pipes octets to it is told as well, and ends in good order.
  if (process.stdout.listenerCount('error') > 1) return;
  if (code === 'EPIPE') process.exit(0);
  process.stderr.write(`mailbridge: the output cannot be written (${code}).\n`);
  process.exit(1);
});

// What Node.js itself says of a program that ends with something still awaited.
process.exitCode = 13;
void runCommand(process.argv.slice(2), process).then((code) => {
  process.exitCode = code;
});
