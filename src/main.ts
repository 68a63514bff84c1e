import { runCommand } from './cli/commands.ts';

// Whoever reads the output may have seen enough (`mailbridge … | head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

process.exitCode = await runCommand(process.argv.slice(2), process);
