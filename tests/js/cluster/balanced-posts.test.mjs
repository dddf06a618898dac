// One of two relays behind a load balancer, at RELAY_URL, is stopped: its process LEAVING_PID gets SIGTERM. What is posted
// meanwhile is answered by one or the other.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { RELAY_URL, unique } from '../support/relay.mjs';

const AT_ONCE = 32;
/** What is posted before the signal and after it. */
const POSTS = 3000;

/** Reserves a session: the status, or why there was none. */
function post(agent) {
  const body = JSON.stringify({ sessionId: unique('session'), authKey: 'k'.repeat(32), chatMode: 'group' });
  const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length };
  return new Promise((resolve) => {
    const call = http.request(new URL('/api/reserve-session', RELAY_URL), { method: 'POST', agent, headers }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    });
    call.on('error', (error) => resolve(error.message));
    call.end(body);
  });
}

test('what is posted while a relay stops is answered', async () => {
  const agent = new http.Agent({ keepAlive: true });
  const answers = new Map();
  let posted = 0;
  const postAll = async () => {
    while (posted < 2 * POSTS) {
      posted += 1;
      if (posted === POSTS) process.kill(Number(process.env.LEAVING_PID), 'SIGTERM');
      const answer = await post(agent);
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, postAll));
  agent.destroy();
  assert.deepEqual([...answers], [[200, 2 * POSTS]]);
});
