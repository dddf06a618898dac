// A client of a run of random changes: it follows its conversations and connects again, to another node, when it is cut off;
// then it reads what it missed. It keeps what it was told, for each connection.
import { TIMEOUT } from './relay.mjs';
import { read } from './rest.mjs';
import { NODES, client, until } from './nodes.mjs';
import { changeOf } from './changes.mjs';

/**
 * One connection: when it `began`, `since` when, and `until` when, it was there; `joins` are `{conversation, began, ended}` of those that
 * succeeded, `readOn` the ids that it read of each conversation behind the last one known before.
 */
class Session {
  until = Infinity;
  joins = [];
  readOn = new Map();

  constructor(owner, client, began) {
    Object.assign(this, { user: owner.user, dialect: owner.dialect, client, began, since: Date.now() });
  }

  /** What is answered to an event; `undefined` if nothing was before the connection ended. */
  async ask(event, fields) {
    const { socket } = this.client;
    let lost;
    const end = new Promise((resolve) => socket.once('disconnect', (lost = () => resolve(undefined))));
    const answered = socket.connected ? this.client.ask(event, fields) : undefined;
    const answer = await Promise.race([answered, end]).catch(() => undefined);
    socket.off('disconnect', lost);
    return answer;
  }

  /** The changes of a conversation that it was told, each with the time at which it came. */
  told(conversation) {
    const changes = this.client.events.map((event) => ({ ...changeOf(this.dialect, event), at: event.at }));
    return changes.filter(({ of }) => of !== undefined && String(of) === conversation);
  }

  /**
   * Whether it may have been told of a change, by when that was stored at the latest: it has to follow before. Of participants
   * whoever is connected is told when their node takes the change, which others may have been told of before.
   */
  mayBeTold(conversation, { kind, until }) {
    if (kind === 'added' || kind === 'removed') return true;
    const joins = this.joins.filter((join) => join.conversation === conversation);
    const began = this.dialect === 'chat' ? [this.began] : joins.map((join) => join.began);
    return began.some((time) => time <= until);
  }

  /** The last message that it was told of. */
  lastMessage(conversation) {
    return this.told(conversation).findLast(({ kind }) => kind === 'new')?.id;
  }
}

export class PersistentClient {
  sessions = [];

  /** A client of a user that follows these conversations. */
  constructor(user, dialect, node, conversations) {
    Object.assign(this, { user, dialect, node, conversations });
    this.ready = this.#connect();
  }

  /** The present connection, or the last one. */
  get session() {
    return this.sessions.at(-1);
  }

  /** Follows a conversation, if that is to be asked for and its user may. */
  async follow(conversation, session = this.session) {
    if (this.dialect === 'chat') return;
    const [event, payload] = this.dialect === 'feed'
      ? ['join-conversation', conversation]
      : ['conversation:join', { conversationId: conversation }];
    const began = Date.now();
    await until(`${this.dialect} follows ${conversation}`, async () => {
      if (!session.client.socket.connected) return true;
      const answer = await session.ask(event, payload);
      if (answer?.success) session.joins.push({ conversation, began, ended: Date.now() });
      return answer?.success || answer?.error.code === 'NOT_PARTICIPANT';
    });
  }

  async #connect() {
    const before = this.session;
    const session = await until('a client connects', () => this.#open().catch(() => {
      this.node = (this.node + 1) % NODES.length;
    }));
    this.sessions.push(session);
    const lost = new Promise((resolve) => session.client.socket.once('disconnect', resolve));
    if (!session.client.socket.connected) return this.#again(session);
    lost.then(() => (this.ready = this.#again(session)));
    for (const conversation of this.conversations) await this.follow(conversation, session);
    if (before) await Promise.all(this.conversations.map((conversation) => this.#readOn(conversation, before, session)));
  }

  async #again(session) {
    session.until = Date.now();
    if (this.isOver) return;
    this.node = (this.node + 1) % NODES.length;
    await this.#connect();
  }

  async #open() {
    const began = Date.now();
    return new Session(this, await client(this.user, this.node, this.dialect, { timeout: TIMEOUT / 4 }), began);
  }

  /** Reads what came behind the last message that was known, as a participant may. */
  async #readOn(conversation, before, session) {
    const known = before.lastMessage(conversation);
    if (known === undefined) return;
    const ids = [];
    await until('what was missed is read', async () => {
      try {
        for (let after = known; after !== undefined; ) {
          const page = await read(this.user, conversation, { after });
          ids.push(...page.messages.map(({ id }) => id));
          after = page.nextCursor;
        }
        session.readOn.set(conversation, { known, ids });
        return true;
      } catch (error) {
        ids.length = 0;
        return error.message.includes('NOT_PARTICIPANT');
      }
    });
  }

  close() {
    this.isOver = true;
    this.session.client.close();
  }
}
