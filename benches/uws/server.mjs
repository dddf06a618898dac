// The plain socket.io server on uWebSockets.js instead of Node's own HTTP and the package `ws`, as the documentation of
// socket.io has it. What it does is in `../node/app.mjs`.
import jwt from 'jsonwebtoken';
import { Server } from 'socket.io';
import uws from 'uwebsockets';
import { MAX_EVENT_BYTES, serve } from '../node/app.mjs';

// What waits for a client beyond this is dropped, and by default that is 64 KiB, less than one event.
const maxBackpressure = 8 * MAX_EVENT_BYTES;

const app = uws.App();
const io = new Server({ maxHttpBufferSize: MAX_EVENT_BYTES });
io.attachApp(app, { maxBackpressure });
serve(io, jwt);

app.get('/health', (response) => response.end());
app.listen(process.env.HOST, Number(process.env.PORT), (listening) => {
  if (listening) return;
  console.error(`cannot listen on ${process.env.HOST}:${process.env.PORT}`);
  process.exit(1);
});
