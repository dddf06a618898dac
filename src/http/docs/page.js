// Shows /openapi.json and /asyncapi.json. It asks nobody else, and writes what it reads as text only.

const main = document.getElementById('main');

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

async function read(name) {
  const answer = await fetch(name);
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return answer.json();
}

// What a reference stands for.
function resolve(document, value) {
  let found = value;
  while (found?.$ref) {
    const parts = found.$ref.slice(2).split('/');
    found = parts.reduce((at, part) => at?.[part.replaceAll('~1', '/').replaceAll('~0', '~')], document);
  }
  return found;
}

// A schema as somebody writes an example of it.
function shape(document, schema, depth = 0) {
  const found = resolve(document, schema);
  if (found === undefined || found === true || depth > 8) return 'any';
  const among = found.anyOf ?? found.oneOf;
  if (among && !found.properties) return among.map((one) => shape(document, one, depth)).join(' | ');
  if (found.const !== undefined) return JSON.stringify(found.const);
  if (found.enum) return found.enum.map((one) => JSON.stringify(one)).join(' | ');
  if (found.items) return `[${shape(document, found.items, depth + 1)}]`;
  if (found.properties) return shapeOfObject(document, found, depth);
  return [found.type ?? 'any'].flat().join(' | ');
}

function shapeOfObject(document, schema, depth) {
  const needed = new Set(schema.required ?? []);
  const indent = '  '.repeat(depth + 1);
  const lines = Object.entries(schema.properties).map(([name, field]) => {
    const about = field.description ? `  // ${field.description.replaceAll('\n', ' ')}` : '';
    return `${indent}${name}${needed.has(name) ? '' : '?'}: ${shape(document, field, depth + 1)},${about}`;
  });
  if (schema.additionalProperties === true) lines.push(`${indent}…`);
  for (const one of schema.anyOf ?? schema.oneOf ?? []) lines.push(`${indent}// and ${shape(document, one, depth + 1)}`);
  return `{\n${lines.join('\n')}\n${'  '.repeat(depth)}}`;
}

function entry(kind, name, about, parts) {
  const details = element('details');
  const summary = element('summary');
  summary.append(element('span', kind, 'kind'), element('code', name), element('span', about, 'about'));
  details.append(summary);
  details.dataset.text = `${kind} ${name} ${about}`.toLowerCase();
  details.addEventListener('toggle', () => {
    if (details.open && details.childElementCount === 1) {
      for (const [title, text] of parts()) details.append(element('h4', title), element('pre', text));
    }
  });
  return details;
}

function partsOfOperation(document, operation) {
  const parts = [];
  const schemes = operation.security.map((one) => Object.entries(one).map(([name, scopes]) => [name, ...scopes].join(' ')).join());
  parts.push(['token', schemes.map((one) => one || 'none').join(' | ') || 'none']);
  const parameters = (operation.parameters ?? []).map((one) => `${one.in} ${one.name}${one.required ? '' : '?'}: ${shape(document, one.schema)}`);
  if (parameters.length) parts.push(['parameters', parameters.join('\n')]);
  for (const [type, body] of Object.entries(operation.requestBody?.content ?? {})) {
    parts.push([`body, ${type}`, shape(document, body.schema)]);
  }
  const refused = [];
  for (const [status, answer] of Object.entries(operation.responses)) {
    if (answer.$ref) refused.push(status);
    for (const [type, body] of Object.entries(answer.$ref ? {} : answer.content ?? {})) {
      parts.push([`${status}, ${type}`, shape(document, body.schema)]);
    }
  }
  parts.push([refused.join(', '), shape(document, document.components.responses.Refused.content['application/json'].schema)]);
  return parts;
}

function showRequests(document) {
  main.append(element('h2', document.info.title));
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      main.append(entry(method.toUpperCase(), path, operation.summary, () => partsOfOperation(document, operation)));
    }
  }
}

function partsOfEvent(document, operation) {
  const payload = (message) => shape(document, resolve(document, message).payload);
  const parts = [['payload', operation.messages.map(payload).join('\n')]];
  if (operation.reply) parts.push(['callback', operation.reply.messages.map(payload).join('\n| ')]);
  return parts;
}

function showEvents(document) {
  for (const [name, channel] of Object.entries(document.channels)) {
    main.append(element('h2', channel.title));
    for (const [key, operation] of Object.entries(document.operations)) {
      if (!key.startsWith(`${name}.`)) continue;
      const message = resolve(document, operation.messages[0]);
      const kind = operation.action === 'receive' ? 'emit' : 'on';
      main.append(entry(kind, message.name, operation.summary, () => partsOfEvent(document, operation)));
    }
  }
}

document.getElementById('find').addEventListener('input', (event) => {
  const wanted = event.target.value.trim().toLowerCase();
  for (const details of main.querySelectorAll('details')) details.hidden = !details.dataset.text.includes(wanted);
});

const state = document.getElementById('state');
try {
  const [requests, events] = await Promise.all([read('openapi.json'), read('asyncapi.json')]);
  state.remove();
  showRequests(requests);
  showEvents(events);
} catch (error) {
  state.textContent = `The descriptions could not be read: ${error.message}`;
}
