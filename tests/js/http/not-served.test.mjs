// REST where no dialect is served that has stored conversations: there are no routes of them. Started with `direct` alone.
import { test } from 'node:test';
import { user } from '../support/relay.mjs';
import { NO_ROUTE, refused } from '../support/rest.mjs';

test('the routes of conversations are as unknown as any other, whoever asks', async () => {
  const routes = [
    ['POST', '/api/conversations', { participantIds: [] }], ['GET', '/api/conversations'], ['GET', '/api/conversations/x'],
    ['POST', '/api/conversations/x/participants', { userId: 'bob' }], ['DELETE', '/api/conversations/x/participants/bob'],
    ['POST', '/api/messages', { conversationId: 'x', content: 'x' }], ['GET', '/api/messages?conversationId=x'], ['GET', '/api/messages/x'],
    ['PATCH', '/api/messages/x', { content: 'x' }], ['PUT', '/api/messages/x', { encrypted_msg_content: 'x' }], ['DELETE', '/api/messages/x'],
    ['POST', '/api/messages/read', { conversationId: 'x', messageIds: ['x'] }],
  ];
  for (const who of [null, user('Alice')]) {
    for (const [method, path, body] of routes) await refused(404, NO_ROUTE, who, method, path, body);
  }
});
