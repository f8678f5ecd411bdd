// This program is an MCP client of the npm package @modelcontextprotocol/sdk. It calls the tools of examples/mcp. The SDK finds
// the authorization server, registers the client, and signs in for more scopes when the server requires them:
//
//	node stepup.mjs SERVER
//
// It writes one line of JSON for each sign-in and for each tool, and one with the error if there is one.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { randomUUID } from 'node:crypto';

const redirectURI = 'http://127.0.0.1:3000/callback'; // nothing listens there

const write = (line) => console.log(JSON.stringify(line));

// User is the OAuthClientProvider of the SDK. It plays the user, whose browser follows the redirects of the server.
class User {
  redirectUrl = redirectURI;
  clientMetadata = { client_name: 'stepup', redirect_uris: [redirectURI], token_endpoint_auth_method: 'none' };

  clientInformation() { return this.information; }
  saveClientInformation(information) { this.information = information; }
  tokens() { return this.saved; }
  saveTokens(tokens) { this.saved = tokens; }
  codeVerifier() { return this.verifier; }
  saveCodeVerifier(verifier) { this.verifier = verifier; }
  state() { return (this.expected = randomUUID()); }

  async redirectToAuthorization(url) {
    write({ signIn: (url.searchParams.get('scope') ?? '').split(' ').sort() });
    const response = await fetch(url, { redirect: 'manual' });
    const redirected = new URL(response.headers.get('location') ?? 'about:blank');
    const params = redirected.searchParams;
    if (redirected.origin + redirected.pathname !== redirectURI || params.get('state') !== this.expected || !params.get('code')) {
      throw new Error(`the authorization server did not redirect with a code: status ${response.status}`);
    }
    this.code = params.get('code');
  }
}

async function main(server) {
  const user = new User();
  const client = new Client({ name: 'stepup', version: '1' });
  let transport;
  const connect = async () => {
    transport = new StreamableHTTPClientTransport(new URL(server), { authProvider: user });
    await client.connect(transport);
  };
  // If the SDK says that the user must sign in, signingIn completes the sign-in and calls action again, once.
  const signingIn = async (action) => {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error;
      await transport.finishAuth(user.code);
      return action();
    }
  };
  await signingIn(connect);
  for (const call of [
    { name: 'list_notes', arguments: {} },
    { name: 'delete_note', arguments: { title: 'Call Grandma' } },
    { name: 'list_notes', arguments: {} },
    { name: 'delete_note', arguments: { title: 'Buy oat milk' } },
  ]) {
    const result = await signingIn(() => client.callTool(call));
    write({ tool: call.name, result: result.structuredContent, isError: result.isError ?? false });
  }
  await client.close();
}

try {
  await main(process.argv[2]);
} catch (error) {
  write({ error: `${error?.name}: ${error?.message}` });
  process.exitCode = 1;
}
