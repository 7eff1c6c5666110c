/**
 * Who may do what on a channel, and what of it they are given: the seams between use cases and what decides.
 * `options-authorizer.ts` decides by the words of channel options, `rules/rule-authorizer.ts` by their rules.
 */
import type { ErrorDefinition, Payload, Publication } from '@tidings/protocol';
import type { ChannelOptions } from '../config/schema.ts';

export type Action = 'subscribe' | 'publish' | 'history' | 'presence';

/** What the options of a channel decide beside actions: who is shown, and who is given a publication. */
export type ChannelAction = Action | 'announce' | 'receive';

/** What rules see of a user. The same object as long as the user's claims are the same. */
export type AuthRecord = Readonly<Record<string, unknown>>;

export interface Actor {
  readonly client: string;
  /** Empty for an anonymous connection. */
  readonly user: string;
  readonly meta?: unknown;
  readonly auth: AuthRecord;
  /** Whether the connection is subscribed to the resource's channel. */
  readonly subscribed: boolean;
}

export interface Resource {
  readonly channel: string;
  /** Pattern of the channel, as written in the configuration. */
  readonly pattern: string;
  readonly options: ChannelOptions;
  /** Variables of the channel pattern: `room:{id}` on `room:7` → `{ id: '7' }`. */
  readonly variables: Readonly<Record<string, string>>;
  /** What is being published, as rules see it; only if a rule of the channel looks at it. */
  readonly data?: unknown;
}

/** Something a rule asked a relation. */
export interface Fact {
  readonly relation: string;
  readonly key: string;
}

/** What an answer of rules rests on: when a fact of it changes, it must be asked again. */
export interface Grounds {
  readonly facts: readonly Fact[];
  /** It also depends on the time. */
  readonly timed: boolean;
}

/**
 * An error that is temporary says that nobody knows at present; any other one is a no.
 * `grounds` are absent where nothing but the identity and the configuration can change the answer.
 */
export type Decision =
  | { readonly allow: true; readonly grounds?: Grounds }
  | { readonly allow: false; readonly error: ErrorDefinition; readonly because: string; readonly grounds?: Grounds };

/**
 * What whoever owns a channel says of it. `only`, text of a JSON value: the subscription stands, but is given this when it
 * begins, and nothing that is published, as if nothing ever happened. When that changes, it begins anew.
 */
export type OwnerDecision = Decision & { readonly only?: string };

/** Law: decides from its arguments and its own state alone; throwing is a denial. A synchronous answer is preferred. */
export interface Authorizer {
  decide(who: Actor, action: Action, on: Resource): Decision | Promise<Decision>;
}

/**
 * Which publications of a channel somebody is given; undefined: nobody can say at present, so that it must be asked for
 * again later. Never throws.
 */
export type ReceiveFilter = (publication: Publication) => boolean | undefined;

export interface Reception {
  /** Undefined: every one. It is shared: whoever got it gives it back by `release`. */
  readonly filter: ReceiveFilter | undefined;
  /** The filter rests on facts that nobody can tell at present. */
  readonly unknown?: boolean;
  readonly grounds?: Grounds;
}

/** What the options of a channel decide about a subscription as long as it lasts. */
export interface Concern {
  readonly subscribe: boolean;
  /** Whether it is told who comes and goes. */
  readonly presence: boolean;
  readonly announce: boolean;
  readonly receive: boolean;
}

/** What a client publishes, parsed once. */
export interface Message {
  readonly text: string;
  /** As rules see it. */
  readonly data: unknown;
}

/** @param relation and keys of the facts that may have changed; keys undefined: all of the relation. */
export type FactListener = (relation: string, keys: readonly string[] | undefined) => void;

/**
 * What the rules of the configuration say, beyond a yes or no to an action.
 *
 * Law: answers follow from the arguments, the facts in `grounds`, and where they say `timed` the time; they are
 * synchronous unless somebody must be asked for a fact first. A rule that fails denies, with a temporary error if it might
 * hold but for facts that nobody can tell at present; nothing throws but what is documented.
 */
export interface Rules {
  /** What they decide about subscriptions to channels of this pattern; undefined: nothing. Costs a lookup. */
  concern(on: Resource): Concern | undefined;
  decide(who: Actor, action: ChannelAction, on: Resource): Decision | Promise<Decision>;
  /** What this subscriber is given. */
  receive(who: Actor, on: Resource): Reception | Promise<Reception>;
  release(filter: ReceiveFilter): void;
  /**
   * Parses what a client publishes, if the channel has a schema, or rules that look at it or set fields in it.
   * @throws ProtocolError 107 with the place for data that does not keep the schema.
   */
  read(on: Resource, data: Payload): Message | undefined;
  /**
   * Sets the fields that the server sets.
   * @returns undefined if it sets none.
   * @throws ProtocolError 103 when an expression fails, 100 when it asks for facts that nobody can tell at present.
   */
  stamp(who: Actor, on: Resource, message: Message): Payload | Promise<Payload> | undefined;
  /**
   * What rules see of a user.
   * @param claims anything; only declared fields of the declared type are taken.
   * @returns the record, and in words what was left out, without values.
   */
  authRecord(user: string, claims: unknown): { readonly record: AuthRecord; readonly problems: readonly string[] };
  /** Told, at once, when facts changed. @returns takes the listener off. */
  onChange(listener: FactListener): () => void;
}
