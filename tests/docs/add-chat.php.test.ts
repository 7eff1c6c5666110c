/** The back end in PHP of docs/add-chat.md. Needs php. */
import { testWith } from '../support/needs.ts';
import { expectBackEnd } from './back-end.ts';

testWith('php', 'the back end in PHP gives tokens to who has a session', () =>
  expectBackEnd({
    name: 'add-chat-php',
    file: 'back-end.php',
    command: 'php',
    args: (port) => ['-S', `127.0.0.1:${port}`, 'back-end.php'],
  }),
);
