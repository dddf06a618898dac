// Participants whom an application writes into the database beside the relay: they and the others are told within 5 s. The
// test that runs this owns the processes.
import { test } from 'node:test';
import { done } from '../support/rest.mjs';
import { NODES, client, control, until } from '../support/nodes.mjs';
import { followers, foundByAdmins, messagesTold, on, person, rounds, settled, told, verdict } from '../support/changes.mjs';

/** How long it may take, in milliseconds, as the machine may be busy. */
const SEEN = 10_000;

test('who is added or removed by an application is told so, and receives what they are to receive', async (t) => {
  const [alice, bob] = ['Alice', 'Bob'].map(person);
  const id = await foundByAdmins(alice);
  const watchers = (await followers(id, alice)).filter(({ dialect }) => dialect === 'feed');
  const guests = await Promise.all(NODES.map(async (_, node) => Object.assign(await client(bob, node, 'chat'), { dialect: 'chat', id })));
  const of = rounds(2);
  let late = 0;
  for (let round = 0; round < of; round += 1) {
    for (const [status, word] of [['active', 'added'], ['removed', 'removed']]) {
      await control('application', status, id, bob.userId);
      const since = Date.now();
      const isTold = (one) => told(one).filter(({ name }) => name === bob.username).at(-1)?.kind === word;
      await until(`all are told that Bob was ${word}`, () => watchers.every(isTold));
      late += Number(Date.now() - since > SEEN);
      const before = guests.map((one) => messagesTold(one).length);
      const content = `${word} in ${round}`;
      await done(201, alice, 'POST', on(round, '/api/messages'), { conversationId: id, content });
      await settled(alice, id, [...watchers, ...(status === 'active' ? guests : [])]);
      const isRight = (one, index) => (status === 'active') === (messagesTold(one).length > before[index]);
      late += Number(!guests.every(isRight));
    }
  }
  verdict(t, late, 2 * of);
});
