// What must hold after a run of random changes. The log, as it is stored, is the history; each client was told what is in it,
// in its order and without a gap, as long as its user took part, and nothing else.

/** What clients of a dialect are told of. A client of `feed` is told of participants whether it follows or not. */
const MESSAGES = ['new', 'edited', 'deleted'];
const KINDS = {
  conversation: [[...MESSAGES, 'reacted', 'unreacted']],
  feed: [MESSAGES, ['added', 'removed']],
  chat: [MESSAGES],
};

/** What one change is, to whoever is told of it. What was edited may be told in words of later. */
function keyOf({ kind, id, reaction, name }) {
  return `${kind} ${reaction ?? name ?? id}`;
}

/** The log of a conversation, each change with the times between which it was stored. */
class Log {
  constructor(conversation, changes) {
    Object.assign(this, { conversation, changes, positions: new Map() });
    const deletions = new Map(changes.map(({ kind, id }, at) => [kind === 'deleted' ? id : undefined, at]));
    for (const [at, change] of changes.entries()) {
      const key = keyOf(change);
      this.positions.set(key, [...(this.positions.get(key) ?? []), at]);
      // Who reads of it when it is deleted is told that alone.
      change.isGone = ['new', 'edited'].includes(change.kind) && deletions.has(change.id);
    }
  }

  /** Nothing was stored before what is before it, nor after what is behind it was told to anybody. */
  date(operations, clients) {
    const began = new Map(operations.filter(({ kind, id }) => kind === 'send' && id).map((one) => [one.id, one.began]));
    let since = -Infinity;
    for (const change of this.changes) {
      if (change.kind === 'new') since = Math.max(since, began.get(change.id) ?? since);
      Object.assign(change, { since, until: Infinity });
    }
    for (const session of clients.flatMap(({ sessions }) => sessions)) {
      for (const change of session.told(this.conversation)) {
        const all = this.positions.get(keyOf(change)) ?? [];
        if (all.length === 1) this.at(all[0]).until = Math.min(this.at(all[0]).until, change.at);
      }
    }
    let until = Infinity;
    for (const change of this.changes.toReversed()) change.until = until = Math.min(until, change.until);
  }

  /** When a user took part: from which change to which, both included. */
  intervals({ username }) {
    const end = this.changes.length - 1;
    const intervals = [];
    for (const [at, { kind, name }] of this.changes.entries()) {
      if (name !== username) continue;
      if (kind === 'added' || kind === 'created') intervals.push({ from: at, to: end, isOpen: true });
      if (kind === 'removed') Object.assign(intervals.at(-1), { to: at, isOpen: false });
    }
    return intervals;
  }

  at(position) {
    return this.changes[position];
  }
}

/** Everything that is wrong after a run, in words. */
export async function violations(run) {
  const wrong = [];
  for (const [index, conversation] of run.conversations.entries()) {
    const report = (what) => wrong.push(`conversation ${index}: ${what}`);
    const operations = run.operations.filter((one) => run.conversations[one.conversation] === conversation);
    const log = new Log(conversation, await run.log(conversation));
    log.date(operations, run.clients);
    const history = await run.history(conversation);
    checkHistory(log, history, report);
    checkAnswers(log, operations, history, report);
    for (const client of run.clients) {
      for (const [number, session] of client.sessions.entries()) {
        const name = `${client.dialect} of ${client.user.username}, connection ${number}`;
        checkSession(log, history, session, (what) => report(`${name}: ${what}`));
      }
    }
    await checkReactions(run, log, report);
  }
  return wrong;
}

/** The messages of which a client was told as they are after what it was told. */
function applied(changes) {
  const messages = new Map();
  for (const { kind, id, content } of changes) {
    if (kind === 'new' || kind === 'edited') messages.set(id, content);
    if (kind === 'deleted') messages.set(id, null);
  }
  return messages;
}

function checkHistory(log, history, report) {
  const numbers = log.changes.map(({ number }) => number);
  if (numbers.some((number, at) => number !== at + 1)) report(`the log has the numbers ${numbers}`);
  const logged = log.changes.filter(({ kind }) => kind === 'new').map(({ id }) => id);
  const stored = history.map(({ id }) => id);
  if (logged.join() !== stored.join()) report(`the log has ${logged.length} messages, the history ${stored.length}, or in another order`);
  for (const { id, content, editedAt } of history) {
    const kinds = log.changes.filter((change) => change.id === id).map(({ kind }) => kind);
    if (kinds.includes('deleted') !== (content === null)) report(`${id} is ${content} in the history: ${kinds}`);
    if (content !== null && kinds.includes('edited') !== (editedAt !== undefined)) report(`${id} was edited at ${editedAt}: ${kinds}`);
  }
}

/** What was done is in the log, once, and what was refused is not. */
function checkAnswers(log, operations, history, report) {
  const names = history.map(({ senderId, tempId }) => tempId && `${senderId} ${tempId}`).filter(Boolean);
  if (new Set(names).size !== names.length) report('a message is stored twice');
  const ended = new Map();
  for (const { kind, outcome, about } of operations) {
    if (!about || !['send', 'edit', 'delete'].includes(kind)) continue;
    const key = `${{ send: 'new', edit: 'edited', delete: 'deleted' }[kind]} ${about}`;
    ended.set(key, [...(ended.get(key) ?? []), outcome]);
  }
  for (const [key, outcomes] of ended) {
    const times = log.positions.get(key)?.length ?? 0;
    const [done, unknown] = ['done', 'unknown'].map((wanted) => outcomes.filter((one) => one === wanted).length);
    const least = key.startsWith('deleted') ? Math.min(1, done) : done;
    if (times < least || times > done + unknown) report(`${key} is in the log ${times} times: ${outcomes}`);
  }
}

/** A reaction is stored unless it was removed at last. */
async function checkReactions(run, log, report) {
  const stored = await run.reactions(log.conversation);
  const last = new Map(log.changes.filter(({ reaction }) => reaction).map((change) => [change.reaction, change]));
  const deleted = new Set(log.changes.filter(({ kind }) => kind === 'deleted').map(({ id }) => id));
  for (const [reactionId, { kind, id }] of last) {
    if (deleted.has(id)) continue;
    const isThere = stored.has(reactionId);
    if (isThere !== (kind === 'reacted')) report(`reaction ${reactionId} was ${kind} at last, and is${isThere ? '' : ' not'} stored`);
  }
}

function checkSession(log, history, session, report) {
  const told = session.told(log.conversation);
  const intervals = log.intervals(session.user);
  // An edit may be any of those of its message: what is told is taken for the first, or for the last that it can be.
  const readings = ['forward', 'backward'].map((way) => {
    const wrong = [];
    checkReading(log, history, session, { told, intervals, positions: locate(log, session, told, intervals, way) }, (what) => wrong.push(what));
    return wrong;
  });
  readings.toSorted((one, other) => one.length - other.length)[0].forEach(report);
}

function checkReading(log, history, session, { told, intervals, positions }, report) {
  for (const [index, at] of positions.entries()) {
    if (at !== undefined) continue;
    const key = keyOf(told[index]);
    report(`told ${key} out of turn, twice, or when they did not take part: ${log.positions.get(key)} is behind ${positions[index - 1]}`);
  }
  const all = new Set(positions);
  for (const interval of intervals) {
    for (const kinds of KINDS[session.dialect]) checkInterval(log, session, all, interval, kinds, report);
  }
  checkLast(history, session, told, positions, intervals.at(-1), report);
  const known = positions.filter((at) => at !== undefined);
  checkReadOn(log, history, session, known, intervals, report);
}

/** Where in the log that is which a client was told; `undefined` where it cannot be. */
function locate(log, session, told, intervals, way) {
  const mayBe = (at) => intervals.some(({ from, to }) => at >= from && at <= to) && session.mayBeTold(log.conversation, log.at(at));
  const positions = [];
  const isForward = way === 'forward';
  let last = isForward ? -1 : log.changes.length;
  for (const change of isForward ? told : told.toReversed()) {
    const all = (log.positions.get(keyOf(change)) ?? []).filter(mayBe);
    const next = isForward ? all.find((at) => at > last) : all.findLast((at) => at < last);
    positions.push(next);
    last = next ?? last;
  }
  return isForward ? positions : positions.reverse();
}

/** While its user took part, a client was told everything from the first to the last, and from when it had to be on. */
function checkInterval(log, session, told, { from, to, isOpen }, kinds, report) {
  const visible = [];
  for (let at = from; at <= to; at += 1) {
    if (kinds.includes(log.at(at).kind)) visible.push(at);
  }
  const first = visible.findIndex((at) => told.has(at));
  const last = visible.findLastIndex((at) => told.has(at));
  const isAutomatic = session.dialect === 'chat' || kinds.includes('added');
  const beginsLater = log.at(from).since > session.since;
  const joins = session.joins.filter(({ conversation, began, ended }) => {
    return conversation === log.conversation && log.at(from).until < began && (isOpen || log.at(to).since > ended);
  });
  const joined = isAutomatic ? session.since : Math.min(...joins.map(({ ended }) => ended));
  for (const [index, at] of visible.entries()) {
    const isBetween = first >= 0 && index > first && (index < last || session.until === Infinity);
    const isDue = session.until === Infinity && (log.at(at).since > joined || (isAutomatic && beginsLater));
    if ((isBetween || isDue) && !told.has(at) && !log.at(at).isGone) report(`not told ${keyOf(log.at(at))}, ${at} of ${from} to ${to}`);
  }
}

/** What a client was told at last of the messages that came while it followed is what the history says. */
function checkLast(history, session, told, positions, interval, report) {
  if (!interval?.isOpen || session.until !== Infinity) return;
  const changes = told.filter((_, index) => positions[index] > interval.from);
  const isNew = new Set(changes.filter(({ kind }) => kind === 'new').map(({ id }) => id));
  const stored = new Map(history.map(({ id, content }) => [id, content]));
  for (const [id, content] of applied(changes)) {
    if (isNew.has(id) && stored.get(id) !== content) report(`${id} is ${stored.get(id)} in the history, and was told as ${content}`);
  }
}

/**
 * Who came back has read every message behind the last one known, up to where it read; and if it took part all the time since,
 * up to the first that it was told.
 */
function checkReadOn(log, history, session, positions, intervals, report) {
  const read = session.readOn.get(log.conversation);
  if (!read) return;
  const ids = history.map(({ id }) => id);
  const [from, last] = [read.known, read.ids.at(-1) ?? read.known].map((id) => ids.indexOf(id) + 1);
  const all = [...read.ids];
  const here = intervals.find(({ from: at, isOpen }) => isOpen && log.at(at).until < session.since);
  const told = here ? positions.filter((at) => log.at(at).kind === 'new' && at >= here.from) : [];
  const to = told.length > 0 ? Math.max(last, ids.indexOf(log.at(told[0]).id)) : last;
  if (all.join() !== ids.slice(from, last).join()) report(`read ${all.length} messages on, of ${last - from}`);
  for (const id of ids.slice(last, to)) {
    if (!log.changes.some((change) => change.id === id && change.isGone)) report(`neither read nor told ${id}`);
  }
}
