// An authorization server for the interop tests: npm's oidc-provider on a free port of 127.0.0.1.
//
// Each line on stdout is one JSON object. The first line contains the address of the server, and each further line is the
// response to a line on stdin. The only command is "rotate". The server ends on SIGTERM and when stdin closes, so it cannot
// outlive its test.
//
// Environment variables:
//   INTEROP_TLS     a folder with ca.pem, server.pem and server.key: the server also listens with TLS, and the metadata
//                   document contains these endpoints (mtls_endpoint_aliases)
//   INTEROP_NONCES  if it is 1, DPoP proofs for the server itself must contain a nonce
//
// A client presents its certificate in the TLS handshake, or, without TLS, in the header field Client-Cert (RFC 9440), which
// the server reads from every caller.
import { X509Certificate, generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTLSServer } from 'node:https';
import { createInterface } from 'node:readline';
import { Provider, errors, interactionPolicy } from 'oidc-provider';

const algorithms = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519'],
};

// listen keeps idle connections open. Otherwise the server could close one at the time when a client sends a request on it.
const listen = async (server, scheme) => {
  server.keepAliveTimeout = 0;
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return `${scheme}://127.0.0.1:${server.address().port}`;
};
const issuer = await listen(createServer((request, response) => handle(request, response)), 'http');
const cookieKeys = [randomBytes(16).toString('hex')];
const minutes = (n) => () => n * 60;
const enabled = { enabled: true };

// The endpoints for clients with a certificate (RFC 8705 section 5).
const discovery = {};
if (process.env.INTEROP_TLS) {
  const [ca, cert, key] = ['ca.pem', 'server.pem', 'server.key'].map((name) => readFileSync(`${process.env.INTEROP_TLS}/${name}`));
  const secure = createTLSServer({ ca, cert, key, requestCert: true, rejectUnauthorized: false }, (request, response) => handle(request, response));
  const place = await listen(secure, 'https');
  discovery.mtls_endpoint_aliases = { token_endpoint: `${place}/token`, introspection_endpoint: `${place}/token/introspection` };
}

// getCertificate returns the certificate of the client from the TLS connection, or from the header field Client-Cert.
function getCertificate(ctx) {
  if (ctx.socket.encrypted) return ctx.socket.getPeerX509Certificate();
  const [, encoded] = ctx.get('client-cert').match(/^:([A-Za-z0-9+/=]+):$/) ?? [];
  return encoded && new X509Certificate(Buffer.from(encoded, 'base64'));
}

// One API per algorithm, https://rs256.example and so on. Tokens for https://opaque.example are opaque, and so are tokens
// without a resource.
const apis = new Map(Object.keys(algorithms).map((alg) => {
  const audience = `https://${alg.toLowerCase()}.example`;
  return [audience, { audience, scope: 'api:read api:write', accessTokenFormat: 'jwt', jwt: { sign: { alg } } }];
}));
apis.set('https://opaque.example', { audience: 'https://opaque.example', scope: 'api:read api:write', accessTokenFormat: 'opaque' });

const types = { authorization_details_types: ['payment_initiation', 'account_information'] };
const machine = (id, more) => ({
  client_id: id, client_secret: `${id}-secret`, grant_types: ['client_credentials'], response_types: [], redirect_uris: [], ...types, ...more,
});
const web = (id, more) => ({
  client_id: id, client_secret: `${id}-secret`, grant_types: ['authorization_code'], redirect_uris: ['http://127.0.0.1:9/cb'], ...types, ...more,
});
// A resource server is a client that only introspects tokens.
const resourceServer = (id, more) => machine(id, { grant_types: [], ...more });

// Users sign in with the first acr value of the request. If a request has acr values and the session has another one, the user
// must sign in again.
const policy = interactionPolicy.base();
policy.get('login').checks.add(new interactionPolicy.Check('acr_values', 'the session has another acr', ({ oidc }) => (
  oidc.params.acr_values && !oidc.params.acr_values.split(' ').includes(oidc.acr)
    ? interactionPolicy.Check.REQUEST_PROMPT : interactionPolicy.Check.NO_NEED_TO_PROMPT
)));

const configuration = {
  discovery,
  clients: [
    machine('cc'),
    machine('dpop', { dpop_bound_access_tokens: true }),
    machine('bound', { tls_client_certificate_bound_access_tokens: true }),
    machine('mtls', { token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_san_dns: 'mtls.example', tls_client_certificate_bound_access_tokens: true }),
    web('web'),
    web('dpop-web', { dpop_bound_access_tokens: true }),
    resourceServer('rs'),
    resourceServer('rs-post', { token_endpoint_auth_method: 'client_secret_post' }),
    resourceServer('rs-es256', { introspection_signed_response_alg: 'ES256' }),
  ],
  scopes: ['openid', 'api:read', 'api:write'],
  acrValues: ['password', 'otp', 'phr'],
  interactions: { policy },
  cookies: { keys: cookieKeys },
  findAccount: (ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  // The claims of RFC 9470 section 6.1. Introspection returns them too.
  extraTokenClaims(ctx) {
    const { AuthorizationCode: code } = ctx.oidc.entities;
    return code && { acr: code.acr, auth_time: code.authTime };
  },
  ttl: {
    AccessToken: minutes(5), AuthorizationCode: minutes(1), ClientCredentials: minutes(5),
    Grant: minutes(5), IdToken: minutes(5), Interaction: minutes(5), Session: minutes(5),
  },
  clientAuthMethods: [
    'client_secret_basic', 'client_secret_jwt', 'client_secret_post', 'private_key_jwt', 'none', 'tls_client_auth', 'self_signed_tls_client_auth',
  ],
  enabledJWA: { dPoPSigningAlgValues: ['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'Ed25519', 'EdDSA'] },
  features: {
    clientCredentials: enabled,
    introspection: enabled,
    jwtIntrospection: enabled,
    registration: enabled,
    revocation: enabled,
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => process.env.INTEROP_NONCES === '1' },
    mTLS: {
      enabled: true, certificateBoundAccessTokens: true, selfSignedTlsClientAuth: true, tlsClientAuth: true,
      getCertificate,
      certificateAuthorized: (ctx) => !ctx.socket.encrypted || ctx.socket.authorized,
      certificateSubjectMatches: (ctx, property, expected) => property === 'tls_client_auth_san_dns'
        && getCertificate(ctx).subjectAltName === `DNS:${expected}`,
    },
    richAuthorizationRequests: {
      enabled: true,
      types: {
        payment_initiation: {
          validate(ctx, { actions }) {
            if (actions?.some((action) => !['initiate', 'status', 'cancel'].includes(action))) {
              throw new errors.InvalidAuthorizationDetails('an action is not known');
            }
          },
        },
        account_information: { validate: () => {} },
      },
      authorizationDetailsForGrantSource: (ctx) => JSON.parse(ctx.oidc.params.authorization_details),
      authorizationDetailsForAccessToken: (ctx, token, source) => source?.rar ?? JSON.parse(ctx.oidc.params.authorization_details),
      authorizationDetailsForIntrospection: (ctx, token) => token.rar,
    },
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
  addAuthenticationContext(provider);
  for (const event of ['grant.error', 'introspection.error', 'authorization.error', 'registration_create.error']) {
    provider.on(event, (ctx, err) => console.error(err.message, err.error_description ?? '', err.error_detail ?? ''));
  }
  provider.on('server_error', (ctx, err) => console.error(err));
  handle = provider.callback();
  return keys.map(({ kid }) => kid);
}

// addAuthenticationContext makes the login page of the library set the acr of the session.
function addAuthenticationContext(provider) {
  const finish = provider.interactionFinished.bind(provider);
  provider.interactionFinished = async (request, response, result, options) => {
    if (result.login) {
      const { params } = await provider.interactionDetails(request, response);
      result.login.acr = params.acr_values?.split(' ')[0] ?? 'password';
    }
    return finish(request, response, result, options);
  };
}

const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
const end = () => process.exit(0);

console.info = console.error; // stdout is for answers
process.on('SIGTERM', end);
createInterface({ input: process.stdin })
  .on('line', (line) => say(line === 'rotate' ? { keys: rotate() } : { error: `unknown command: ${line}` }))
  .on('close', end);
say({ issuer, keys: rotate() });
