// Random changes of all kinds by clients of all dialects and over REST on three nodes, while parts fail: what each client was
// told is the log, in its order, as far as its user took part. A seed decides what is done. With CHANGES, more of them; with
// SEED, the same again; with FAULT, only those whose name has this word. The test that runs this owns the processes.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { TIMEOUT } from '../support/relay.mjs';
import { allReady, control, ready, until } from '../support/nodes.mjs';
import { Run } from '../support/random-run.mjs';
import { violations } from '../support/random-check.mjs';

/** How many changes there are in all, and how many in one run. */
const [CHANGES, RUN] = [Number(process.env.CHANGES ?? 1800), 1000];
const SEED = Number(process.env.SEED);
/** How long a node stands still, in milliseconds. */
const STANDSTILL = process.env.CHANGES ? 20_000 : 3_000;

/** Until two thirds are under way. */
const goesOn = (run) => run.reaches(2 / 3);

/** Until a node says why it is not ready. */
const says = (reason) => until(`a node says: ${reason}`, async () => (await ready(0)).reason?.includes(reason));

async function away(run) {
  await says('Redis is away');
  await goesOn(run);
}

/** What is wrong: from the beginning, or when a third is under way until two thirds are. */
const FAULTS = {
  'nothing is wrong': {},
  'every 100th message of Redis is lost': { before: ['redis drop 1'] },
  'every 10th message of Redis is lost': { before: ['redis drop 10'] },
  'all messages of Redis are lost': { before: ['redis drop 100'] },
  'messages of Redis come twice, late and out of order': { before: ['redis double 50', 'redis delay 50'] },
  'Redis is killed and started again': { during: 'stop redis', until: away, after: 'start redis' },
  'Redis stands still': { during: 'pause redis', until: away, after: 'resume redis' },
  'a node is killed': { during: 'kill 2', until: goesOn, after: 'restart 2' },
  'a node stands still': {
    during: 'pause 2', until: () => new Promise((resolve) => setTimeout(resolve, STANDSTILL)), after: 'resume 2',
  },
  'MongoDB stands still': {
    during: 'pause mongodb', until: () => says('MongoDB does not keep conversations'), after: 'resume mongodb',
  },
};

afterEach(async () => {
  await control('heal');
  await allReady();
});

async function fail(run, fault) {
  if (!fault.during) return;
  await run.reaches(1 / 3);
  await control(...fault.during.split(' '));
  await fault.until(run);
  await control(...fault.after.split(' '));
}

async function oneRun(t, seed, count, fault) {
  const run = await Run.begin(seed, count);
  try {
    for (const words of fault.before ?? []) await control(...words.split(' '));
    await Promise.all([run.all(), fail(run, fault)]);
    await run.end();
    const wrong = await violations(run);
    t.diagnostic(`SEED=${seed}, of ${count} changes ${run.ended('done')} done, ${run.ended('refused')} refused, ${run.ended('unknown')} unknown`);
    assert.equal(wrong.length, 0, `SEED=${seed}: ${wrong.length} violations\n${wrong.slice(0, 20).join('\n')}`);
  } finally {
    run.close();
  }
}

for (const [name, fault] of Object.entries(FAULTS)) {
  if (!name.includes(process.env.FAULT ?? '')) continue;
  test(`clients are told what is in the log while ${name}`, async (t) => {
    const count = Math.ceil(CHANGES / Object.keys(FAULTS).length);
    for (let done = 0; done < count; done += RUN) await oneRun(t, SEED + done, Math.min(RUN, count - done), fault);
  });
}
