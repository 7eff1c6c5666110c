/** The Python SDK (`centrifuge-python`), over JSON and Protobuf. Needs python3 with venv. */
import { join } from 'node:path';
import { beside, expectConversation, inTemporaryFolder, runProgram } from './sdk.ts';
import { testWith } from '../support/needs.ts';

testWith('python3', 'publish, recover, history and presence through the Python SDK', async () => {
  await inTemporaryFolder(async (folder) => {
    await runProgram(['python3', '-m', 'venv', folder]);
    const requirements = beside('python/requirements.txt');
    await runProgram([join(folder, 'bin', 'pip'), 'install', '--quiet', '--requirement', requirements], { tries: 3 });
    await expectConversation([join(folder, 'bin', 'python'), beside('python/conversation.py')]);
  });
});
