// An authorization server for the tests of package client: npm's oidc-provider with all that it offers turned on.
//
// The first line on stdout is a JSON object that says where it is. It ends on SIGTERM and when stdin closes.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { Provider, errors } from 'oidc-provider';

const server = createServer((request, response) => handle(request, response));
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;
const minutes = (n) => () => n * 60;
const enabled = { enabled: true };
const redirects = { redirect_uris: ['http://127.0.0.1:9/cb'], post_logout_redirect_uris: ['http://127.0.0.1:9/bye'] };
const api = { scope: 'api:read api:write', audience: 'https://api.example', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } };
const device = 'urn:ietf:params:oauth:grant-type:device_code';
const ciba = 'urn:openid:params:grant-type:ciba';

const provider = new Provider(issuer, {
  clients: [
    { client_id: 'cc', client_secret: 'cc-secret', grant_types: ['client_credentials'], response_types: [], redirect_uris: [] },
    { client_id: 'dpop', client_secret: 'dpop-secret', dpop_bound_access_tokens: true, grant_types: ['authorization_code', 'refresh_token'], ...redirects },
    { client_id: 'web', client_secret: 'web-secret', grant_types: ['authorization_code', 'refresh_token'], ...redirects },
    { client_id: 'post', client_secret: 'post-secret', token_endpoint_auth_method: 'client_secret_post', grant_types: ['client_credentials'], response_types: [], redirect_uris: [] },
    { client_id: 'pub', token_endpoint_auth_method: 'none', application_type: 'native', grant_types: ['authorization_code', 'refresh_token', device], redirect_uris: ['http://127.0.0.1/cb'] },
    { client_id: 'ciba', client_secret: 'ciba-secret', grant_types: [ciba], response_types: [], redirect_uris: [], backchannel_token_delivery_mode: 'poll' },
  ],
  jwks: { keys: [['rsa', { modulusLength: 2048 }, 'RS256'], ['ec', { namedCurve: 'P-256' }, 'ES256']].map(([type, options, alg]) => ({
    ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), kid: alg, alg, use: 'sig',
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
  clientAuthMethods: ['client_secret_basic', 'client_secret_jwt', 'client_secret_post', 'private_key_jwt', 'none'],
  // The application that is told of a logout listens on 127.0.0.1, where the library sends nothing by itself.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
  enabledJWA: { clientAuthSigningAlgValues: ['HS256', 'RS256', 'PS256', 'ES256'] },
  features: {
    backchannelLogout: enabled, clientCredentials: enabled, deviceFlow: enabled, introspection: enabled, jwtResponseModes: enabled,
    jwtUserinfo: enabled, pushedAuthorizationRequests: enabled, registration: enabled, registrationManagement: { enabled: true, rotateRegistrationAccessToken: true },
    requestObjects: enabled, revocation: enabled, rpInitiatedLogout: enabled,
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
    ciba: {
      enabled: true, deliveryModes: ['poll'],
      processLoginHint: (ctx, hint) => hint,
      verifyUserCode: () => {}, validateRequestContext: () => {}, validateBindingMessage: () => {},
      // The user says yes at once.
      async triggerAuthenticationDevice(ctx, request, account, client) {
        const grant = new provider.Grant({ accountId: account.accountId, clientId: client.clientId });
        grant.addOIDCScope('openid');
        await grant.save();
        await provider.backchannelResult(request, grant, { acr: 'x' });
      },
    },
    resourceIndicators: {
      enabled: true, defaultResource: () => undefined, useGrantedResource: () => true,
      getResourceServerInfo(ctx, resource) {
        if (resource !== api.audience) throw new errors.InvalidTarget();
        return api;
      },
    },
  },
});
provider.on('grant.error', (ctx, err) => console.error(err.message, err.error_detail ?? ''));
provider.on('authorization.error', (ctx, err) => console.error(err.message, err.error_description ?? ''));
provider.on('server_error', (ctx, err) => console.error(err));
provider.on('backchannel.error', (ctx, err) => console.error('backchannel', err));
const handle = provider.callback();

console.info = console.error; // stdout is for answers
process.on('SIGTERM', () => process.exit(0));
createInterface({ input: process.stdin }).on('close', () => process.exit(0));
process.stdout.write(`${JSON.stringify({ issuer })}\n`);
