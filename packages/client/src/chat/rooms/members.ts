/** Who is in a room: pages by user id, read when somebody watches, and kept up to date by the room's channel. */
import { TidingsError } from '../../error.ts';
import { WatchedStore } from '../../watched-store.ts';
import type { ChatContext } from '../chat-context.ts';
import type { Member } from '../publications.ts';
import type { MembersView } from '../views.ts';

const perPage = 100;

export class Members {
  readonly view: WatchedStore<MembersView>;
  readonly #context: ChatContext;
  readonly #room: string;
  /** What was told while a page is on its way, which may be older. */
  #meanwhile: Member[] | undefined;

  constructor(context: ChatContext, room: string) {
    this.#context = context;
    this.#room = room;
    this.view = new WatchedStore<MembersView>({ members: [], hasMore: true, status: 'loading' }, () => this.#start());
  }

  /** The room is live again. @param isReset who came and went meanwhile was not told. */
  online(isReset: boolean): void {
    if (isReset) {
      this.#meanwhile = undefined;
      this.view.update((view) => ({ ...view, status: 'loading' }));
    }
    if (this.view.isWatched) this.#start();
  }

  told(member: Member): void {
    this.#meanwhile?.push(member);
    if (this.view.get().status !== 'live') return;
    this.view.update((view) => withMember(view, member));
  }

  async loadMore(): Promise<void> {
    const { members, hasMore, status } = this.view.get();
    if (status !== 'live') return this.#load([]);
    if (hasMore) await this.#load(members);
  }

  #start(): void {
    if (this.view.get().status !== 'live') this.#load([]).catch(() => undefined);
  }

  async #load(before: readonly Member[]): Promise<void> {
    if (this.#meanwhile) return;
    const meanwhile: Member[] = [];
    this.#meanwhile = meanwhile;
    const after = before.at(-1)?.user;
    try {
      const page = await this.#context.call('members', {
        room: this.#room,
        limit: perPage,
        ...(after !== undefined && { after }),
      });
      if (this.#meanwhile !== meanwhile) return;
      const { members } = this.view.get();
      const known = before.length === 0 ? page.members : [...members, ...page.members];
      const view: MembersView = { members: known, hasMore: page.hasMore, status: 'live' };
      this.view.set(meanwhile.reduce(withMember, view));
    } catch (error) {
      if (this.#meanwhile !== meanwhile) return;
      const isTemporary = error instanceof TidingsError && error.isTemporary;
      if (!isTemporary) {
        const failure = error instanceof TidingsError ? error : TidingsError.of('invalid', String(error));
        this.view.update((view) => ({ ...view, status: 'failed', failure }));
      }
      throw error;
    } finally {
      if (this.#meanwhile === meanwhile) this.#meanwhile = undefined;
    }
  }
}

/** Members behind the last page are left out: they come with their page. */
function withMember(view: MembersView, member: Member): MembersView {
  const others = view.members.filter(({ user }) => user !== member.user);
  if (member.state !== 'member') return others.length === view.members.length ? view : { ...view, members: others };
  const last = view.members.at(-1);
  if (view.hasMore && last && member.user > last.user) return view;
  const at = others.findIndex(({ user }) => user > member.user);
  return { ...view, members: others.toSpliced(at === -1 ? others.length : at, 0, member) };
}
