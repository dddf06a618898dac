// `direct`: nothing of who is blocked arrives, and they are told what they would be told if the other were offline.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, exchange, user } from '../support/relay.mjs';
import { block, sendEverything, unblock } from '../support/blocked.mjs';

const send = (from, to, seq) => from.ask('send_message', { recipientId: to.userId, ciphertext: 'c', iv: 'i', tag: 't', seq });
/** What a client was sent by a user, but for presence. */
const from = (client, { userId }) => client.events.filter(({ name, args: [payload] }) => !name.startsWith('user:') && JSON.stringify(payload ?? '').includes(userId));

for (const transport of ['websocket', 'polling']) {
  test(`over ${transport}, who is blocked cannot tell that from the other being offline`, async () => {
    const [mallory, bob, gone] = ['Mallory', 'Bob', 'Gone'].map(user);
    const transports = [transport];
    const sender = await connect(mallory, { transports });
    const receivers = [await connect(bob, { transports }), await connect(bob)];
    await exchange(sender, receivers[0], () => {});
    await receivers[1].next('receive_message');
    const before = receivers.map((one) => from(one, mallory).length);
    await block(bob, mallory);
    assert.equal((await send(sender, bob, 0)).recipientOnline, false);
    assert.deepEqual(await sendEverything(sender, bob), await sendEverything(sender, gone));
    // What a sender sends stays in order, so all of it would have come before this.
    await unblock(bob, mallory);
    assert.equal((await send(sender, bob, 'last')).recipientOnline, true);
    for (const [index, receiver] of receivers.entries()) {
      await receiver.next('receive_message', ({ seq }) => seq === 'last');
      assert.equal(from(receiver, mallory).length, before[index] + 1);
    }
  });
}

test('who blocks somebody still reaches them, and others still reach both', async () => {
  const [mallory, bob, carol] = ['Mallory', 'Bob', 'Carol'].map(user);
  const clients = [await connect(mallory), await connect(bob), await connect(carol)];
  await block(bob, mallory);
  for (const [sender, receiver] of [[1, 0], [2, 0], [2, 1], [0, 2], [1, 2]]) {
    await exchange(clients[sender], clients[receiver], () => {});
  }
});

test('who was not connected when they were blocked is blocked, on each new connection', async () => {
  const [mallory, bob] = ['Mallory', 'Bob'].map(user);
  const receiver = await connect(bob);
  await block(bob, mallory);
  for (const _ of [1, 2, 3]) {
    const sender = await connect(mallory);
    assert.equal((await send(sender, bob, 1)).recipientOnline, false);
    sender.close();
  }
  const sender = await connect(mallory);
  await unblock(bob, mallory);
  assert.equal((await send(sender, bob, 'last')).recipientOnline, true);
  await receiver.next('receive_message', ({ seq }) => seq === 'last');
  assert.equal(receiver.all('receive_message').length, 1);
});
