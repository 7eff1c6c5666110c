/**
 * Permissions as long as a subscription lasts. What a rule allowed is watched by the facts it rests on: when one
 * changes, when the user's claims do, when the configuration is another one, or with time, the rule is asked again, and
 * a subscription that it no longer allows ends at once. One that it might allow, if a relation that cannot answer could,
 * ends with a code that lets the client come back. On the channels of modules the module is asked instead, and again
 * when it says so.
 *
 * An answer is put into force in the same turn in which it was given, so that no change can fall in between.
 */
import { errors, unsubscribeCodes } from '@tidings/protocol';
import type { Decision, Fact, OwnerDecision, Reception, Rules } from './auth/authorizer.ts';
import { actorOf, deny, resourceOf } from './authorize.ts';
import type { ChannelOwner } from './channel-owner.ts';
import type { ResolvedChannel } from './channels/channel-registry.ts';
import type { Client } from './client.ts';
import type { Component } from './component.ts';
import type { Core } from './core.ts';
import { FactIndex } from './fact-index.ts';
import { subscriptionFlags as flags, type PublicationFilter, type Subscription } from './hub/subscription.ts';
import type { TimerId } from './lib/clock.ts';
import { clientInfo } from './publish.ts';
import { endSubscription, unsubscribeFromServer } from './unsubscribe.ts';

/** Subscriptions asked about in one turn of the loop; more would keep messages waiting. */
const perTurn = 500;
/** Questions under way that wait for somebody's answer. */
const maxWaiting = 100;
/** How often rules that depend on the time are asked. */
const timedIntervalMs = 5_000;
/** So often an answer may be overtaken by a change before nobody can say. */
const maxRounds = 8;
/** Lines in the log about subscriptions that ended, in a second. */
const linesPerSecond = 10;

interface Watch {
  readonly client: Client;
  readonly subscription: Subscription;
  /** Its flags without regard to rules. */
  readonly wants: number;
  /** The module that is asked instead of rules. */
  readonly owner: ChannelOwner | undefined;
  /** A rule let it in. */
  ruled: boolean;
  facts: readonly Fact[];
  /** So often was it to be asked again. */
  changes: number;
  /** An answer of its module is awaited. */
  isAsking: boolean;
}

interface Answer {
  readonly denied: Denial | undefined;
  readonly mayPresence: boolean;
  readonly shown: boolean;
  readonly reception: Reception;
  readonly facts: readonly Fact[];
  readonly timed: boolean;
  /** What its module has it given instead of all publications. */
  readonly only?: string | undefined;
}

type Pending<T> = T | Promise<T>;
type Denial = Decision & { readonly allow: false };
type Refuse = (denial: Denial) => void;

const allowed: Decision = { allow: true };
const denial = (because: string): Denial => ({ allow: false, error: errors.permissionDenied, because });
const unmatched = denial('no pattern in the configuration matches the channel any more');
const broken = denial('asking the rules failed');
/** Whether the subscriber may have it, the module is just being asked. */
const inDoubt: PublicationFilter = () => undefined;
const everything: Reception = { filter: undefined };
const nothing: Reception = { filter: () => false };
const unknown = (because: string): Denial => ({ allow: false, error: errors.internal, because });
const overtaken = unknown('what the rules rest on changed faster than they could be asked');
const otherwise = unknown('the module that owns the channel has it given something else from now on');
const unanswered = unknown('the module that owns the channel could not say');
const unreadable = unknown('the receive rule asks for facts that nobody can tell at present');

export class Permissions implements Component {
  readonly name = 'permissions';
  readonly #readCore: () => Core;
  readonly #watches = new Map<Subscription, Watch>();
  readonly #facts = new FactIndex<Watch>();
  readonly #timed = new Set<Watch>();
  readonly #queue = new Set<Watch>();
  #waiting = 0;
  /** Grows with everything that may change an answer. */
  #changes = 0;
  #generation = 0;
  /** Reloads under way. */
  #holds = 0;
  #stopped = false;
  #immediate: NodeJS.Immediate | undefined;
  #timer: TimerId;
  #timerRuns = false;
  readonly #stopListening: () => void;
  #lines = 0;
  #linesSinceMs = 0;

  /** @param core that this is a part of. */
  constructor(core: () => Core, rules: Rules) {
    this.#readCore = core;
    this.#stopListening = rules.onChange((relation, keys) => {
      this.#changes++;
      this.#ask(this.#facts.dependents(relation, keys));
    });
  }

  get #core(): Core {
    return this.#readCore();
  }

  /** Subscriptions that are watched. */
  get size(): number {
    return this.#watches.size;
  }

  /** Grows with every new configuration. */
  get generation(): number {
    return this.#generation;
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopListening();
    clearImmediate(this.#immediate);
    this.#core.clock.clearTimeout(this.#timer);
    this.#queue.clear();
  }

  /**
   * A subscription has joined: its rules or its module are asked, and from now on it is watched.
   * @returns undefined if nothing had to be waited for.
   * @throws ProtocolError 103 if it may not be, 100 if nobody can say at present; what a module throws that has no answer.
   */
  admit(client: Client, subscription: Subscription, resolved: ResolvedChannel): void | Promise<void> {
    const { name } = subscription.channel;
    // The configuration may be another one by now.
    const on = resourceOf(name, this.#core.channels.find(name) ?? resolved);
    const owner = this.#core.owners.get(on.pattern);
    if (!owner && !this.#core.rules.concern(on)) return undefined;
    const watch = this.#watch(client, subscription, owner);
    return this.#settle(watch, (refusal) => deny(this.#core, 'subscribe', on, refusal));
  }

  /**
   * A module says that its answers may be others now.
   * @param channel that the module owns.
   * @param user whose subscriptions are asked about; undefined: everybody's. Until the answer, one user is given nothing:
   * if something is published, the subscription begins anew, and so the module is asked before. Of everybody, that would
   * bring all of them back at once.
   */
  reconsider(channel: string, user: string | undefined): void {
    const subscribers = this.#core.hub.channels.get(channel)?.subscribers ?? [];
    const watches = subscribers
      .map((subscription) => this.#watches.get(subscription))
      .filter((watch) => watch !== undefined);
    if (user === undefined) {
      this.#ask(watches);
      return;
    }
    this.#doubt(watches.filter(({ client }) => client.user === user));
  }

  /**
   * The same for all subscriptions of one user on channels of a pattern. All that are watched are gone through, since those
   * of a client that is still connecting are found nowhere else.
   */
  reconsiderUser(pattern: string, user: string): void {
    const owner = this.#core.owners.get(pattern);
    if (!owner) return;
    const theirs: Watch[] = [];
    for (const watch of this.#watches.values()) {
      if (watch.owner === owner && watch.client.user === user) theirs.push(watch);
    }
    this.#doubt(theirs);
  }

  #doubt(watches: readonly Watch[]): void {
    for (const { subscription } of watches) {
      if (!subscription.buffer) (subscription.extra ??= {}).receive = inDoubt;
    }
    this.#ask(watches);
  }

  /** The subscription has ended. */
  forget(subscription: Subscription): void {
    const watch = this.#watches.get(subscription);
    if (watch) {
      this.#watches.delete(subscription);
      this.#facts.remove(watch, watch.facts);
      this.#timed.delete(watch);
      this.#queue.delete(watch);
    }
    const filter = subscription.extra?.receive;
    if (filter) this.#core.rules.release(filter);
  }

  /** What rules know of the user is something else now. */
  identityChanged(client: Client): void {
    this.#changes++;
    this.#ask(watchesOf(client, this.#watches));
  }

  /** Changes are noted but not acted on, until `reloaded`: rules and facts are replaced one after the other. */
  hold(): void {
    this.#holds++;
  }

  /** @param taken false: the old rules and options stay. */
  reloaded(taken: boolean): void {
    this.#holds--;
    if (!taken) {
      this.#ask([]);
      return;
    }
    this.#changes++;
    this.#generation++;
    for (const client of this.#core.clients.all()) {
      for (const subscription of client.subscriptions.values()) this.review(client, subscription);
    }
    // Modules keep the configuration they were started with.
    this.#ask([...this.#watches.values()].filter(({ owner }) => !owner));
  }

  /** Watches a subscription that is of concern only since the configuration is another one. */
  review(client: Client, subscription: Subscription): void {
    if (this.#watches.has(subscription)) return;
    const resolved = this.#core.channels.find(subscription.channel.name);
    if (!resolved || !this.#core.rules.concern(resourceOf(subscription.channel.name, resolved))) return;
    this.#ask([this.#watch(client, subscription, undefined)]);
  }

  #watch(client: Client, subscription: Subscription, owner: ChannelOwner | undefined): Watch {
    const wants = subscription.flags;
    const watch = { client, subscription, wants, owner, ruled: false, facts: [], changes: 0, isAsking: false };
    this.#watches.set(subscription, watch);
    return watch;
  }

  /** Asks about these, as far as one turn allows at once, the others in the next turns. */
  #ask(watches: Iterable<Watch>): void {
    for (const watch of watches) {
      watch.changes++;
      // Whoever awaits the answer of a module asks again then.
      if (!watch.isAsking) this.#queue.add(watch);
    }
    if (this.#immediate === undefined && this.#holds === 0 && !this.#stopped) this.#work();
  }

  #work(): void {
    this.#immediate = undefined;
    let left = perTurn;
    for (const watch of this.#queue) {
      if (left-- === 0 || this.#waiting >= maxWaiting) break;
      this.#queue.delete(watch);
      this.#core.metrics.ruleReevaluations++;
      const settled = this.#askAgain(watch);
      if (!settled) continue;
      this.#waiting++;
      void settled.then(() => {
        this.#waiting--;
        this.#later();
      });
    }
    if (this.#waiting < maxWaiting) this.#later();
  }

  #later(): void {
    if (this.#queue.size === 0 || this.#immediate !== undefined || this.#holds > 0 || this.#stopped) return;
    this.#immediate = setImmediate(() => this.#work());
  }

  /** Never throws, and the promise never rejects: a defect costs one subscription, and others are asked about. */
  #askAgain(watch: Watch): undefined | Promise<void> {
    const failed = (error: unknown): void => {
      const { channel } = watch.subscription;
      const line = { client: watch.client.id, channel: channel.name, err: error };
      if (this.#worthALine()) {
        if (watch.owner) this.#core.logger.warn(line, `${watch.owner.module} could not say who may be on a channel`);
        else this.#core.logger.error(line, 'rules were not asked');
      }
      this.#end(watch, watch.owner ? unanswered : broken);
    };
    try {
      return this.#settle(watch, (refusal) => this.#end(watch, refusal))?.catch(failed);
    } catch (error) {
      failed(error);
      return undefined;
    }
  }

  /**
   * Asks, and puts the answer into force in the same turn.
   * @returns undefined if nothing had to be waited for.
   */
  #settle(watch: Watch, refuse: Refuse): undefined | Promise<void> {
    const answer = this.#answer(watch);
    if (answer instanceof Promise) return this.#settleLater(watch, refuse, answer);
    this.#enforce(watch, answer, refuse);
    return undefined;
  }

  async #settleLater(watch: Watch, refuse: Refuse, first: Promise<Answer>): Promise<void> {
    // A module says whom its changes concern; facts of rules may concern anybody.
    const changesNow = (): number => (watch.owner ? watch.changes : this.#changes);
    let changes = changesNow();
    watch.isAsking = watch.owner !== undefined;
    try {
      let answer = await first;
      for (let round = 1; changes !== changesNow() && watch.subscription.index >= 0; round++) {
        // What it was given on the way is void.
        this.#discard(answer);
        if (round === maxRounds) {
          refuse(overtaken);
          return;
        }
        changes = changesNow();
        const next = this.#answer(watch);
        answer = next instanceof Promise ? await next : next;
      }
      this.#enforce(watch, answer, refuse);
    } finally {
      watch.isAsking = false;
    }
  }

  #answer(watch: Watch): Answer | Promise<Answer> {
    if (watch.owner) return this.#answerOf(watch.owner, watch);
    const { client, subscription } = watch;
    const { rules, channels, authorizer } = this.#core;
    const { name } = subscription.channel;
    const resolved = channels.find(name);
    const on = resolved && resourceOf(subscription.channel.name, resolved);
    const concern = on && rules.concern(on);
    const who = actorOf(client, name);
    if (concern?.subscribe && subscription.has(flags.allowed)) watch.ruled = true;
    const decide = (action: 'subscribe' | 'presence' | 'announce', asked = concern?.[action]): Pending<Decision> =>
      on && asked ? rules.decide(who, action, on) : allowed;
    const parts: Parts = [
      // Where a word took the place of the rule, the word decides.
      watch.ruled && !on ? unmatched : decide('subscribe', watch.ruled && authorizer === rules),
      decide('presence'),
      decide('announce'),
      on && concern?.receive ? rules.receive(who, on) : everything,
    ];
    const [subscribe, presence, announce, reception] = parts;
    return subscribe instanceof Promise ||
      presence instanceof Promise ||
      announce instanceof Promise ||
      reception instanceof Promise
      ? settle(parts).then(combine)
      : combine([subscribe, presence, announce, reception]);
  }

  /** What the options of its channels say of presence is the module's own word. */
  #answerOf(owner: ChannelOwner, { client, subscription }: Watch): Answer | Promise<Answer> {
    const { name } = subscription.channel;
    const variables = this.#core.channels.find(name)?.variables ?? {};
    const decision = owner.decide(actorOf(client, name), 'subscribe', variables);
    return decision instanceof Promise ? decision.then(combineOwned) : combineOwned(decision);
  }

  #discard({ reception }: Answer): void {
    if (reception.filter) this.#core.rules.release(reception.filter);
  }

  #enforce(watch: Watch, answer: Answer, refuse: Refuse): void {
    const { subscription } = watch;
    if (subscription.index < 0 || this.#watches.get(subscription) !== watch) {
      this.#discard(answer);
      return;
    }
    // One that stands goes on until there is a publication of which nobody can say whether it may have it; one that the
    // server makes too, since without it there would be no connection.
    const isUnread = answer.reception.unknown && subscription.buffer && !subscription.has(flags.serverSide);
    const denied = answer.denied ?? (isUnread ? unreadable : undefined);
    if (denied) {
      this.#discard(answer);
      refuse(denied);
      return;
    }
    if (answer.only !== subscription.extra?.only) {
      // What it was given before must not stand beside what it is given now.
      if (!subscription.buffer) {
        refuse(otherwise);
        return;
      }
      (subscription.extra ??= {}).only = answer.only;
    }
    this.#rest(watch, answer);
    this.#filter(subscription, answer.reception);
    const wants = (flag: number): boolean => (watch.wants & flag) !== 0;
    // What token, hook or server said stands above the rules.
    const override = subscription.extra?.override;
    subscription.set(flags.joinLeave, wants(flags.joinLeave) && (override?.joinLeave ?? answer.mayPresence));
    this.#show(
      watch,
      wants(flags.presence) && (override?.presence ?? answer.shown),
      wants(flags.announced) && (override?.joinLeave ?? answer.shown),
    );
  }

  #rest(watch: Watch, { facts, timed }: Answer): void {
    if (watch.facts !== facts) {
      this.#facts.remove(watch, watch.facts);
      watch.facts = facts;
      this.#facts.add(watch, facts);
    }
    if (!timed) this.#timed.delete(watch);
    else if (!this.#timed.has(watch)) {
      this.#timed.add(watch);
      this.#wait();
    }
  }

  #filter(subscription: Subscription, { filter }: Reception): void {
    const before = subscription.extra?.receive;
    if (filter) {
      (subscription.extra ??= {}).receive = filter;
      // A client that was promised deltas before goes on with full ones where it missed the publication before.
      if (subscription.buffer) subscription.set(flags.delta, false);
    } else if (subscription.extra) {
      delete subscription.extra.receive;
    }
    if (before) this.#core.rules.release(before);
  }

  /** Whether it stands in presence, and whether its coming and going is told. */
  #show(watch: Watch, present: boolean, announced: boolean): void {
    const { client, subscription } = watch;
    const { broker } = this.#core;
    const { name } = subscription.channel;
    const isLive = subscription.buffer === undefined;
    const wasPresent = subscription.has(flags.presence);
    const wasAnnounced = subscription.has(flags.announced);
    subscription.set(flags.presence, present);
    subscription.set(flags.announced, announced);
    // While it is subscribing, the use case goes on by these flags.
    if (!isLive) return;
    if (wasPresent !== present) this.present(client, subscription, present);
    if (wasAnnounced === announced) return;
    const told = announced
      ? broker.publishJoin(name, clientInfo(client, name))
      : broker.publishLeave(name, clientInfo(client, name));
    told.catch((error: unknown) => {
      this.#core.logger.warn({ channel: name, client: client.id, err: error }, 'join or leave was not announced');
    });
  }

  /** Puts a subscriber into presence or takes it out. */
  present(client: Client, subscription: Subscription, present: boolean): void {
    const { presence, config, logger } = this.#core;
    const { name } = subscription.channel;
    const stays = (): boolean => subscription.index >= 0 && subscription.has(flags.presence);
    const changed = present
      ? presence
          .touch(name, clientInfo(client, name), config.timeouts.presence)
          // It may have changed again while the entry was on its way.
          .then(() => (stays() ? undefined : presence.remove(name, client.id)))
      : presence.remove(name, client.id);
    changed.catch((error: unknown) => {
      logger.warn({ channel: name, client: client.id, err: error }, 'presence was not changed');
    });
    if (present) client.reschedule();
  }

  #end({ client, subscription }: Watch, { because, error }: Denial): void {
    const { metrics, logger } = this.#core;
    const { name } = subscription.channel;
    const reason = error.temporary ? unsubscribeCodes.permissionUnknown : unsubscribeCodes.permissionLost;
    metrics.ruleEndings++;
    if (this.#worthALine()) {
      logger.info({ client: client.id, user: client.user, channel: name, detail: because }, reason.reason);
    }
    subscription.set(error.temporary ? flags.unknown : flags.lost, true);
    // Until the result is out no push may speak of the subscription.
    if (subscription.buffer) endSubscription(this.#core, client, subscription);
    else unsubscribeFromServer(this.#core, client, subscription, reason);
  }

  #worthALine(): boolean {
    const nowMs = this.#core.clock.now();
    if (nowMs - this.#linesSinceMs >= 1_000 || nowMs < this.#linesSinceMs) {
      this.#linesSinceMs = nowMs;
      this.#lines = 0;
    }
    return ++this.#lines <= linesPerSecond;
  }

  #wait(): void {
    if (this.#timerRuns || this.#stopped) return;
    this.#timerRuns = true;
    this.#timer = this.#core.clock.setTimeout(() => {
      this.#timerRuns = false;
      this.#ask(this.#timed);
      if (this.#timed.size > 0) this.#wait();
    }, timedIntervalMs);
  }
}

type Parts = readonly [Pending<Decision>, Pending<Decision>, Pending<Decision>, Pending<Reception>];
type Settled = readonly [Decision, Decision, Decision, Reception];

/** All are awaited from the start: a second one that fails must not be a rejection that nobody handles. */
function settle([subscribe, presence, announce, reception]: Parts): Promise<Settled> {
  return Promise.all([
    Promise.resolve(subscribe),
    Promise.resolve(presence),
    Promise.resolve(announce),
    Promise.resolve(reception),
  ]);
}

function combine([subscribe, presence, announce, reception]: Settled): Answer {
  const grounds = [subscribe.grounds, presence.grounds, announce.grounds, reception.grounds];
  return {
    denied: subscribe.allow ? undefined : subscribe,
    mayPresence: presence.allow,
    shown: announce.allow,
    reception,
    facts: grounds.flatMap((one) => one?.facts ?? []),
    timed: grounds.some((one) => one?.timed),
  };
}

function combineOwned(decision: OwnerDecision): Answer {
  const { only } = decision;
  return { ...combine([decision, allowed, allowed, only === undefined ? everything : nothing]), only };
}

function* watchesOf(client: Client, watches: ReadonlyMap<Subscription, Watch>): Iterable<Watch> {
  for (const subscription of client.subscriptions.values()) {
    const watch = watches.get(subscription);
    if (watch) yield watch;
  }
}
