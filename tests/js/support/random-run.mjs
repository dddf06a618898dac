// Carries out a plan of random changes through several nodes, and keeps when each operation began, when it was answered, and
// what was known of it then.
import { TIMEOUT } from './relay.mjs';
import { at as place, call, done, history, reactions } from './rest.mjs';
import { NODES, allReady, control, until } from './nodes.mjs';
import { DIALECTS, foundByAdmins, on, person, settled } from './changes.mjs';
import { PersistentClient } from './persistent-client.mjs';
import { plan } from './random-plan.mjs';

const [ADMINS, USERS, CONVERSATIONS] = [2, 4, 3];
/** How many operations are under way on each node at once. */
const AT_ONCE = 6;
/** How long what cannot be done now waits until it is tried again, in milliseconds. */
const PAUSE = 100;

/** What an answer says: `done`, `refused`, or `unknown`, which may have been done. */
function outcomeOf(answer) {
  if (answer === undefined) return 'unknown';
  if (answer.status !== undefined) return answer.status < 300 ? 'done' : answer.status < 500 ? 'refused' : 'unknown';
  if (answer.success) return 'done';
  return ['UNAUTHORIZED', 'NOT_PARTICIPANT', 'NOT_FOUND', 'INVALID_INPUT'].includes(answer.error.code) ? 'refused' : 'unknown';
}

export class Run {
  /** Makes the conversations, their admins, and clients of all dialects on all nodes. */
  static async begin(seed, count) {
    const run = new Run();
    const scope = { users: USERS, admins: ADMINS, conversations: CONVERSATIONS, nodes: NODES.length };
    run.operations = plan(seed, count, scope);
    run.admins = Array.from({ length: ADMINS }, () => person('admin'));
    run.users = Array.from({ length: USERS }, () => person('user'));
    run.conversations = [];
    for (let n = 0; n < CONVERSATIONS; n += 1) run.conversations.push(await foundByAdmins(...run.admins));
    for (const conversation of run.conversations) {
      for (const { userId } of run.users) await done(201, run.admins[0], 'POST', place(conversation, 'participants'), { userId });
    }
    run.clients = [...run.admins, ...run.users].flatMap((user, index) =>
      DIALECTS.map((dialect, at) => new PersistentClient(user, dialect, (index + at) % NODES.length, run.conversations)));
    await Promise.all(run.clients.map((client) => client.ready));
    return run;
  }

  /** How many operations ended so. */
  ended(outcome) {
    return this.operations.filter((one) => one.outcome === outcome).length;
  }

  /** Waits until this part of all operations has begun. */
  reaches(part) {
    const begun = () => this.operations.filter(({ kind, began }) => kind === 'none' || began !== undefined).length;
    return until('changes are made', () => begun() >= part * this.operations.length);
  }

  /** Carries out everything: each node has its operations in their order, some at once. */
  async all() {
    await Promise.all(NODES.map(async (_, node) => {
      const queue = this.operations.filter((operation) => operation.node === node && operation.kind !== 'none');
      const work = async () => {
        for (let next = queue.shift(); next; next = queue.shift()) await this.#carryOut(next);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
    }));
  }

  /**
   * Waits until everything is told: all clients follow what they may, and the ones that must have each been told of a
   * message that each node took.
   */
  async end() {
    await allReady();
    await until('all clients are connected', async () => {
      await Promise.all(this.clients.map((client) => client.ready));
      return this.clients.every(({ session }) => session.client.socket.connected);
    });
    for (const conversation of this.conversations) {
      await Promise.all(this.clients.map((client) => client.follow(conversation)));
      const { participants } = await until('a conversation is read', async () => {
        const answer = await call(this.admins[0], 'GET', place(conversation));
        return answer.status === 200 && answer.json;
      });
      const active = participants.filter(({ status }) => status === 'active').map(({ userId }) => userId);
      const told = this.clients.filter(({ user }) => active.includes(user.userId));
      await settled(this.admins[0], conversation, told.map(({ session, dialect }) => Object.assign(session.client, { dialect })));
    }
  }

  /** The history of a conversation. */
  history(conversation) {
    return until('a history is read', () => history(this.admins[0], conversation).catch(() => undefined));
  }

  /** The ids of the reactions that are stored, likewise. */
  reactions(conversation) {
    return until('a history is read', () => reactions(this.admins[0], conversation).catch(() => undefined));
  }

  /** Its log, as it is stored: `[{number, kind, id?, reaction?, name?}]`, in the order of numbers. */
  async log(conversation) {
    return JSON.parse(await control('log', conversation));
  }

  close() {
    for (const client of this.clients) client.close();
  }

  async #carryOut(operation) {
    operation.began = Date.now();
    // What it is about may not be known, or not yet.
    const target = this.operations[operation.target];
    const isPossible = operation.target === undefined || target.outcome === 'done';
    const answer = isPossible ? await this[`_${operation.kind}`](operation, target) : { status: 400 };
    operation.outcome = outcomeOf(answer);
    operation.answered = operation.outcome === 'unknown' ? Infinity : Date.now();
    if (operation.kind === 'add' && operation.outcome === 'done') await this.#follow(operation);
  }

  async #follow({ user, conversation }) {
    const clients = this.clients.filter((one) => one.user === this.users[user]);
    await Promise.all(clients.map((one) => one.follow(this.conversations[conversation])));
  }

  /** A request to the node of an operation. `undefined`: it was not answered. */
  #request(who, operation, method, path, body) {
    return call(who, method, on(operation.node, path), body).catch(() => undefined);
  }

  /** The same over the socket of a user, on whatever node that is. */
  async #ask(user, event, fields) {
    const client = this.clients.find((one) => one.user === user && one.dialect === 'conversation');
    await client.ready;
    return client.session.ask(event, fields);
  }

  async _send(operation) {
    const { n, form, conversation } = operation;
    const [user, conversationId] = [this.users[operation.user], this.conversations[conversation]];
    const [content, tempId] = [`sent ${n}`, `t${n}`];
    const forms = {
      conversation: { conversationId, content, tempId },
      chat: { chatId: conversationId, content, tempId },
      feed: { conversation_id: conversationId, encrypted_msg_content: content, content_key_number: 1 },
    };
    const attempt = () => (form === 'socket'
      ? this.#ask(user, 'message:send', { conversationId, content, tempId })
      : this.#request(user, operation, 'POST', '/api/messages', forms[form]));
    let answer = await attempt();
    // Where it has a name, it is sent again until it is known to be stored, as clients do, by another node.
    for (const since = Date.now(); form !== 'feed' && outcomeOf(answer) === 'unknown' && Date.now() - since < 3 * TIMEOUT;) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      operation.node = (operation.node + 1) % NODES.length;
      answer = await attempt();
    }
    operation.about = operation.id = answer?.messageId ?? (answer?.json?.message?.id ?? answer?.json?.data?.id ?? answer?.json?.messageData?.id);
    return answer;
  }

  _edit(operation, target) {
    const content = `edited ${operation.n}`;
    operation.about = target.id;
    const [author, messageId, path] = [this.users[target.user], target.id, `/api/messages/${target.id}`];
    if (operation.form === 'feed') return this.#request(author, operation, 'PUT', path, { encrypted_msg_content: content });
    if (operation.form === 'conversation') return this.#request(author, operation, 'PATCH', path, { content });
    return this.#ask(author, 'message:update', { conversationId: this.conversations[target.conversation], messageId, content });
  }

  _delete(operation, target) {
    const [user, admin] = [this.users[target.user], this.admins[operation.admin]];
    operation.about = target.id;
    if (operation.form === 'socket') {
      const conversationId = this.conversations[target.conversation];
      return this.#ask(user, 'message:delete', { conversationId, messageId: target.id });
    }
    return this.#request(admin, operation, 'DELETE', `/api/messages/${target.id}`);
  }

  async _react(operation, target) {
    const fields = { conversationId: this.conversations[target.conversation], messageId: target.id, emoji: operation.emoji };
    const answer = await this.#ask(this.users[operation.user], 'reaction:add', fields);
    Object.assign(operation, { reaction: answer?.reactionId, message: target.id });
    return answer;
  }

  _unreact(operation, { user, reaction, message, conversation }) {
    const fields = { conversationId: this.conversations[conversation], messageId: message, reactionId: reaction };
    return this.#ask(this.users[user], 'reaction:remove', fields);
  }

  _add(operation) {
    const path = place(this.conversations[operation.conversation], 'participants');
    const { userId } = this.users[operation.user];
    return this.#request(this.admins[operation.admin], operation, 'POST', path, { userId });
  }

  _remove(operation) {
    return this.#end(operation, this.admins[operation.admin]);
  }

  _leave(operation) {
    return this.#end(operation, this.users[operation.user]);
  }

  #end(operation, by) {
    const { userId } = this.users[operation.user];
    return this.#request(by, operation, 'DELETE', place(this.conversations[operation.conversation], 'participants', userId));
  }
}
