/**
 * What a feature on top of the engine is (chat now; notifications and live data later) and what it is given. A module
 * knows this file and the interfaces of what it uses; never another module, never an implementation.
 */
import type { ClientInfo, ErrorDefinition } from '@tidings/protocol';
import type { z } from 'zod';
import type { Action, OwnerDecision } from '../auth/authorizer.ts';
import type { HistoryReader, Position } from '../brokers/broker.ts';
import type { ChannelOptionsInput } from '../config/schema.ts';
import type { HttpRoute } from '../http/route.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { CounterMap } from '../lib/metrics.ts';
import type { PresenceStore } from '../presence/presence-store.ts';
import type { MigrationSet, Store } from '../stores/store.ts';

/** Who asks: a connected client, a back end for a user, or a back end for itself. */
export interface ModuleActor {
  /** Empty for the back end itself (`system`), which may do everything. */
  readonly user: string;
  readonly system: boolean;
  /** The connection; undefined over HTTP. */
  readonly client: string | undefined;
  /** What rules see as `auth`. */
  readonly auth: Readonly<Record<string, unknown>>;
}

/** One call: RPC method `chat.send` of a client, `POST /api/chat/send` of a back end. One table makes both, and OpenAPI. */
export interface ModuleCommand {
  /** Behind the module's name: `send`. */
  readonly name: string;
  readonly summary: string;
  readonly input: z.ZodType;
  readonly output: z.ZodType;
  readonly example: unknown;
  /** What `input` would make of input of the usual kind, for less; undefined for any other. */
  readonly readUsual?: ((input: unknown) => unknown) | undefined;
  /**
   * Commands of one connection begin in the order of arrival and do not wait for each other: what must keep that order
   * has to be put in order before the first wait that may take longer for one than for the next.
   * @throws ProtocolError; its `message` goes to clients, its `detail` to back ends too.
   */
  run(actor: ModuleActor, input: unknown): Promise<unknown>;
}

/**
 * Channels that a module owns. A pattern of the configuration that is as specific and would take them is refused. Nothing
 * but `decide` lets anybody in: no token, no hook, not the server API.
 */
export interface ModuleChannels {
  /** `chat:room:{room}` */
  readonly pattern: string;
  readonly options: ChannelOptionsInput;
  decide(
    actor: ModuleActor,
    action: Action,
    variables: Readonly<Record<string, string>>,
  ): OwnerDecision | Promise<OwnerDecision>;
  /** Where history and recovery read from instead of the broker: the module's database is the log. */
  readonly history?: HistoryReader;
  /** A client of this user was subscribed (true) or left (false), for whatever reason; after the fact. */
  onSubscription?(actor: ModuleActor, variables: Readonly<Record<string, string>>, subscribed: boolean): void;
}

/** A change that the application is told of: at least once, in order per `subject`. */
export interface ModuleEvent {
  /** `chat.message.sent` */
  readonly type: string;
  /** `room:…`: what order holds within. */
  readonly subject: string;
  /** What happened, as text of a JSON object: it is passed on without being parsed. */
  readonly json: string;
  /** The same on every attempt, also after a crash. */
  readonly id: string;
  /** Unix milliseconds. */
  readonly time: number;
}

/** What the engine gives a module. */
export interface ModuleContext {
  readonly nodeId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: Store;
  readonly presence: PresenceStore;
  /** Folder for files. */
  readonly dataDir: string;
  /** What it does beside its commands: `tidings_module_operations_total{module,operation,outcome="ok"}` of `/metrics`. */
  readonly operations: CounterMap;
  /**
   * Publishes on a channel of the module.
   * @param json text of a JSON value.
   * @param options.position of a channel whose history the module owns: the publication carries this offset, is not kept
   * by the broker, and subscribers drop it if they have it already.
   */
  publish(
    channel: string,
    json: string,
    options?: { readonly position?: Position; readonly info?: ClientInfo; readonly tags?: Record<string, string> },
  ): Promise<void>;
  /**
   * Asks `decide` anew for the subscriptions of one user (or of everybody) on a channel, on every node. Ends those that it
   * denies, and has those begin anew for which `only` is another.
   */
  reconsider(channel: string, user?: string): Promise<void>;
  /** The same for all subscriptions of one user on channels of a pattern that the module owns. */
  reconsiderUser(pattern: string, user: string): Promise<void>;
  /** Whether somebody on this node is subscribed. */
  isOccupied(channel: string): boolean;
  /** False if nobody on any node is subscribed: what is published at a position need not be published. */
  isHeard(channel: string): boolean;
  /** Whether events of the type go anywhere: the others need not be emitted. */
  wantsEvent(type: string): boolean;
  /** Resolves when the event is written down durably, or, for an in-process function, handled. */
  emit(event: ModuleEvent): Promise<void>;
}

export interface Module {
  readonly name: string;
  readonly migrations: MigrationSet;
  readonly channels: readonly ModuleChannels[];
  readonly commands: readonly ModuleCommand[];
  /** What a command is answered whose input is not valid; the words are added. Default: 107. */
  readonly invalidInput?: ErrorDefinition;
  /** HTTP status of an error of the module, for callers that want status codes; undefined for one it does not know. */
  httpStatus?(code: number): number | undefined;
  /** Further routes, such as uploads. */
  readonly routes?: readonly HttpRoute[];
  /** After migrations; the listeners open afterwards. */
  start(): Promise<void>;
  /** Finishes what is under way. */
  drain?(until: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

/** Makes a module. */
export type ModuleFactory = (context: ModuleContext) => Module;

/** An error of a module that tells the client what was wrong: `message` is `<what>: <detail>`. */
export interface ModuleErrorDefinition extends ErrorDefinition {}
