// A plain socket.io server doing the work the benchmark measures; what it does is in `app.mjs`.
import { createServer } from 'node:http';
import jwt from 'jsonwebtoken';
import { Server } from 'socket.io';
import { MAX_EVENT_BYTES, serve, userOf } from './app.mjs';

const stores = process.env.DIALECTS === 'conversation';
const conversation = stores ? await import('./conversation.mjs').catch(giveUp) : undefined;

/** One line, its last: it says why there are no figures. */
function giveUp(error) {
  console.error(`conversation.mjs: ${error.message.split('\n')[0]}`);
  process.exit(1);
}

const http = createServer((request, response) => {
  if (conversation && request.method === 'POST' && request.url === '/api/conversations') {
    return serveAuthorized(request, response, conversation.createConversation);
  }
  response.writeHead(request.url === '/health' ? 200 : 404);
  response.end();
});

function serveAuthorized(request, response, serveUser) {
  let user;
  try {
    user = userOf(jwt, request.headers.authorization?.replace(/^Bearer /, ''));
  } catch {
    response.writeHead(403);
    return response.end();
  }
  serveUser(request, response, user);
}

const io = new Server(http, { maxHttpBufferSize: MAX_EVENT_BYTES });
serve(io, jwt, conversation);

http.listen(Number(process.env.PORT), process.env.HOST);
