// Processes that do not outlive the runner, however it ends.
import { spawn } from 'node:child_process';

const living = new Set();

/** As `spawn`. */
export function start(file, args, options) {
  const child = spawn(file, args, options);
  living.add(child);
  child.once('close', () => living.delete(child));
  return child;
}

process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
