/**
 * How far the members of a room have read, and what is on their devices. Read once when the room is live, then told as it
 * moves. Of rooms with many members only the first are known; then nobody says of a message that all have read it.
 */
import { TidingsError } from '../../error.ts';
import { WritableStore } from '../../store.ts';
import type { ChatContext } from '../chat-context.ts';
import { Coalesced } from '../coalesced.ts';
import type { Member, RoomPublication } from '../publications.ts';
import type { MessageState, ReceiptsView } from '../views.ts';

type Told = Omit<Extract<RoomPublication, { type: 'receipts' }>, 'type'>;

const perPage = 100;
const maxPages = 3;
const againMs = 500;
const retryMs = 5_000;

export class Receipts {
  readonly view = new WritableStore<ReceiptsView>({ read: new Map(), delivered: new Map() });
  readonly #context: ChatContext;
  readonly #room: string;
  readonly #onChange: () => void;
  readonly #again: Coalesced;
  readonly #retry: Coalesced;
  #read = new Map<string, number>();
  #delivered = new Map<string, number>();
  /** What was told while a reading is on its way, which may be older. */
  #meanwhile: Told[] | undefined;
  /** Marks of theirs may come behind them, also in a reading that was asked for before. */
  readonly #departed = new Set<string>();
  #isWhole = false;
  #readFloor = 0;
  #deliveredFloor = 0;

  constructor(context: ChatContext, room: string, onChange: () => void) {
    this.#context = context;
    this.#room = room;
    this.#onChange = onChange;
    this.#again = new Coalesced(context.clock, againMs, () => void this.reload());
    this.#retry = new Coalesced(context.clock, retryMs, () => {
      // Without a connection, the room is live again later.
      if (context.connection.state.get().status === 'online') void this.reload();
    });
  }

  /** Of an own message outside of threads. */
  stateOf(seq: number): MessageState {
    if (!this.#isWhole || this.#read.size === 0) return 'sent';
    if (seq <= this.#readFloor) return 'read';
    return seq <= this.#deliveredFloor ? 'delivered' : 'sent';
  }

  told(told: Told): void {
    this.#meanwhile?.push(told);
    this.#apply(told);
    this.#changed();
  }

  /** A message came that was not known: who sends has read what stands above, and no more is told of it. */
  sent(user: string, seq: number): void {
    // The reading on its way may be before or behind it, and they may have marked it as unread since.
    if (this.#meanwhile) this.#again.want();
    if (seq <= (this.#read.get(user) ?? 0)) return;
    this.#apply({ read: { [user]: seq } });
    this.#changed();
  }

  /** They may have moved without a word: asked for again, soon. */
  doubt(): void {
    this.#again.want();
  }

  /** Somebody came or went. */
  member({ user, state }: Member): void {
    this.#again.want();
    if (state === 'member') this.#departed.delete(user);
    else {
      this.#departed.add(user);
      this.#read.delete(user);
      this.#delivered.delete(user);
      this.#changed();
    }
  }

  /** @param isReset who came and went meanwhile was not told. */
  async reload(isReset = false): Promise<void> {
    if (isReset) this.#departed.clear();
    this.#again.cancel();
    this.#retry.cancel();
    const meanwhile: Told[] = [];
    this.#meanwhile = meanwhile;
    const [read, delivered] = [new Map<string, number>(), new Map<string, number>()];
    let [isWhole, hasFailed] = [false, false];
    try {
      let after: string | undefined;
      for (let page = 0; page < maxPages && !isWhole; page++) {
        const cursor = after === undefined ? {} : { after };
        const { receipts, hasMore } = await this.#context.call('receipts', {
          room: this.#room,
          limit: perPage,
          ...cursor,
        });
        for (const { user, readSeq, deliveredSeq } of receipts) {
          read.set(user, readSeq);
          delivered.set(user, deliveredSeq);
        }
        after = receipts.at(-1)?.user;
        isWhole = !hasMore;
      }
    } catch (error) {
      // Else they are not to be seen in this room.
      hasFailed = error instanceof TidingsError && error.isTemporary;
    }
    if (this.#meanwhile !== meanwhile) return;
    this.#meanwhile = undefined;
    if (hasFailed) {
      // What is known stays, with what was told since.
      this.#retry.want();
      return;
    }
    const me = this.#context.me.get() ?? '';
    for (const user of [me, ...this.#departed]) {
      read.delete(user);
      delivered.delete(user);
    }
    [this.#read, this.#delivered, this.#isWhole] = [read, delivered, isWhole];
    for (const told of meanwhile) this.#apply(told);
    this.#changed();
  }

  close(): void {
    this.#again.cancel();
    this.#retry.cancel();
    this.#meanwhile = undefined;
  }

  #apply({ read = {}, delivered = {} }: Told): void {
    const isShown = (user: string): boolean =>
      user !== '' && user !== this.#context.me.get() && !this.#departed.has(user);
    for (const [user, seq] of Object.entries(delivered)) if (isShown(user)) this.#delivered.set(user, seq);
    for (const [user, seq] of Object.entries(read)) {
      if (!isShown(user)) continue;
      this.#read.set(user, seq);
      // What is read has arrived. What is marked as unread again stays.
      this.#delivered.set(user, Math.max(this.#delivered.get(user) ?? 0, seq));
    }
  }

  #changed(): void {
    this.#readFloor = Math.min(...this.#read.values());
    this.#deliveredFloor = Math.min(...this.#delivered.values());
    this.view.set({ read: new Map(this.#read), delivered: new Map(this.#delivered) });
    this.#onChange();
  }
}
