/** The plain way with the library `ws`: a set of sockets and one `send` to each, as in its README. */
import { WebSocketServer, type WebSocket } from 'ws';

const subscribers = new Set<WebSocket>();
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.env['PORT']), perMessageDeflate: false });

server.on('connection', (socket) => {
  socket.on('error', () => socket.terminate());
  socket.on('close', () => subscribers.delete(socket));
  socket.on('message', (data, isBinary) => {
    if (Buffer.isBuffer(data) && data.toString() === 'subscribe') {
      subscribers.add(socket);
      socket.send('subscribed');
      return;
    }
    for (const subscriber of subscribers) {
      if (subscriber.readyState === subscriber.OPEN) subscriber.send(data, { binary: isBinary });
    }
  });
});
