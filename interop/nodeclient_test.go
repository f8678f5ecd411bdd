package interop_test

import (
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"sync"
	"testing"
)

// nodeClient is a running oidcprovider/proof.mjs: a client of other projects, npm's dpop and oauth4webapi, that constrains its
// tokens to keys (RFC 9449). It is safe for concurrent use.
type nodeClient struct {
	mu      sync.Mutex // held from a command until its response
	process *process
}

func startNodeClient(t *testing.T) *nodeClient {
	t.Helper()
	var ready struct{ Ready bool }
	return &nodeClient{process: startNode(t, "proof.mjs", &ready)}
}

// do sends a command and decodes the response. It fails the test if the response is an error.
func (n *nodeClient) do(t *testing.T, command map[string]any, into any) {
	t.Helper()
	if failure := n.try(t, command, into); failure != "" {
		t.Fatalf("%v: %s", command["do"], failure)
	}
}

// try is like do, but it returns the error of the client.
func (n *nodeClient) try(t *testing.T, command map[string]any, into any) (failure string) {
	t.Helper()
	line, err := json.Marshal(command)
	if err != nil {
		t.Fatal(err)
	}
	answer := n.send(t, append(line, '\n'))
	var failed struct{ Error string }
	if err := json.Unmarshal(answer, &failed); err != nil {
		t.Fatal(err)
	}
	if failed.Error == "" {
		if err := json.Unmarshal(answer, into); err != nil {
			t.Fatal(err)
		}
	}
	return failed.Error
}

func (n *nodeClient) send(t *testing.T, line []byte) (answer json.RawMessage) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, err := n.process.commands.Write(line); err != nil {
		t.Fatal(err)
	}
	n.process.answer(t, &answer)
	return answer
}

// check lets oauth4webapi verify a request with a DPoP-bound token. It returns the subject, or the error of the library.
func (n *nodeClient) check(t *testing.T, as authorizationServer, audience string, r *http.Request) (subject, failure string) {
	t.Helper()
	headers := map[string]string{"authorization": r.Header.Get("Authorization"), "dpop": r.Header.Get("DPoP")}
	request := map[string]any{"method": r.Method, "url": "http://" + r.Host + r.URL.RequestURI(), "headers": headers}
	var got struct{ Subject string }
	failure = n.try(t, map[string]any{"do": "check", "issuer": as.issuer, "audience": audience, "request": request}, &got)
	return got.Subject, failure
}

// nodeKey is a key of a nodeClient.
type nodeKey struct {
	node       *nodeClient
	name       string
	thumbprint string // RFC 7638
}

func (n *nodeClient) newKey(t *testing.T, alg string) nodeKey {
	t.Helper()
	k := nodeKey{node: n, name: rand.Text()}
	var made struct{ Thumbprint string }
	n.do(t, map[string]any{"do": "key", "key": k.name, "alg": alg}, &made)
	k.thumbprint = made.Thumbprint
	return k
}

// token requests a token for https://rs256.example that is bound to the key, with client credentials, by oauth4webapi. more is
// added to the parameters.
func (k nodeKey) token(t *testing.T, as authorizationServer, more map[string]string) string {
	t.Helper()
	params := map[string]string{"resource": apiRS256, "scope": "api:read"}
	maps.Copy(params, more)
	var g grant
	k.node.do(t, map[string]any{"do": "token", "key": k.name, "issuer": as.issuer, "client": "dpop", "params": params}, &g)
	if g.AccessToken == "" || g.TokenType != "dpop" { // the library writes the type in lower case
		t.Fatalf("token_type is %q, want dpop", g.TokenType)
	}
	return g.AccessToken
}

// proof returns a proof by npm's dpop. Without a token it has no ath, and without a nonce none.
func (k nodeKey) proof(t *testing.T, htm, htu, token, nonce string) string {
	t.Helper()
	command := map[string]any{"do": "proof", "key": k.name, "htm": htm, "htu": htu}
	if token != "" {
		command["token"] = token
	}
	if nonce != "" {
		command["nonce"] = nonce
	}
	var made struct{ Proof string }
	k.node.do(t, command, &made)
	return made.Proof
}

// called is the response of an API as oauth4webapi reads it.
type called struct {
	Status     int
	Body       string
	Attempts   int                 // 2 if the API required a nonce
	Nonce      string              // in the last response
	Challenges []map[string]string // of the last response
}

// call sends a GET request to an API by oauth4webapi. With the zero nodeKey, the token is sent as Bearer.
func (n *nodeClient) call(t *testing.T, k nodeKey, url, token string) called {
	t.Helper()
	command := map[string]any{"do": "call", "method": http.MethodGet, "url": url, "token": token}
	if k.name != "" {
		command["key"] = k.name
	}
	var got called
	n.do(t, command, &got)
	return got
}
