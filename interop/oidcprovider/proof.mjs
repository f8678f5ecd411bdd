// A client for the interop tests that constrains its tokens to a key (RFC 9449) with npm's dpop and oauth4webapi.
//
// Each line on stdin is a JSON object {"do": command, …}, and the line on stdout with the same number is the response. An
// unexpected error is {"error": …}. The first line on stdout is {"ready": true}. The client ends on SIGTERM and when stdin closes.
//
//   key    {key, alg}                               creates a key; {thumbprint}
//   proof  {key, htm, htu, nonce?, token?, more?}   a proof by dpop; {proof}
//   token  {key, issuer, client, params}            client credentials by oauth4webapi, with nonces; {access_token, token_type, …}
//   call   {key?, method, url, token, body?}        a request by oauth4webapi; without a key the token is sent as Bearer.
//                                                   {status, body, attempts, nonce, challenges}; attempts is 2 if the API
//                                                   required a nonce
//   check  {issuer, audience, request}              a request {method, url, headers} is verified by oauth4webapi; {subject}
import { createInterface } from 'node:readline';
import * as dpop from 'dpop';
import * as oauth from 'oauth4webapi';

const keys = new Map();
const insecure = { [oauth.allowInsecureRequests]: true }; // http on loopback

// newKey creates a key that both libraries can use. The handle of oauth4webapi keeps the nonces of each origin.
async function newKey(alg) {
  const supported = ['ES256', 'RS256', 'PS256', 'Ed25519'].includes(alg);
  const pair = await (supported ? dpop : oauth).generateKeyPair(alg);
  return { pair, handle: oauth.DPoP({}, pair) };
}

// retried sends a request again if the server requires a nonce.
async function retried(send) {
  let attempts = 1;
  try {
    return { response: await send(), attempts };
  } catch (err) {
    if (!oauth.isDPoPNonceError(err)) return { err, attempts };
  }
  attempts += 1;
  try {
    return { response: await send(), attempts };
  } catch (err) {
    return { err, attempts };
  }
}

async function serverOf(issuer) {
  const url = new URL(issuer);
  return oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, insecure));
}

const commands = {
  async key({ key, alg }) {
    keys.set(key, await newKey(alg));
    const thumbprint = await keys.get(key).handle.calculateThumbprint();
    return { thumbprint };
  },

  async proof({ key, htm, htu, nonce, token, more }) {
    return { proof: await dpop.generateProof(keys.get(key).pair, htu, htm, nonce, token, more) };
  },

  async token({ key, issuer, client, params }) {
    const as = await serverOf(issuer);
    const { handle } = keys.get(key);
    const auth = oauth.ClientSecretBasic(`${client}-secret`);
    const request = async () => {
      const response = await oauth.clientCredentialsGrantRequest(as, { client_id: client }, auth, params, { DPoP: handle, ...insecure });
      return oauth.processClientCredentialsResponse(as, { client_id: client }, response);
    };
    const { response, err, attempts } = await retried(request);
    if (err) throw err;
    return { ...response, attempts };
  },

  async call({ key, method, url, token, body }) {
    const options = key ? { DPoP: keys.get(key).handle, ...insecure } : insecure;
    const { response, err, attempts } = await retried(() => oauth.protectedResourceRequest(token, method, new URL(url), undefined, body, options));
    if (err && !(err instanceof oauth.WWWAuthenticateChallengeError)) throw err;
    const last = response ?? err.response;
    const challenges = err?.cause.map(({ scheme, parameters }) => ({ scheme, ...parameters }));
    return { status: last.status, body: await last.text(), attempts, nonce: last.headers.get('dpop-nonce') ?? '', challenges };
  },

  async check({ issuer, audience, request: { method, url, headers } }) {
    const as = await serverOf(issuer);
    const claims = await oauth.validateJwtAccessToken(as, new Request(url, { method, headers }), audience, { requireDPoP: true, ...insecure });
    return { subject: claims.sub };
  },
};

async function obey(line) {
  try {
    const command = JSON.parse(line);
    return await commands[command.do](command);
  } catch (err) {
    return { error: `${err.name} ${err.code ?? ''} ${err.message}` };
  }
}

const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
let last = Promise.resolve();
process.on('SIGTERM', () => process.exit(0));
createInterface({ input: process.stdin })
  .on('line', (line) => { last = last.then(() => obey(line)).then(say); })
  .on('close', () => last.then(() => process.exit(0)));
say({ ready: true });
