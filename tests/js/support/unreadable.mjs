// JSON that the parser of one published client or another fails on, as text, since no client writes it.

/** How deep a field may be: the default of `max_depth` without what the relay puts around it. */
export const LIMIT = 60;

/** So many lists in each other. */
export function nested(levels) {
  return '['.repeat(levels) + ']'.repeat(levels);
}

export const UNREADABLE = {
  'too many lists': nested(LIMIT + 1),
  'too many objects': `${'{"a":'.repeat(LIMIT + 1)}1${'}'.repeat(LIMIT + 1)}`,
  'lists without end': nested(6000),
  'half a surrogate pair': '"\\ud800"',
  'half a pair in an object': '{"a":["x\\udfff"]}',
  'half a pair in a key': '{"\\ud83d":1}',
  'a number beyond a double': '1e999',
  'an integer beyond a double': `[${'9'.repeat(400)}]`,
  'a prototype': '{"a":{"__proto__":{"isAdmin":true}}}',
  'a prototype in escapes': '[{"\\u005f_proto__":1}]',
};

/** Sends the text of an event with one attachment, over WebSocket. */
export function attached(client, text) {
  client.raw(`51-${text}`);
  client.raw(Buffer.from('attached'));
}
