// An authorization server for the interop tests: npm's oidc-provider on a free port of 127.0.0.1.
//
// Each line on stdout is one JSON object: the first says where the server is, and one more answers each line on stdin.
// The only command is "rotate". The server ends on SIGTERM and when stdin closes, so it cannot outlive its test.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { Provider, errors } from 'oidc-provider';

const algorithms = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519'],
};

const server = createServer((request, response) => handle(request, response));
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;
const cookieKeys = [randomBytes(16).toString('hex')];
const minutes = (n) => () => n * 60;

// One API per algorithm, https://rs256.example and so on. Without a resource the access token is opaque.
const apis = new Map(Object.keys(algorithms).map((alg) => {
  const audience = `https://${alg.toLowerCase()}.example`;
  return [audience, { audience, scope: 'api:read api:write', accessTokenFormat: 'jwt', jwt: { sign: { alg } } }];
}));

const machine = (id, more) => ({
  client_id: id, client_secret: `${id}-secret`, grant_types: ['client_credentials'], response_types: [], redirect_uris: [], ...more,
});

const configuration = {
  clients: [
    machine('cc'),
    machine('dpop', { dpop_bound_access_tokens: true }),
    { client_id: 'web', client_secret: 'web-secret', grant_types: ['authorization_code'], redirect_uris: ['http://127.0.0.1:9/cb'] },
  ],
  scopes: ['openid', 'api:read', 'api:write'],
  cookies: { keys: cookieKeys },
  findAccount: (ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  ttl: {
    AccessToken: minutes(5), AuthorizationCode: minutes(1), ClientCredentials: minutes(5),
    Grant: minutes(5), IdToken: minutes(5), Interaction: minutes(5), Session: minutes(5),
  },
  features: {
    clientCredentials: { enabled: true },
    dPoP: { enabled: true, nonceSecret: randomBytes(32) },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => true,
      getResourceServerInfo(ctx, resource) {
        if (!apis.has(resource)) throw new errors.InvalidTarget();
        return apis.get(resource);
      },
    },
  },
};

let generation = 0;
let signing = [];
let handle;

// rotate signs with new keys from now on. Those that they replace stay published until the next rotation. The library
// reads its keys once, so there is a new provider behind the same address.
function rotate() {
  generation += 1;
  const replaced = signing;
  signing = Object.entries(algorithms).map(([alg, kind]) => ({
    ...generateKeyPairSync(...kind).privateKey.export({ format: 'jwk' }), kid: `${alg}-${generation}`, alg, use: 'sig',
  }));
  const keys = [...signing, ...replaced];
  const provider = new Provider(issuer, { ...configuration, jwks: { keys } });
  provider.on('grant.error', (ctx, err) => console.error(err.message, err.error_detail ?? ''));
  provider.on('server_error', (ctx, err) => console.error(err));
  handle = provider.callback();
  return keys.map(({ kid }) => kid);
}

const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
const end = () => process.exit(0);

console.info = console.error; // stdout is for answers
process.on('SIGTERM', end);
createInterface({ input: process.stdin })
  .on('line', (line) => say(line === 'rotate' ? { keys: rotate() } : { error: `unknown command: ${line}` }))
  .on('close', end);
say({ issuer, keys: rotate() });
