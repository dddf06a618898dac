// What is done in a run of random changes: a sequence of operations that a seed decides alone, whatever comes of them.

/** How often each kind of operation is chosen. */
const WEIGHTS = { send: 40, edit: 16, delete: 8, react: 14, unreact: 10, add: 7, remove: 3, leave: 2 };
/** The forms in which a message is sent. */
const FORMS = ['socket', 'socket', 'conversation', 'feed', 'chat'];
/** An operation is about one so many before it at most. */
const REACH = 200;
const EMOJIS = ['👍', '👎'];

/** Numbers that a seed decides (mulberry32). */
export class Random {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** From 0 to below 1. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  below(limit) {
    return Math.floor(this.next() * limit);
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  /** A key of an object whose values say how often it is chosen. */
  weighted(weights) {
    let left = this.below(Object.values(weights).reduce((sum, weight) => sum + weight));
    return Object.keys(weights).find((key) => (left -= weights[key]) < 0);
  }
}

/**
 * So many operations by these numbers of users and admins, in so many conversations, on so many nodes. Each is
 * `{n, kind, conversation, user, node, form?, emoji?, target?}`; `target` is the operation that it is about.
 */
export function plan(seed, count, { users, admins, conversations, nodes }) {
  const random = new Random(seed);
  const operations = [];
  for (let n = 0; n < count; n += 1) {
    const operation = { n, kind: random.weighted(WEIGHTS), conversation: random.below(conversations), node: random.below(nodes) };
    operation.user = random.below(users);
    operation.admin = random.below(admins);
    const target = random.next();
    if (operation.kind === 'send') operation.form = random.pick(FORMS);
    if (operation.kind === 'edit') operation.form = random.pick(['socket', 'conversation', 'feed']);
    if (operation.kind === 'delete') operation.form = random.pick(['socket', 'conversation']);
    if (operation.kind === 'react') operation.emoji = random.pick(EMOJIS);
    const wanted = { edit: 'send', delete: 'send', react: 'send', unreact: 'react' }[operation.kind];
    if (wanted) {
      const candidates = operations.slice(-REACH).filter((one) => one.kind === wanted && one.conversation === operation.conversation);
      if (candidates.length === 0) operation.kind = 'none';
      operation.target = candidates[Math.floor(target * candidates.length)]?.n;
    }
    operations.push(operation);
  }
  return operations;
}
