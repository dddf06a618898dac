// Runs the rows against servers of their own and prints a line of JSON for each:
//   node run.mjs --relay PROGRAM [--stock] [--only TEXT] [--jobs N] [--document FILE]
// `--stock`: against the stock server, too. `--document`: and the tables in that file are written anew.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { CHECKS, Session } from './checks.mjs';
import { rows, title } from './rows.mjs';
import { Server } from './servers.mjs';
import { stock } from './toolchains.mjs';

const { values } = parseArgs({
  options: {
    relay: { type: 'string' },
    stock: { type: 'boolean' },
    only: { type: 'string', default: '' },
    jobs: { type: 'string', default: '8' },
    document: { type: 'string' },
  },
});
const servers = { relay: resolve(values.relay), ...(values.stock && { stock: undefined }) };

/** Each cell of a row: nothing, or why it says no. A client whose check fails is started anew for the next one. */
async function cells(row, program) {
  const server = await Server.start(program);
  const session = new Session(row, server);
  const found = {};
  try {
    for (const [column, check] of Object.entries(CHECKS)) {
      try {
        if (!session.program) {
          session.start();
          if (column !== 'connect') await session.said('connected');
        }
        await check(session);
        found[column] = null;
      } catch (error) {
        found[column] = error.message;
        await session.program.end();
        session.program = undefined;
      }
    }
  } finally {
    await session.program?.end();
    await server.remove();
  }
  return found;
}

if (values.stock) stock();
const waiting = rows(values.only).flatMap((row) => Object.entries(servers).map(([name, program]) => ({ row, name, program })));

async function work() {
  for (let job = waiting.shift(); job; job = waiting.shift()) {
    const { row, name, program } = job;
    const result = row.missing ? { missing: row.missing } : { cells: await cells(row, program) };
    console.log(JSON.stringify({ title: title(row), server: name, ...result }));
  }
}

await Promise.all(Array.from({ length: Number(values.jobs) }, work));
