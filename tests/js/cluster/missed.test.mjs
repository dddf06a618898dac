// What other nodes' clients miss while Redis is away: they are told it once it is back. The test that runs this owns the
// processes.
import { afterEach, test } from 'node:test';
import { done, history } from '../support/rest.mjs';
import { NODES, allReady, control, ready, until } from '../support/nodes.mjs';
import {
  count, followers, foundByAdmins, inBatches, messagesTold, on, person, rounds, settled, told, verdict,
} from '../support/changes.mjs';

afterEach(async () => {
  await control('heal');
  await allReady();
});

for (const [fault, remedy] of [['stop', 'start'], ['pause', 'resume']]) {
  test(`what was missed while Redis was away (${fault}) is told once it is back, in order and once`, async (t) => {
    const [alice, bob] = ['Alice', 'Bob'].map(person);
    const id = await foundByAdmins(alice, bob);
    const watchers = await followers(id, alice, bob);
    const of = rounds(60);
    const post = async (n) => (await done(201, alice, 'POST', on(n, '/api/messages'), { conversationId: id, content: n })).message.id;
    const old = await inBatches(NODES.length, post);
    await settled(alice, id, watchers);
    await control(fault, 'redis');
    await until('the nodes say that Redis is away', async () => (await ready(0)).reason?.includes('Redis is away'));
    const all = [...old, ...(await inBatches(of, post))];
    const changed = await inBatches(old.length, async (n) => {
      await done(200, alice, 'PATCH', on(n, `/api/messages/${old[n]}`), { content: 'edited' });
      await done(200, alice, 'DELETE', on(n + 1, `/api/messages/${old[n]}`));
      return old[n];
    });
    await control(remedy, 'redis');
    await allReady();
    await settled(alice, id, watchers);
    const stored = (await history(alice, id)).map((message) => message.id);
    const wrong = watchers.map((watcher) => {
      const received = messagesTold(watcher);
      // Who reads of an edit when the message is deleted is told that alone.
      const isGone = (message) => /^new,(edited,)?deleted$/.test(told(watcher).filter(({ id: one }) => one === message).map(({ kind }) => kind));
      return count(stored.keys(), (at) => stored[at] !== received[at]) + count(changed, (message) => !isGone(message));
    });
    verdict(t, Math.max(...wrong), all.length + changed.length);
  });
}
