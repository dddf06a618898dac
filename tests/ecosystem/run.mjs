// Runs the rows against servers of their own, and prints a line of JSON for each:
//   node run.mjs --relay PROGRAM [--only TEXT] [--jobs 8] [--times 1] [--stock] [--write FILE] [--known FILE]
// `--stock`: against the stock server, too. `--write`: and writes the table of that document anew.
// `--known`: cells that this document does not promise of the relay are not run.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { CHECKS, Session } from './checks.mjs';
import { rows, title, titles } from './rows.mjs';
import { Server } from './servers.mjs';
import * as table from './table.mjs';
import { stock } from './toolchains.mjs';

const { values } = parseArgs({
  options: {
    relay: { type: 'string' },
    only: { type: 'string', default: '' },
    jobs: { type: 'string', default: '8' },
    times: { type: 'string', default: '1' },
    stock: { type: 'boolean' },
    write: { type: 'string' },
    known: { type: 'string' },
  },
});
const servers = { relay: resolve(values.relay), ...(values.stock && { stock: undefined }) };
const known = values.known && table.read(values.known);

/** The checks of a row: all, or those that are promised. A row that nobody has described has all. */
function wanted(row) {
  const cells = known?.get(title(row).join(' '));
  return Object.entries(CHECKS).filter(([column]) => !cells || cells[column][0] === 'yes');
}

/** Each cell of a row: nothing, or why it says no. A client whose check fails is started anew for the next one. */
async function cells(row, program) {
  const server = await Server.start(program);
  const session = new Session(row, server);
  const found = {};
  try {
    for (const [column, check] of wanted(row)) {
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

const results = new Map();

function note(row, name, found) {
  const key = title(row).join(' ');
  if (!results.has(key)) results.set(key, {});
  (results.get(key)[name] ??= []).push(found);
  console.log(JSON.stringify({ title: title(row), server: name, cells: found }));
}

if (values.stock) stock();
const ready = rows(values.only);
for (const row of ready.filter(({ missing }) => missing)) {
  console.log(JSON.stringify({ title: title(row), missing: row.missing }));
}
const waiting = Array.from({ length: Number(values.times) }, () => ready.filter(({ command }) => command))
  .flat()
  .flatMap((row) => Object.entries(servers).map(([name, program]) => ({ row, name, program })));

async function work() {
  for (let job = waiting.shift(); job; job = waiting.shift()) {
    note(job.row, job.name, await cells(job.row, job.program));
  }
}

await Promise.all(Array.from({ length: Number(values.jobs) }, work));
if (values.write) table.write(values.write, titles(), results);
