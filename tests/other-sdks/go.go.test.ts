/** The Go SDK (`centrifuge-go`), over JSON and Protobuf. Needs go 1.23 or newer. */
import { join } from 'node:path';
import { beside, expectConversation, inTemporaryFolder, runProgram } from './sdk.ts';
import { testWith } from '../support/needs.ts';

testWith('go', 'publish, recover, history and presence through the Go SDK', async () => {
  await inTemporaryFolder(async (folder) => {
    const program = join(folder, 'conversation');
    await runProgram(['go', 'build', '-o', program, '.'], { cwd: beside('go'), tries: 3 });
    await expectConversation([program]);
  });
});
