/**
 * The load of `chat-send` and `chat-latency` as a process of its own: options as JSON in, the result as JSON out. People
 * send over WebSocket, each on a connection of their own. Every send must be answered, and every message arrive.
 */
import { mintBenchToken } from '../packages/cli/src/bench/bench-token.ts';
import { LatencyRecorder, type LatencySummary } from '../packages/cli/src/bench/latency.ts';
import { readProcessUsage } from '../packages/cli/src/bench/process-usage.ts';
import { newClientId } from '../packages/client/src/chat/client-id.ts';
import { DiskProbe } from './disk-probe.ts';
import { LoadSocket } from './load-socket.ts';

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
  /** A folder on the disk of the database: the disk is looked at as well. */
  readonly diskFolder?: string;
}

export interface ChatResult {
  readonly sends: number;
  readonly perSecond: number;
  readonly cpuUsPerSend: number;
  /** Of this process. If it comes near what a processor has for each send, the load is what was measured. */
  readonly loadCpuUsPerSend: number;
  /** From the call to its answer; by then the message is on disk. */
  readonly answered: LatencySummary;
  /** From the call to the message at the other client. */
  readonly seen?: LatencySummary;
  /** Of a small write to the disk, beside all this. */
  readonly disk?: LatencySummary;
}

const text = 'A message of some usual length: about eighty characters, as people write them.';

/** Of a sender; more never wait for their answers. */
const maxWaiting = 4_096;

class Member {
  readonly #socket: LoadSocket;
  /** By id, modulo their number: who waits for the answer. */
  readonly #waiting = new Array<((problem: string | undefined) => void) | undefined>(maxWaiting).fill(undefined);
  #lastId = 0;
  onMessage: (text: string) => void = () => {};

  constructor(socket: LoadSocket) {
    this.#socket = socket;
    socket.onLine = (bytes, start, end) => this.#hear(bytes, start, end);
  }

  static async join({ port, secret }: ChatLoad, user: string): Promise<Member> {
    const member = new Member(await LoadSocket.open(port, '/connection/websocket'));
    member.#socket.onClose = (reason) => fail(`closed by the server: ${reason}`);
    await member.ask(`"connect":{"token":"${mintBenchToken(secret, user)}"}`);
    return member;
  }

  /** @param command of the protocol, as JSON, without the braces around it. @throws Error with what the server said. */
  ask(command: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#say(command, (problem) => (problem === undefined ? resolve() : reject(new Error(problem))));
    });
  }

  /** @param answered called with what the server said if it refused. */
  send(room: number, clientId: string, answered: (problem: string | undefined) => void): void {
    this.#say(
      `"rpc":{"method":"chat.send","data":{"room":"room-${room}","clientId":"${clientId}","text":"${text}"}}`,
      answered,
    );
  }

  #say(command: string, answered: (problem: string | undefined) => void): void {
    const id = ++this.#lastId;
    if (this.#waiting[id % maxWaiting]) throw new Error(`more than ${maxWaiting} sends of one user wait`);
    this.#waiting[id % maxWaiting] = answered;
    this.#socket.say(`{"id":${id},${command}}`);
  }

  #hear(bytes: Buffer, start: number, end: number): void {
    if (end - start === 2) {
      this.#socket.say('{}');
      return;
    }
    // `{"id":12,"rpc":…}`: reading the whole of every answer would cost the load more than it costs the server to write it.
    if (bytes[start + 2] !== letterI) {
      this.onMessage(bytes.toString('utf8', start, end));
      return;
    }
    let at = start + '{"id":'.length;
    let id = 0;
    for (; isDigit(bytes[at]); at++) id = id * 10 + (bytes[at] as number) - digitZero;
    const answered = this.#waiting[id % maxWaiting];
    if (!answered) throw new Error(`an answer nobody waits for: ${bytes.toString('utf8', start, end)}`);
    this.#waiting[id % maxWaiting] = undefined;
    // What comes behind the id is the result, or the error.
    const isError = bytes[at + 2] === letterE;
    answered(isError ? bytes.toString('utf8', start, end) : undefined);
  }
}

const letterI = 0x69;
const letterE = 0x65;
const digitZero = 0x30;

function isDigit(code: number | undefined): boolean {
  return code !== undefined && code >= digitZero && code <= 0x39;
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
  const sendOne = (number: number, done: () => void): void => {
    const room = number % load.rooms;
    const user = (room + (Math.floor(number / load.rooms) % load.membersPerRoom)) % load.users;
    const clientId = newClientId();
    const startedAt = performance.now();
    if (load.perSecond !== undefined) sentAt.set(clientId, startedAt);
    (members[user] as Member).send(room, clientId, (problem) => {
      if (problem !== undefined) fail(problem);
      answered.record(performance.now() - startedAt);
      sends++;
      done();
    });
  };
  let work: Promise<unknown>;
  if (load.perSecond === undefined) {
    work = sendByWindow(load.window ?? 1, () => ended, sendOne);
  } else {
    const watcher = await Member.join(load, owner);
    for (let room = 0; room < load.rooms; room++) {
      await watcher.ask(`"subscribe":{"channel":"chat:room:room-${room}"}`);
    }
    watcher.onMessage = (line) => {
      const clientId = /"clientId":"([^"]+)"/.exec(line)?.[1] ?? '';
      const startedAt = sentAt.get(clientId);
      if (startedAt === undefined) return;
      seen.record(performance.now() - startedAt);
      sentAt.delete(clientId);
    };
    work = sendEvenly(load.perSecond, () => ended, sendOne);
  }
  work.catch((error: unknown) => fail((error as Error).message));
  const disk = load.diskFolder === undefined ? undefined : await DiskProbe.start(load.diskFolder);
  await sleep(load.warmUpSeconds);
  for (const recorder of [answered, seen, disk]) recorder?.reset();
  sends = 0;
  const cpuBefore = readProcessUsage(load.serverPid)?.cpuMs ?? Number.NaN;
  const ownCpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  await sleep(load.seconds);
  const elapsed = (performance.now() - startedAt) / 1000;
  const [counted, cpuMs] = [sends, (readProcessUsage(load.serverPid)?.cpuMs ?? Number.NaN) - cpuBefore];
  const ownCpu = process.cpuUsage(ownCpuBefore);
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
    loadCpuUsPerSend: (ownCpu.user + ownCpu.system) / counted,
    answered: answered.summary(),
    ...(load.perSecond !== undefined && { seen: seen.summary() }),
    ...(disk && { disk: await disk.stop() }),
  };
}

type SendOne = (number: number, done: () => void) => void;

/** Sends so many at a time: with each answer the next goes out. Resolves when all were answered. */
function sendByWindow(window: number, isOver: () => boolean, send: SendOne): Promise<void> {
  return new Promise((resolve) => {
    let next = 0;
    let waiting = window;
    const goOn = (): void => {
      if (!isOver()) send(next++, goOn);
      else if (--waiting === 0) resolve();
    };
    for (let i = 0; i < window; i++) goOn();
  });
}

/** Sends at even distances, whether or not those before were answered; what is late goes out at once. */
async function sendEvenly(perSecond: number, isOver: () => boolean, send: SendOne): Promise<void> {
  let waiting = 0;
  const startedAt = performance.now();
  for (let number = 0; !isOver();) {
    const due = Math.floor(((performance.now() - startedAt) * perSecond) / 1000);
    for (; number < due; number++) {
      waiting++;
      send(number, () => waiting--);
    }
    await sleep(0.001);
  }
  while (waiting > 0) await sleep(0.001);
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
