/** The questions `tidings doctor` asks about this machine and the configuration. None of them changes anything. */
import { spawnSync } from 'node:child_process';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import { createServer, connect } from 'node:net';
import { dirname, resolve } from 'node:path';
import type { Config } from '@tidings/server';

export interface Finding {
  readonly status: 'ok' | 'warn' | 'fail';
  readonly subject: string;
  readonly detail: string;
  /** What to do; undefined if there is nothing to do. */
  readonly remedy?: string;
}

const requiredMajor = 24;

export function checkNode(version: string): Finding {
  const subject = 'Node';
  if (Number(version.split('.')[0]) >= requiredMajor) return { status: 'ok', subject, detail: version };
  return { status: 'fail', subject, detail: version, remedy: `install Node ${requiredMajor} or newer` };
}

/** Files that are open anyway: code, database, log, connections to other servers. */
const ownFiles = 1000;
const fewFiles = 10_000;

/** Every connection is an open file. */
export function checkOpenFiles(limit: number | undefined, { limits }: Pick<Config, 'limits'>): Finding {
  const subject = 'open files';
  if (limit === undefined) return { status: 'ok', subject, detail: 'no limit is known on this system' };
  const needed = limits.connections === 0 ? fewFiles : limits.connections + ownFiles;
  const detail = `${limit} at most, so about ${Math.max(0, limit - ownFiles)} connections`;
  if (limit >= needed) return { status: 'ok', subject, detail };
  const remedy = `raise it to at least ${needed}: LimitNOFILE= in systemd, --ulimit nofile= in Docker, ulimit -n in a shell`;
  return { status: 'warn', subject, detail, remedy };
}

/** What a process started from here gets; Node raises its own soft limit to the hard one. */
export function openFileLimit(): number | undefined {
  if (process.platform === 'win32') return undefined;
  const answer = spawnSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).stdout?.trim() ?? '';
  return /^\d+$/.test(answer) ? Number(answer) : undefined;
}

/** Whether a port can be listened on. */
export async function checkPort(key: string, host: string, port: number): Promise<Finding> {
  const subject = `${key} ${host}:${port}`;
  if (port === 0) return { status: 'ok', subject, detail: 'any free port' };
  const code = await new Promise<string | undefined>((done) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    server.listen({ port, host, exclusive: true }, () => server.close(() => done(undefined)));
  });
  switch (code) {
    case undefined:
      return { status: 'ok', subject, detail: 'free' };
    case 'EADDRINUSE': {
      const remedy = `stop the other program, or set another ${key}.port; if it is Tidings itself, all is well`;
      return { status: 'warn', subject, detail: 'taken: something listens there', remedy };
    }
    case 'EACCES':
      return {
        status: 'fail',
        subject,
        detail: 'needs more rights',
        remedy: 'take a port from 1024 on, and a proxy in front',
      };
    default:
      return {
        status: 'fail',
        subject,
        detail: `cannot be listened on (${code})`,
        remedy: `set ${key}.host to an address of this machine`,
      };
  }
}

/** Whether the data directory can be written, or made. */
export async function checkDataDir(dataDir: string, cwd: string): Promise<Finding> {
  const subject = 'data directory';
  const wanted = resolve(cwd, dataDir);
  const existing = await nearestExisting(wanted);
  const remedy = 'set dataDir (TIDINGS_DATA) to a directory this user can write to';
  if (!(await stat(existing)).isDirectory())
    return { status: 'fail', subject, detail: `${existing} is no directory`, remedy };
  try {
    await access(existing, constants.W_OK | constants.X_OK);
  } catch {
    return { status: 'fail', subject, detail: `${existing} cannot be written`, remedy };
  }
  return { status: 'ok', subject, detail: existing === wanted ? wanted : `${wanted}, which will be made` };
}

async function nearestExisting(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined || dirname(path) === path ? path : nearestExisting(dirname(path));
}

const soonMs = 21 * 86_400_000;

/** Whether certificate and key belong together and are valid for a while. */
export async function checkTls(
  { certFile, keyFile }: NonNullable<Config['listen']['tls']>,
  nowMs: number,
): Promise<Finding> {
  const subject = 'TLS certificate';
  const remedy = 'renew it; SIGHUP makes the server read it again';
  const certificate = new X509Certificate(await readFile(certFile));
  const until = Date.parse(certificate.validTo);
  if (!certificate.checkPrivateKey(createPrivateKey(await readFile(keyFile)))) {
    return {
      status: 'fail',
      subject,
      detail: `${keyFile} is not the key of ${certFile}`,
      remedy: 'set the key that belongs to it',
    };
  }
  if (Date.parse(certificate.validFrom) > nowMs) {
    const detail = `not valid before ${certificate.validFrom}`;
    return { status: 'fail', subject, detail, remedy: 'check the clock of this machine, or take another certificate' };
  }
  if (until < nowMs) return { status: 'fail', subject, detail: `expired on ${certificate.validTo}`, remedy };
  if (until - nowMs < soonMs) return { status: 'warn', subject, detail: `expires on ${certificate.validTo}`, remedy };
  return { status: 'ok', subject, detail: `valid until ${certificate.validTo}` };
}

const reachTimeoutMs = 3_000;

/** Whether something listens at the address. No request is sent: the application would take it for a real one. */
export async function checkReachable(key: string, address: string): Promise<Finding> {
  const url = new URL(address);
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
  const subject = `${key} ${url.host}`;
  const problem = await new Promise<string | undefined>((done) => {
    const socket = connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port, timeout: reachTimeoutMs });
    const finish = (result: string | undefined) => {
      socket.destroy();
      done(result);
    };
    socket.once('connect', () => finish(undefined));
    socket.once('timeout', () => finish('no answer'));
    socket.once('error', (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
  });
  if (problem === undefined) return { status: 'ok', subject, detail: 'reachable' };
  const remedy = 'start the application, or correct the address; until then what asks it is refused';
  return { status: 'fail', subject, detail: `not reachable (${problem})`, remedy };
}
