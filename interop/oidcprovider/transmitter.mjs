// A transmitter of security events for the interop tests. It signs Security Event Tokens with npm's jose, and delivers them by push
// (RFC 8935) and poll (RFC 8936). Its stream management API has the endpoints that a receiver needs (OpenID SSF 1.0 section 8).
//
// Each line on stdin is a JSON object {"do": command, …}, and the line on stdout with the same number is the response. An unexpected
// error is {"error": …}. The first line on stdout is {"issuer": …}. The transmitter ends on SIGTERM and when stdin closes.
//
//   push   {endpoint, authorization, claims, header?}  signs a SET and sends it; {status, body}
//   queue  {claims, header?}                           signs a SET for the next poll; {}
//   state  {}                                          {acked, errors}, the jti of acknowledged SETs and the codes of the others
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';

const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
const jwk = { ...await exportJWK(publicKey), kid: 'events-1', alg: 'ES256', use: 'sig' };
const queued = new Map();
const streams = new Map();
const acked = [];
const errors = {};
let issuer;
let number = 0;

const sign = ({ claims, header }) => new SignJWT({ iss: issuer, jti: `set-${number += 1}`, iat: Math.floor(Date.now() / 1000), ...claims })
  .setProtectedHeader({ alg: 'ES256', kid: 'events-1', typ: 'secevent+jwt', ...header }).sign(privateKey);

async function queue(command) {
  const set = await sign(command);
  queued.set(JSON.parse(Buffer.from(set.split('.')[1], 'base64url')).jti, set);
}

async function push({ endpoint, authorization, ...command }) {
  const response = await fetch(endpoint, {
    method: 'POST', body: await sign(command),
    headers: { 'content-type': 'application/secevent+jwt', accept: 'application/json', ...(authorization && { authorization }) },
  });
  return { status: response.status, body: await response.text() };
}

const state = () => ({ acked, errors });

// poll waits up to two seconds for SETs, unless the receiver wants a response at once.
async function poll({ maxEvents, returnImmediately, ack = [], setErrs = {} }) {
  for (const jti of ack) if (queued.delete(jti)) acked.push(jti);
  for (const [jti, { err }] of Object.entries(setErrs)) if (queued.delete(jti)) errors[jti] = err;
  for (let n = 0; n < 40 && queued.size === 0 && !returnImmediately; n += 1) await wait(50);
  const sets = [...queued].slice(0, maxEvents);
  return { sets: Object.fromEntries(sets), moreAvailable: queued.size > sets.length };
}

const audience = 'https://receiver.example';

async function verify({ stream_id: id, state: value }) {
  const claims = {
    aud: audience, sub_id: { format: 'opaque', id },
    events: { 'https://schemas.openid.net/secevent/ssf/event-type/verification': { state: value } },
  };
  const { delivery } = streams.get(id);
  if (delivery.method.endsWith('8936')) return queue({ claims });
  return push({ endpoint: delivery.endpoint_url, authorization: delivery.authorization_header, claims });
}

async function respond(method, url, body) {
  const id = url.searchParams.get('stream_id') ?? body.stream_id;
  switch (`${method} ${url.pathname}`) {
    case 'POST /poll': return [200, await poll(body)];
    case 'POST /verify': {
      if (!streams.has(id)) return [404];
      setImmediate(() => verify(body).catch((err) => console.error(err)));
      return [204];
    }
    case 'POST /stream': {
      const stream = {
        stream_id: `stream-${streams.size + 1}`, iss: issuer, aud: audience, events_delivered: body.events_requested ?? [], ...body,
        delivery: body.delivery ?? { method: 'urn:ietf:rfc:8936', endpoint_url: `${issuer}/poll` },
      };
      streams.set(stream.stream_id, stream);
      return [201, stream];
    }
    case 'GET /stream': return id ? [streams.has(id) ? 200 : 404, streams.get(id)] : [200, [...streams.values()]];
    case 'PATCH /stream': {
      streams.set(id, { ...streams.get(id), ...body });
      return [200, streams.get(id)];
    }
    case 'DELETE /stream': return [streams.delete(id) ? 204 : 404];
    default: return [404];
  }
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, issuer);
  const write = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(body && JSON.stringify(body));
  };
  if (url.pathname === '/jwks') return write(200, { keys: [jwk] });
  if (url.pathname === '/.well-known/ssf-configuration') {
    return write(200, {
      spec_version: '1_0', issuer, jwks_uri: `${issuer}/jwks`, delivery_methods_supported: ['urn:ietf:rfc:8935', 'urn:ietf:rfc:8936'],
      configuration_endpoint: `${issuer}/stream`, verification_endpoint: `${issuer}/verify`, default_subjects: 'ALL',
    });
  }
  if (request.headers.authorization !== 'Bearer manage') return write(401);
  let text = '';
  for await (const chunk of request) text += chunk;
  return write(...await respond(request.method, url, text ? JSON.parse(text) : {}));
});
server.keepAliveTimeout = 0;
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
issuer = `http://127.0.0.1:${server.address().port}`;

console.info = console.error; // stdout is for responses
process.on('SIGTERM', () => process.exit(0));
process.stdout.write(`${JSON.stringify({ issuer })}\n`);
const commands = { push, queue, state };
for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...command } = JSON.parse(line);
  const result = await Promise.resolve().then(() => commands[name](command)).catch((err) => ({ error: String(err) }));
  process.stdout.write(`${JSON.stringify(result ?? {})}\n`);
}
process.exit(0);
