// Imports: a request that is written while its answer is read.
import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';
import { ADMIN } from './rest.mjs';
import { RELAY_URLS } from './relay.mjs';
import { sawRequest } from './described.mjs';

/** The lines of text that comes in parts. */
export async function* linesOf(parts) {
  let rest = '';
  for await (const part of parts) {
    const lines = (rest + part).split('\n');
    rest = lines.pop();
    yield* lines.map((line) => JSON.parse(line));
  }
  assert.equal(rest, '', 'the last line is whole');
}

/** An import that has begun: what is written to it, and the lines that it answers. */
export class Import {
  constructor(query = '', { url = RELAY_URLS[0], who = ADMIN, type = 'application/x-ndjson' } = {}) {
    const headers = { Authorization: `Bearer ${who.bearer}`, 'Content-Type': type };
    this.request = http.request(`${url}/api/admin/import${query}`, { method: 'POST', headers });
    this.request.flushHeaders();
    this.answered = once(this.request, 'response').then(([response]) => response.setEncoding('utf8'));
    this.answered.catch(() => {});
  }

  /** Writes lines: objects, or text as it is. */
  write(...lines) {
    const text = lines.map((line) => (typeof line === 'string' || Buffer.isBuffer(line) ? line : JSON.stringify(line)));
    for (const line of text) this.request.write(line), this.request.write('\n');
  }

  end() {
    this.request.end();
  }

  /** The next line of the answer. */
  async next() {
    this.lines ??= linesOf(await this.answered);
    return (await this.lines.next()).value;
  }
}

/** Imports these lines: those that were bad, and the last line. */
export async function imported(lines, query = '', options = {}) {
  const importing = new Import(query, options);
  importing.write(...lines);
  importing.end();
  const response = await importing.answered;
  assert.equal(response.statusCode, 200);
  assert.equal(response.headers['content-type'], 'application/x-ndjson');
  const [bad, progress] = [[], []];
  let last;
  for await (const line of linesOf(response)) {
    assert.equal(last, undefined, 'nothing behind the last line');
    sawRequest('POST', `/api/admin/import${query}`, undefined, { status: 200, json: line });
    if (line.done !== undefined) last = line;
    else (line.progress ? progress : bad).push(line);
  }
  assert.ok(last, 'there is a last line');
  return { bad, last, progress };
}

/** An import of which each line is stored: what was counted. */
export async function importedAll(lines, query = '', options = {}) {
  const { bad, last } = await imported(lines, query, options);
  assert.deepEqual(bad, []);
  assert.equal(last.done, true, JSON.stringify(last));
  for (const line of lines.slice(0, 100)) sawRequest('POST', '/api/admin/import', line, { status: 200, json: last });
  return last;
}
