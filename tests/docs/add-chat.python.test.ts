/** The back end in Python of docs/add-chat.md. Needs python3. */
import { testWith } from '../support/needs.ts';
import { expectBackEnd } from './back-end.ts';

testWith('python3', 'the back end in Python gives tokens to who has a session', () =>
  expectBackEnd({ name: 'add-chat-python', file: 'back_end.py', command: 'python3', args: () => ['back_end.py'] }),
);
