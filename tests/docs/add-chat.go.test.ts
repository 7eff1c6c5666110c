/** The back end in Go of docs/add-chat.md. Needs go. */
import { testWith } from '../support/needs.ts';
import { expectBackEnd } from './back-end.ts';

testWith('go', 'the back end in Go gives tokens to who has a session', () =>
  expectBackEnd({
    name: 'add-chat-go',
    file: 'back-end.go',
    command: 'go',
    args: () => ['run', 'back-end.go'],
    startMs: 120_000,
  }),
);
