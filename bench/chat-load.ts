/**
 * The load of `chat-send` and `chat-latency` as a process of its own: options as JSON in, the result as JSON out. People
 * send over WebSocket, each on a connection of their own. Every send must be answered, and every message arrive.
 */
import { WebSocket } from 'ws';
import { mintBenchToken } from '../packages/cli/src/bench/bench-token.ts';
import { LatencyRecorder, type LatencySummary } from '../packages/cli/src/bench/latency.ts';
import { readProcessUsage } from '../packages/cli/src/bench/process-usage.ts';

export interface ChatLoad {
  readonly port: number;
  readonly serverPid: number;
  readonly secret: string;
  readonly apiKey: string;
  readonly rooms: number;
  readonly users: number;
  /** Of each room; a user who is in several sends in them in turn. */
  readonly membersPerRoom: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Sends of all users that wait for their answers. */
  readonly window?: number;
  /** Instead of a window: so many sends in all, evenly over each second, and somebody who watches every room. */
  readonly perSecond?: number;
}

export interface ChatResult {
  readonly sends: number;
  readonly perSecond: number;
  readonly cpuUsPerSend: number;
  /** From the call to its answer; by then the message is on disk. */
  readonly answered: LatencySummary;
  /** From the call to the message at the other client. */
  readonly seen?: LatencySummary;
}

const text = 'A message of some usual length: about eighty characters, as people write them.';

class Member {
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, (reply: { error?: { message: string } }) => void>();
  #lastId = 0;
  onMessage: (text: string) => void = () => {};

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      for (const line of data.toString().split('\n')) this.#hear(line);
    });
  }

  static async join({ port, secret }: ChatLoad, user: string): Promise<Member> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/connection/websocket`, { perMessageDeflate: false });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const member = new Member(socket);
    await member.ask({ connect: { token: mintBenchToken(secret, user) } });
    socket.on('close', (code: number, reason: Buffer) => fail(`closed by the server: ${code} ${reason.toString()}`));
    return member;
  }

  /** @throws Error with what the server said. */
  async ask(command: object): Promise<void> {
    const id = ++this.#lastId;
    const reply = await new Promise<{ error?: { message: string } }>((resolve) => {
      this.#answers.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, ...command }));
    });
    if (reply.error) throw new Error(reply.error.message);
  }

  send(room: number, clientId: string): Promise<void> {
    return this.ask({ rpc: { method: 'chat.send', data: { room: `room-${room}`, clientId, text } } });
  }

  #hear(line: string): void {
    if (line === '{}') {
      this.#socket.send('{}');
      return;
    }
    // Reading the whole of every answer would cost the load more than it costs the server to write it.
    const id = Number(/^\{"id":(\d+)/.exec(line)?.[1]);
    if (Number.isNaN(id)) {
      this.onMessage(line);
      return;
    }
    this.#answers.get(id)?.(line.includes('"error":{') ? (JSON.parse(line) as object) : {});
    this.#answers.delete(id);
  }
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/** Of every room; sends nothing. */
const owner = 'watcher';

/** Numbers of the users in a room: neighbours, so that each user is in as many rooms. */
function membersOf(room: number, { users, membersPerRoom }: ChatLoad): number[] {
  return Array.from({ length: membersPerRoom }, (_, at) => (room + at) % users);
}

async function makeRooms(load: ChatLoad): Promise<void> {
  const { port, apiKey, rooms } = load;
  for (let room = 0; room < rooms; room++) {
    const members = membersOf(room, load).map((user) => `user-${user}`);
    const response = await fetch(`http://127.0.0.1:${port}/api/chat/createRoom`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': apiKey },
      body: JSON.stringify({ kind: 'group', id: `room-${room}`, owner, members }),
    });
    const answer = await response.text();
    if (!response.ok || answer.includes('"error"')) throw new Error(`no room could be made: ${answer}`);
  }
}

async function run(load: ChatLoad): Promise<ChatResult> {
  await makeRooms(load);
  const members = await Promise.all(Array.from({ length: load.users }, (_, user) => Member.join(load, `user-${user}`)));
  const answered = new LatencyRecorder();
  const seen = new LatencyRecorder();
  const sentAt = new Map<string, number>();
  let sends = 0;
  let ended = false;
  const sendOne = async (number: number): Promise<void> => {
    const room = number % load.rooms;
    const user = membersOf(room, load)[Math.floor(number / load.rooms) % load.membersPerRoom] ?? 0;
    const clientId = `c-${number}`;
    const startedAt = performance.now();
    if (load.perSecond !== undefined) sentAt.set(clientId, startedAt);
    await (members[user] as Member).send(room, clientId);
    answered.record(performance.now() - startedAt);
    sends++;
  };
  let next = 0;
  let work: Promise<unknown>;
  if (load.perSecond === undefined) {
    work = Promise.all(
      Array.from({ length: load.window ?? 1 }, async () => {
        while (!ended) await sendOne(next++);
      }),
    );
  } else {
    const watcher = await Member.join(load, owner);
    for (let room = 0; room < load.rooms; room++) {
      await watcher.ask({ subscribe: { channel: `chat:room:room-${room}` } });
    }
    watcher.onMessage = (line) => {
      const clientId = /"clientId":"(c-\d+)"/.exec(line)?.[1] ?? '';
      const startedAt = sentAt.get(clientId);
      if (startedAt === undefined) return;
      seen.record(performance.now() - startedAt);
      sentAt.delete(clientId);
    };
    work = sendEvenly(load.perSecond, () => ended, sendOne);
  }
  work.catch((error: unknown) => fail((error as Error).message));
  await sleep(load.warmUpSeconds);
  for (const recorder of [answered, seen]) recorder.reset();
  sends = 0;
  const cpuBefore = readProcessUsage(load.serverPid)?.cpuMs ?? Number.NaN;
  const startedAt = performance.now();
  await sleep(load.seconds);
  const elapsed = (performance.now() - startedAt) / 1000;
  const [counted, cpuMs] = [sends, (readProcessUsage(load.serverPid)?.cpuMs ?? Number.NaN) - cpuBefore];
  ended = true;
  await work;
  if (load.perSecond !== undefined) {
    for (let waited = 0; sentAt.size > 0 && waited < 5; waited += 0.05) await sleep(0.05);
    if (sentAt.size > 0) throw new Error(`${sentAt.size} messages were never seen`);
  }
  return {
    sends: counted,
    perSecond: counted / elapsed,
    cpuUsPerSend: (cpuMs * 1000) / counted,
    answered: answered.summary(),
    ...(load.perSecond !== undefined && { seen: seen.summary() }),
  };
}

/** Sends at even distances, whether or not those before were answered; what is late goes out at once. */
async function sendEvenly(
  perSecond: number,
  isOver: () => boolean,
  send: (number: number) => Promise<void>,
): Promise<void> {
  const underWay: Promise<void>[] = [];
  const startedAt = performance.now();
  for (let number = 0; !isOver();) {
    const due = Math.floor(((performance.now() - startedAt) * perSecond) / 1000);
    for (; number < due; number++) underWay.push(send(number));
    await sleep(0.001);
  }
  await Promise.all(underWay);
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

try {
  const result = await run(JSON.parse(process.argv[2] ?? '') as ChatLoad);
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exit(0);
} catch (error) {
  fail((error as Error).message);
}
