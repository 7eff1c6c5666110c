/** Socket.IO with rooms: WebSocket only, compression off (its default), and the memory advice of its documentation. */
import { createServer } from 'node:http';
import { Server } from 'socket.io';

interface FromClient {
  subscribe(channel: string, done: () => void): void;
  publish(channel: string, data: unknown): void;
}

interface ToClient {
  publication(data: unknown): void;
}

const http = createServer();
const io = new Server<FromClient, ToClient>(http, { transports: ['websocket'], serveClient: false });

// https://socket.io/docs/v4/memory-usage/: the first HTTP request of each session need not be kept.
io.engine.on('connection', (socket: { request: unknown }) => {
  socket.request = null;
});

io.on('connection', (socket) => {
  socket.on('subscribe', (channel, done) => {
    void socket.join(channel);
    done();
  });
  socket.on('publish', (channel, data) => {
    io.to(channel).emit('publication', data);
  });
});

http.listen(Number(process.env['PORT']), '127.0.0.1');
