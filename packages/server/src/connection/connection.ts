/**
 * One client's connection: its state, its commands in order, its end.
 *
 * Path of a message: transport → **connection** → use case → broker → hub → outbox → transport.
 */
import {
  closeCodes,
  DecodeError,
  errors,
  jsonCodec,
  protobufCodec,
  ProtocolError,
  unsubscribeCodes,
  type CloseReason,
  type Codec,
  type Command,
  type ConnectRequest,
  type ConnectResult,
  type ErrorMessage,
  type Payload,
  type Push,
  type Reply,
  type SubscribeResult,
} from '@tidings/protocol';
import type { AuthRecord } from '../auth/authorizer.ts';
import { HookDisconnect, HookFailure } from '../auth/hooks.ts';
import type { SubscriptionGrant } from '../auth/identity.ts';
import type { Client, Renewal } from '../client.ts';
import { authenticate, serverSubscriptions, withConnectHeaders, type Authenticated } from '../connect.ts';
import type { Core } from '../core.ts';
import { Disconnect } from '../disconnect.ts';
import { encodePush } from '../hub/publication-encoder.ts';
import { subscriptionFlags as flags, type Subscription } from '../hub/subscription.ts';
import { newId } from '../lib/ids.ts';
import { lifetime } from '../refresh.ts';
import { subscribeFromClient, subscribeFromServer, type Subscribed } from '../subscribe.ts';
import type { Fault, Handshake, Socket, SocketEvents } from '../transports/transport.ts';
import { endSubscription, unsubscribeFromServer } from '../unsubscribe.ts';
import { version } from '../version.ts';
import { channelLane, dispatch, laneOf, methodOf, type Method } from './dispatch.ts';
import type { Heartbeat, HeartbeatEntry } from './heartbeat.ts';
import { Lanes } from './lanes.ts';
import { TokenBucket, type ConnectionLimits } from './limits.ts';
import { Offences } from './offences.ts';
import { Outbox, type Flusher } from './outbox.ts';
import { Upkeep } from './upkeep.ts';

/** What all connections of a node share. */
export interface ConnectionContext {
  readonly core: Core;
  readonly flusher: Flusher;
  readonly heartbeat: Heartbeat;
  readonly limits: ConnectionLimits;
}

type State = 'fresh' | 'connecting' | 'open' | 'refused' | 'closed';

/** How a unidirectional client, which reads no error replies, learns why connecting failed. */
const refusals: ReadonlyMap<number, CloseReason> = new Map<number, CloseReason>([
  [errors.permissionDenied.code, closeCodes.permissionDenied],
  [errors.tokenExpired.code, closeCodes.expired],
  [errors.expired.code, closeCodes.expired],
  [errors.tooManyRequests.code, closeCodes.tooManyRequests],
  [errors.badRequest.code, closeCodes.badRequest],
  [errors.unknownChannel.code, closeCodes.badRequest],
  [errors.notAvailable.code, closeCodes.notAvailable],
  [errors.limitExceeded.code, closeCodes.channelLimit],
]);

export class Connection implements Client, SocketEvents, HeartbeatEntry {
  // The heartbeat wheel keeps its bookkeeping in the entry.
  heartbeatDue = 0;
  heartbeatSlot = -1;
  heartbeatIndex = -1;

  readonly #context: ConnectionContext;
  readonly #socket: Socket;
  #handshake: Handshake;
  readonly #codec: Codec;
  readonly recipient: Outbox;
  readonly subscriptions = new Map<string, Subscription>();
  subscribing = 0;
  id = '';
  #identity: Authenticated | undefined;
  #auth: AuthRecord | undefined;
  /** Of the configuration that says what it is made of. */
  #authGeneration = 0;
  #state: State = 'fresh';
  #upkeep: Upkeep;
  #lanes: Lanes | undefined;
  #commands: TokenBucket | undefined;
  #waiting: Command[] | undefined;
  #pending = 0;
  #offences: Offences | undefined;

  constructor(context: ConnectionContext, socket: Socket) {
    const { core } = context;
    this.#context = context;
    this.#socket = socket;
    this.#handshake = socket.handshake;
    this.#codec = socket.handshake.format.codec === 'json' ? jsonCodec : protobufCodec;
    this.recipient = new Outbox(context.flusher, socket, core.config.limits.bufferedBytesPerConnection, () =>
      this.disconnect(closeCodes.slow, `more than ${core.config.limits.bufferedBytesPerConnection} bytes unread`),
    );
    this.#upkeep = new Upkeep(core, this, socket);
    core.metrics.connectionsAccepted.add(socket.handshake.transport);
    this.reschedule();
  }

  get user(): string {
    return this.#identity?.user ?? '';
  }
  get info(): Payload | undefined {
    return this.#identity?.info;
  }
  get meta(): unknown {
    return this.#identity?.meta;
  }
  get auth(): AuthRecord {
    const { generation } = this.#context.core.permissions;
    if (this.#auth === undefined || this.#authGeneration !== generation) {
      this.#auth = this.#makeAuth();
      this.#authGeneration = generation;
    }
    return this.#auth;
  }
  get handshake(): Handshake {
    return this.#handshake;
  }
  get session(): string | undefined {
    return this.#socket.session;
  }
  get isClosed(): boolean {
    return this.#state === 'closed';
  }
  get open(): boolean {
    return this.#state === 'open';
  }
  /** Who refreshes the connection when it expires. */
  get refresh(): Authenticated['refresh'] {
    return this.#identity?.refresh;
  }

  // — from the transport —

  message(frame: string | Uint8Array): void {
    if (this.isClosed) return;
    const { core } = this.#context;
    core.metrics.framesReceived++;
    core.metrics.bytesReceived += frame.length;
    let commands: Command[];
    try {
      commands = this.#codec.decodeCommands(frame, core.config.limits.commandsPerFrame);
    } catch (error) {
      const detail = error instanceof DecodeError ? error.message : `undecodable frame: ${String(error)}`;
      this.disconnect(closeCodes.badRequest, detail);
      return;
    }
    for (const command of commands) {
      if (this.isClosed) return;
      this.#receive(command);
    }
  }

  closed(_code: number, fault?: Fault): void {
    // Which code the peer chose is its own affair; it must not make labels of metrics.
    if (!this.isClosed) this.#end(fault ?? closeCodes.connectionClosed, fault?.detail);
  }

  // — to the client —

  push(push: Push): void {
    if (!this.isClosed) this.recipient.push(encodePush(this.handshake.format, push));
  }

  disconnect(reason: CloseReason, detail?: string): void {
    if (this.isClosed) return;
    this.#end(reason, detail);
    this.recipient.close(this.#context.core.metrics, reason);
  }

  insufficientState(subscription: Subscription): void {
    if (subscription.has(flags.serverSide)) {
      this.disconnect(closeCodes.insufficientState, `gap in ${subscription.channel.name}`);
    } else {
      unsubscribeFromServer(this.#context.core, this, subscription, unsubscribeCodes.insufficientState);
    }
  }

  inLane<T>(lane: string, work: () => Promise<T>): Promise<T> {
    return (this.#lanes ??= new Lanes()).run(lane, work);
  }

  renew(change: Renewal): void {
    if (!this.#identity) return;
    const { info: _info, claims: oldClaims, ...rest } = this.#identity;
    const claims = 'claims' in change ? change.claims : oldClaims;
    this.#identity = {
      ...rest,
      ...(change.info && { info: change.info }),
      ...(claims && { claims }),
      ...('meta' in change && { meta: change.meta }),
    };
    if ('claims' in change) this.#auth = undefined;
    this.#upkeep.expireAt(change.expireAtMs);
    this.reschedule();
  }

  reschedule(): void {
    if (!this.isClosed) this.#context.heartbeat.schedule(this, this.#upkeep.dueMs());
  }

  onHeartbeat(nowMs: number): void {
    if (this.isClosed) return;
    this.#upkeep.run(nowMs);
    this.reschedule();
  }

  // — commands —

  #receive(command: Command): void {
    const method = methodOf(command);
    if (!method) {
      if (command.id) this.disconnect(closeCodes.badRequest, 'command without a known method');
      else if (!this.#upkeep.pong()) this.disconnect(closeCodes.badRequest, 'empty command, and no ping was sent');
      return;
    }
    if (this.#state === 'connecting') {
      if (this.#admit()) (this.#waiting ??= []).push(command);
      return;
    }
    if (method === 'connect') {
      if (this.#state !== 'fresh') this.disconnect(closeCodes.badRequest, 'second connect');
      else if (!command.id) this.disconnect(closeCodes.badRequest, 'connect without id');
      else if (this.#admit()) void this.#connect(command.id, command.connect as ConnectRequest);
      return;
    }
    if (this.#state !== 'open') {
      this.disconnect(closeCodes.badRequest, `${method} before connect`);
      return;
    }
    if (this.handshake.format.unidirectional) return;
    if (!command.id && method !== 'send') {
      this.disconnect(closeCodes.badRequest, `${method} without id`);
      return;
    }
    this.#context.core.metrics.commands.add(method);
    if (!this.#withinRate(command, method)) return;
    const lane = laneOf(this.#context.core, command, method);
    if (lane === channelLane('')) {
      this.disconnect(closeCodes.badRequest, `${method} without channel`);
      return;
    }
    if (!this.#admit()) return;
    if (lane === undefined) void this.#execute(command, method);
    else void this.inLane(lane, () => this.#execute(command, method));
  }

  /** Whether there is room for another command; then it is counted among those that wait. */
  #admit(): boolean {
    const limit = this.#context.core.config.limits.pendingCommandsPerConnection;
    if (this.#pending >= limit) {
      this.disconnect(closeCodes.tooManyRequests, `${limit} commands are waiting`);
      return false;
    }
    this.#pending++;
    return true;
  }

  /** A flood is answered 111; one that goes on regardless is closed with 3013. */
  #withinRate(command: Command, method: Method): boolean {
    const { core, limits } = this.#context;
    const rate = core.config.limits.commandsPerSecondPerConnection;
    const nowMs = core.clock.now();
    if (rate === 0) this.#commands = undefined;
    else if (!this.#commands) this.#commands = new TokenBucket(rate, rate * 2, nowMs);
    else if (this.#commands.perSecond !== rate) this.#commands.replace(rate, rate * 2, nowMs);
    if ((!this.#commands || this.#commands.take(nowMs)) && limits.takeCommand(this.user, nowMs)) return true;
    const detail = `more than ${rate || core.config.limits.commandsPerSecondPerUser} commands a second`;
    if (!this.#offencesAt(nowMs).bear(nowMs)) {
      this.disconnect(closeCodes.tooManyRequests, `${detail}, and it went on`);
    } else {
      this.#fail(command.id ?? 0, method, new ProtocolError(errors.tooManyRequests, { detail }));
    }
    return false;
  }

  #offencesAt(nowMs: number): Offences {
    return (this.#offences ??= new Offences(this.#context.core.config.limits.commandsPerSecondPerConnection, nowMs));
  }

  async #execute(command: Command, method: Method): Promise<void> {
    const { core } = this.#context;
    const startedMs = performance.now();
    try {
      if (this.isClosed) return;
      const outcome = await dispatch(core, this, command);
      if (outcome) {
        this.#reply(command.id as number, outcome.reply);
        outcome.live?.();
      }
    } catch (error) {
      this.#fail(command.id ?? 0, method, error);
    } finally {
      this.#pending--;
      core.metrics.commandSeconds.observe(method, (performance.now() - startedMs) / 1000);
    }
  }

  #reply(id: number, reply: Reply): void {
    if (!this.isClosed) this.recipient.push(this.#codec.encodeReply({ id, ...reply }));
  }

  #fail(id: number, method: Method, error: unknown): void {
    if (this.isClosed) return;
    if (error instanceof Disconnect) {
      this.disconnect(error.closeReason, error.detail);
    } else if (error instanceof HookDisconnect) {
      this.disconnect({ code: error.code, reason: error.reason }, `${method} hook`);
    } else {
      const message = this.#explain(method, error);
      if (id) this.#reply(id, { error: message });
      const limit = this.#context.core.config.limits.errorsPerConnection;
      const count = this.#offences?.errors ?? 0;
      if (limit > 0 && count > limit) this.disconnect(closeCodes.tooManyErrors, `${count} errors`);
    }
  }

  /** Counts and logs an error; returns what the client learns of it. */
  #explain(method: Method, error: unknown): ErrorMessage {
    const { core } = this.#context;
    const known = error instanceof ProtocolError ? error : new ProtocolError(errors.internal, { cause: error });
    core.metrics.errors.add(known.code);
    const nowMs = core.clock.now();
    const offences = this.#offencesAt(nowMs);
    offences.errors++;
    // A hook that failed has said so itself.
    if (error instanceof HookFailure || !offences.worthALine(known.code, nowMs)) return known.toMessage();
    const line = { client: this.id, user: this.user, method, code: known.code, detail: known.detail };
    if (known.code === errors.internal.code)
      core.logger.error({ ...line, err: known.cause ?? known }, 'command failed');
    else core.logger.info(line, known.message);
    return known.toMessage();
  }

  // — connect —

  async #connect(commandId: number, request: ConnectRequest): Promise<void> {
    const { core } = this.#context;
    core.metrics.commands.add('connect');
    this.#state = 'connecting';
    this.id = newId();
    const startedMs = performance.now();
    try {
      this.#handshake = withConnectHeaders(core, this.#handshake, request);
      const identity = await authenticate(core, this.id, this.handshake, request);
      if (this.isClosed) return;
      const times = lifetime(core, identity.expireAt, errors.expired);
      this.#admitUser(identity);
      const subs = await this.#subscribeAll(serverSubscriptions(core, identity), request);
      if (this.isClosed) return;
      this.#open(commandId, identity, identity.refresh === 'client' ? times : {}, subs);
    } catch (error) {
      this.#refuse(commandId, error);
    } finally {
      this.#pending--;
      core.metrics.commandSeconds.observe('connect', (performance.now() - startedMs) / 1000);
    }
  }

  #admitUser(identity: Authenticated): void {
    const { core, limits } = this.#context;
    if (identity.user !== '' && !limits.admitUser(identity.user)) {
      throw new Disconnect(
        closeCodes.connectionLimit,
        `user has ${core.config.limits.connectionsPerUser} connections already`,
      );
    }
    this.#identity = identity;
    this.#upkeep.expireAt(identity.expireAt ? identity.expireAt * 1000 : undefined);
  }

  #makeAuth(): AuthRecord {
    const { core } = this.#context;
    const { record, problems } = core.rules.authRecord(this.user, this.#identity?.claims);
    if (problems.length > 0) {
      core.logger.info({ client: this.id, user: this.user, problems }, 'claims that rules cannot use');
    }
    return record;
  }

  async #subscribeAll(
    grants: Map<string, SubscriptionGrant>,
    request: ConnectRequest,
  ): Promise<Map<string, Subscribed>> {
    const { core } = this.#context;
    const asked = request.subs ?? {};
    const work: Promise<[string, Subscribed]>[] = [];
    for (const [channel, grant] of grants) {
      const from = asked[channel] ?? {};
      work.push(
        subscribeFromServer(core, this, channel, grant, { ...from, channel }).then((subscribed) => [
          channel,
          subscribed,
        ]),
      );
    }
    if (this.handshake.format.unidirectional) {
      // A unidirectional client cannot send subscribe commands: what it lists here are its own subscriptions.
      for (const [channel, from] of Object.entries(asked)) {
        if (grants.has(channel)) continue;
        work.push(subscribeFromClient(core, this, { ...from, channel }).then((subscribed) => [channel, subscribed]));
      }
    }
    // All settle before one failure is reported, so that none goes on behind a connection that is gone.
    const settled = await Promise.allSettled(work);
    const failed = settled.find((one) => one.status === 'rejected');
    if (failed) throw failed.reason;
    return new Map(settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])));
  }

  #open(
    commandId: number,
    identity: Authenticated,
    times: { expires?: boolean; ttl?: number },
    subscribed: Map<string, Subscribed>,
  ): void {
    const { core } = this.#context;
    const { unidirectional } = this.handshake.format;
    const result: ConnectResult = { client: this.id, version: `Tidings ${version}`, ...times };
    if (identity.data) result.data = identity.data;
    if (subscribed.size > 0) {
      const subs: Record<string, SubscribeResult> = Object.create(null);
      for (const [channel, { result: sub }] of subscribed) subs[channel] = sub;
      result.subs = subs;
    }
    if (!this.#socket.nativePing) {
      result.ping = Math.ceil(core.config.ping.interval / 1000);
      if (!unidirectional) result.pong = true;
    }
    if (this.session) {
      result.session = this.session;
      result.node = core.nodeId;
    }
    this.#state = 'open';
    core.clients.add(this);
    if (unidirectional) this.push({ connect: result });
    else this.#reply(commandId, { connect: result });
    for (const { live } of subscribed.values()) live();
    this.#upkeep.opened(!this.#socket.nativePing, !unidirectional);
    this.reschedule();
    const { transport, address } = this.handshake;
    core.events.emit({ type: 'connected', client: this.id, user: this.user, transport, address });
    core.logger.debug({ client: this.id, user: this.user, transport, address }, 'connected');
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    this.#pending -= waiting.length;
    for (const command of waiting) {
      if (this.isClosed) return;
      this.#receive(command);
    }
  }

  /** A bidirectional client gets the error and may read it; a unidirectional one is closed with the matching code. */
  #refuse(commandId: number, error: unknown): void {
    if (this.isClosed) return;
    const { core } = this.#context;
    this.#state = 'refused';
    this.#waiting = undefined;
    // What was subscribed before the failure must not deliver.
    for (const subscription of [...this.subscriptions.values()]) endSubscription(core, this, subscription);
    if (!this.handshake.format.unidirectional) {
      this.#fail(commandId, 'connect', error);
    } else if (error instanceof ProtocolError) {
      this.#explain('connect', error);
      this.disconnect(refusals.get(error.code) ?? closeCodes.serverError);
    } else {
      this.#fail(0, 'connect', error);
      this.disconnect(closeCodes.serverError);
    }
  }

  // — the end —

  #end(reason: CloseReason, detail: string | undefined): void {
    const { core, heartbeat, limits } = this.#context;
    const wasOpen = this.#state === 'open';
    this.#state = 'closed';
    this.#waiting = undefined;
    heartbeat.cancel(this);
    for (const subscription of [...this.subscriptions.values()]) endSubscription(core, this, subscription);
    limits.releaseAddress(this.handshake.address);
    if (this.#identity) {
      core.clients.remove(this);
      if (this.user !== '') limits.releaseUser(this.user);
    }
    core.metrics.connectionsClosed.add(reason.code);
    if (wasOpen)
      core.events.emit({
        type: 'disconnected',
        client: this.id,
        user: this.user,
        code: reason.code,
        reason: reason.reason,
      });
    const { transport, address } = this.handshake;
    const line = {
      client: this.id || undefined,
      user: this.user || undefined,
      transport,
      address,
      code: reason.code,
      detail,
    };
    // The client's own leaving and a shutdown are everyday; everything else is worth a line.
    if (detail === undefined || reason.code === closeCodes.shutdown.code) core.logger.debug(line, reason.reason);
    else core.logger.info(line, reason.reason);
  }
}
