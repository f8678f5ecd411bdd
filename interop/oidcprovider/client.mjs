// An authorization server for the tests of package client: npm's oidc-provider with all that it offers turned on, and a
// strict one beside it that wants each request pushed and signed, and clients registered by a token.
//
// The first line on stdout is a JSON object that says where they are. They end on SIGTERM and when stdin closes. With
// INTEROP_TLS, a folder with ca.pem, server.pem and server.key, the first one listens with TLS as well, for clients that
// have a certificate of that authority.
import { createPublicKey, generateKeyPairSync, randomBytes, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTLSServer } from 'node:https';
import { createInterface } from 'node:readline';
import { Provider, errors } from 'oidc-provider';

// listen keeps idle connections open. Otherwise the server could close one at the time when a client sends a request on it.
const listen = async (server, scheme) => {
  server.keepAliveTimeout = 0;
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return `${scheme}://127.0.0.1:${server.address().port}`;
};
const issuer = await listen(createServer((request, response) => handle(request, response)), 'http');
const strictIssuer = await listen(createServer((request, response) => handleStrict(request, response)), 'http');
const minutes = (n) => () => n * 60;
const enabled = { enabled: true };
const redirects = { redirect_uris: ['http://127.0.0.1:9/cb'], post_logout_redirect_uris: ['http://127.0.0.1:9/bye'] };
const code = { grant_types: ['authorization_code', 'refresh_token'], ...redirects };
const machine = { grant_types: ['client_credentials'], response_types: [], redirect_uris: [] };
const apis = ['https://api.example', 'https://other.example'];
const device = 'urn:ietf:params:oauth:grant-type:device_code';
const ciba = 'urn:openid:params:grant-type:ciba';
const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
const bearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

// The addresses for clients with a certificate (RFC 8705 §5).
const discovery = {};
if (process.env.INTEROP_TLS) {
  const [ca, cert, key] = ['ca.pem', 'server.pem', 'server.key'].map((name) => readFileSync(`${process.env.INTEROP_TLS}/${name}`));
  const secure = createTLSServer({ ca, cert, key, requestCert: true, rejectUnauthorized: false }, (request, response) => handle(request, response));
  const place = await listen(secure, 'https');
  discovery.mtls_endpoint_aliases = {
    token_endpoint: `${place}/token`, userinfo_endpoint: `${place}/me`, introspection_endpoint: `${place}/token/introspection`,
    revocation_endpoint: `${place}/token/revocation`, pushed_authorization_request_endpoint: `${place}/request`,
  };
}

const keyTypes = {
  RS256: ['rsa', { modulusLength: 2048 }], PS256: ['rsa', { modulusLength: 2048 }], ES256: ['ec', { namedCurve: 'P-256' }],
  ES384: ['ec', { namedCurve: 'P-384' }], EdDSA: ['ed25519'],
};
const algorithms = ['HS256', ...Object.keys(keyTypes)];

const configuration = {
  discovery,
  clients: [
    { client_id: 'cc', client_secret: 'cc-secret', ...machine },
    { client_id: 'an id: a/b+c', client_secret: 'a secret: %2F+&=~', ...machine },
    { client_id: 'post', client_secret: 'post-secret', token_endpoint_auth_method: 'client_secret_post', ...machine },
    { client_id: 'dpop', client_secret: 'dpop-secret', dpop_bound_access_tokens: true, ...code },
    { client_id: 'web', client_secret: 'web-secret', ...code },
    { client_id: 'pushing', client_secret: 'pushing-secret', require_pushed_authorization_requests: true, ...code },
    { client_id: 'pub', token_endpoint_auth_method: 'none', application_type: 'native', grant_types: ['authorization_code', 'refresh_token', device], redirect_uris: ['http://127.0.0.1/cb'] },
    { client_id: 'ciba', client_secret: 'ciba-secret', grant_types: [ciba], response_types: [], redirect_uris: [], backchannel_token_delivery_mode: 'poll' },
    { client_id: 'mtls', token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_san_dns: 'mtls.example', tls_client_certificate_bound_access_tokens: true, ...code },
  ],
  jwks: { keys: Object.entries(keyTypes).map(([alg, kind]) => ({
    ...generateKeyPairSync(...kind).privateKey.export({ format: 'jwk' }), kid: alg, alg, use: 'sig',
  })) },
  scopes: ['openid', 'offline_access', 'email', 'api:read', 'api:write'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  cookies: { keys: [randomBytes(16).toString('hex')] },
  rotateRefreshToken: true,
  findAccount: (ctx, sub) => ({ accountId: sub, claims: () => ({ sub, email: `${sub}@example.com`, email_verified: true }) }),
  ttl: {
    AccessToken: minutes(5), AuthorizationCode: minutes(1), BackchannelAuthenticationRequest: minutes(5), ClientCredentials: minutes(5),
    DeviceCode: minutes(5), Grant: minutes(5), IdToken: minutes(5), Interaction: minutes(5), RefreshToken: minutes(60), Session: minutes(5),
  },
  clientAuthMethods: [
    'client_secret_basic', 'client_secret_jwt', 'client_secret_post', 'private_key_jwt', 'none', 'tls_client_auth', 'self_signed_tls_client_auth',
  ],
  // The application that is told of a logout listens on 127.0.0.1, where the library sends nothing by itself.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
  enabledJWA: {
    authorizationSigningAlgValues: algorithms, clientAuthSigningAlgValues: algorithms, idTokenSigningAlgValues: algorithms,
    requestObjectSigningAlgValues: algorithms, userinfoSigningAlgValues: algorithms, dPoPSigningAlgValues: Object.keys(keyTypes),
  },
  features: {
    backchannelLogout: enabled, clientCredentials: enabled, deviceFlow: enabled, introspection: enabled, jwtResponseModes: enabled,
    jwtUserinfo: enabled, pushedAuthorizationRequests: enabled, registration: enabled, registrationManagement: { enabled: true, rotateRegistrationAccessToken: true },
    requestObjects: enabled, revocation: enabled, rpInitiatedLogout: enabled,
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
    ciba: {
      enabled: true, deliveryModes: ['poll'],
      processLoginHint: (ctx, hint) => hint,
      verifyUserCode: () => {}, validateRequestContext: () => {}, validateBindingMessage: () => {},
      // Alice says yes at once, and bob no. For others see decide.
      async triggerAuthenticationDevice(ctx, request, account) {
        if (account.accountId === 'alice') await decide(request.jti);
        if (account.accountId === 'bob') await provider.backchannelResult(request, new errors.AccessDenied());
      },
    },
    mTLS: {
      enabled: true, certificateBoundAccessTokens: true, selfSignedTlsClientAuth: true, tlsClientAuth: true,
      getCertificate: (ctx) => ctx.socket.getPeerX509Certificate?.(),
      certificateAuthorized: (ctx) => ctx.socket.authorized === true,
      certificateSubjectMatches: (ctx, property, expected) => property === 'tls_client_auth_san_dns'
        && ctx.socket.getPeerX509Certificate().subjectAltName === `DNS:${expected}`,
    },
    resourceIndicators: {
      enabled: true, defaultResource: () => undefined, useGrantedResource: () => true,
      getResourceServerInfo(ctx, resource) {
        if (!apis.includes(resource)) throw new errors.InvalidTarget();
        return { scope: 'api:read api:write', audience: resource, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } };
      },
    },
  },
};
const provider = new Provider(issuer, configuration);
const strict = new Provider(strictIssuer, {
  ...configuration,
  discovery: {},
  clients: [],
  features: {
    ...configuration.features,
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true },
    requestObjects: { enabled: true, requireSignedRequestObject: true },
    registration: { enabled: true, initialAccessToken: 'may-register' },
  },
});
for (const one of [provider, strict]) {
  one.on('grant.error', (ctx, err) => console.error(err.message, err.error_detail ?? ''));
  one.on('authorization.error', (ctx, err) => console.error(err.message, err.error_description ?? ''));
  one.on('userinfo.error', (ctx, err) => console.error(err.message, err.error_detail ?? ''));
  one.on('server_error', (ctx, err) => console.error(err));
  one.on('backchannel.error', (ctx, err) => console.error('backchannel', err));
}

// decide has a user say yes to what they were asked on their own device.
async function decide(id) {
  const request = await provider.BackchannelAuthenticationRequest.find(id);
  const grant = new provider.Grant({ accountId: request.accountId, clientId: request.clientId });
  grant.addOIDCScope('openid');
  await grant.save();
  await provider.backchannelResult(id, grant, { acr: 'x' });
}

// Grants that the library leaves to its users: each finds out whom the token is for.
async function issue(ctx, accountId, more) {
  const { client, params } = ctx.oidc;
  const grant = new provider.Grant({ accountId, clientId: client.clientId });
  grant.addOIDCScope(params.scope ?? '');
  const token = new provider.AccessToken({
    accountId, client, grantId: await grant.save(), gty: params.grant_type, scope: params.scope,
  });
  ctx.body = { access_token: await token.save(), expires_in: token.expiration, token_type: token.tokenType, scope: token.scope, ...more };
}

provider.registerGrantType('password', async (ctx) => {
  const { username, password } = ctx.oidc.params;
  if (password !== 'any') throw new errors.InvalidGrant('the password is wrong');
  const id = new provider.IdToken({ sub: username }, { ctx });
  id.scope = 'openid';
  await issue(ctx, username, { id_token: await id.issue({ use: 'idtoken' }) });
}, ['username', 'password', 'scope']);

provider.registerGrantType(exchange, async (ctx) => {
  const { params } = ctx.oidc;
  const subject = await provider.AccessToken.find(params.subject_token);
  if (!subject) throw new errors.InvalidGrant('the subject token is not known');
  await issue(ctx, subject.accountId, { issued_token_type: params.subject_token_type });
}, ['subject_token', 'subject_token_type', 'requested_token_type', 'scope']);

provider.registerGrantType(bearer, async (ctx) => {
  const { client, params: { assertion } } = ctx.oidc;
  const [header, payload, signature] = assertion.split('.');
  const key = { key: createPublicKey({ key: client.jwks.keys[0], format: 'jwk' }), dsaEncoding: 'ieee-p1363' };
  const { iss, sub, aud, exp } = JSON.parse(Buffer.from(payload, 'base64url'));
  const good = verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'))
    && iss === client.clientId && aud === issuer && exp > Date.now() / 1000;
  if (!good) throw new errors.InvalidGrant('the assertion is not good');
  await issue(ctx, sub);
}, ['assertion', 'scope']);

const callback = provider.callback();
const handleStrict = strict.callback();
function handle(request, response) {
  const [, asked] = request.url.match(/^\/decide\/(.+)$/) ?? [];
  if (!asked) return callback(request, response);
  return decide(asked).then(() => response.end(), (err) => { console.error(err); response.writeHead(500).end(); });
}

console.info = console.error; // stdout is for answers
process.on('SIGTERM', () => process.exit(0));
createInterface({ input: process.stdin }).on('close', () => process.exit(0));
process.stdout.write(`${JSON.stringify({ issuer, strict: strictIssuer })}\n`);
