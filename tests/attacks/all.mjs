// node tests/attacks/all.mjs BINARY [--seconds=60] [--attackers=1] [--after=60] [--rounds=1] [--set=SETTING=VALUE …] [attack …]
// Attacks a server with the default settings but these, by all attacks at once or those that are named, beside ten honest
// pairs, two sessions and a conversation, and prints what became of both, a line for each round: disk and memory in MiB
// before, at most, and when a fifth above what was before is left, or after so many seconds; times in ms.
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { attacks } from './support/attacks.mjs';
import { everybody } from './support/honest.mjs';
import { Server } from './support/server.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    attackers: { type: 'string', default: '1' },
    after: { type: 'string', default: '60' },
    rounds: { type: 'string', default: '1' },
    set: { type: 'string', multiple: true, default: [] },
  },
});
const [binary, ...named] = positionals;
const names = named.length > 0 ? named : Object.keys(attacks);

const server = await Server.start(binary, Object.fromEntries(values.set.map((text) => text.split('='))));
const disk = () => server.bytes() / 2 ** 20;
const held = () => (server.isAlive ? server.held() / 2 ** 20 : 0);
const mib = (number) => Math.round(10 * number) / 10;

function attackers(until) {
  const workers = [];
  for (let attacker = 0; attacker < Number(values.attackers); attacker += 1) {
    for (const attack of names) {
      const from = `127.0.${1 + attacker}.${10 + Object.keys(attacks).indexOf(attack)}`;
      const workerData = { attack, from, port: server.port, until };
      workers.push(new Worker(new URL('support/worker.mjs', import.meta.url), { workerData }));
    }
  }
  return workers;
}

/** Attacks once, and says what became of it. */
async function round() {
  const honest = await everybody(server.port, 10);
  await wait(1000);
  const [before, diskBefore] = [held(), disk()];
  let most = before;
  const watching = setInterval(() => (most = Math.max(most, held())), 50);
  const until = Date.now() + 1000 * Number(values.seconds);
  const workers = attackers(until);
  while (server.isAlive && Date.now() < until) await wait(100);
  const alive = server.isAlive;
  const result = alive ? await honest.finish() : undefined;
  for (const worker of workers) await worker.terminate();
  clearInterval(watching);
  for (let second = 0; alive && second < Number(values.after) && held() > 1.2 * before; second += 1) await wait(1000);
  return { alive, before: mib(before), most: mib(most), after: mib(held()), disk: [diskBefore, disk()].map(mib), ...result };
}

let isGood = true;
for (let number = 0; isGood && number < Number(values.rounds); number += 1) {
  const outcome = await round();
  console.log(JSON.stringify({ attacks: names.join(' '), ...outcome }));
  isGood = outcome.alive && outcome.lost === 0;
}
if (server.isAlive) await server.stop();
server.remove();
process.exit(isGood ? 0 : 1);
