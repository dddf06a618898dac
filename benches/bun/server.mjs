// The plain socket.io server on Bun, with the engine that Socket.IO has for it. What it does is in `../node/app.mjs`.
import { Server as Engine } from '@socket.io/bun-engine';
import jwt from 'jsonwebtoken';
import { Server } from 'socket.io';
import { MAX_EVENT_BYTES, serve } from '../node/app.mjs';

// What waits for a client beyond this is dropped, and by default that is 1 MiB, less than one event.
const backpressureLimit = 8 * MAX_EVENT_BYTES;

const engine = new Engine({ path: '/socket.io/', maxHttpBufferSize: MAX_EVENT_BYTES });
const io = new Server();
io.bind(engine);
serve(io, jwt);

const handler = engine.handler();
Bun.serve({
  ...handler,
  hostname: process.env.HOST,
  port: Number(process.env.PORT),
  websocket: { ...handler.websocket, backpressureLimit },
  fetch: (request, server) =>
    new URL(request.url).pathname === '/health' ? new Response() : handler.fetch(request, server),
});
