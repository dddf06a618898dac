// The stock server: npm socket.io with nothing but the events that the checks use, in the form of `direct`.
// A message goes back to its sender. The token `bad` is refused; who comes with another is welcome.
import { Server } from 'socket.io';

const server = new Server(Number(process.env.PORT), {
  allowEIO3: true,
  pingInterval: Number(process.env.PING_INTERVAL),
  pingTimeout: Number(process.env.PING_TIMEOUT),
  // As much as the relay takes; the stock server's own default is 1 MB, Base64 included.
  maxHttpBufferSize: 10_000_000,
});

server.use(({ handshake }, next) => {
  const bearer = handshake.headers.authorization?.replace(/^Bearer /, '');
  const token = handshake.auth.token ?? bearer;
  next(token && token !== 'bad' ? undefined : new Error('Invalid token'));
});

server.on('connection', (socket) => {
  socket.on('send_message', (payload, answer) => {
    socket.emit('receive_message', payload);
    answer?.({ success: true });
  });
  socket.emit('auth:success', {});
});

process.once('SIGTERM', () => server.close(() => process.exit()));
server.httpServer.on('listening', () => console.log('listening'));
