package serve_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearerkit/bearertest"
)

// envoy is a configuration for gRPC.
const envoy = `
proxy: envoy
listen: {grpc: "127.0.0.1:0", admin: "127.0.0.1:0"}
realm: orders
remove_token: true
dpop: {hosts: [api.test], require_nonce: true}
routes:
  "GET /orders/{id}": {scopes: ["orders:read"]}
  "/admin/": {scopes: [admin]}
  "GET /public/": {public: true}
headers: {X-Auth-Subject: $subject, X-Auth-Name: name}
log: {level: debug}
timeouts: {drain: 1ms}
`

// checkRequest is a request as Envoy describes it.
func checkRequest(method, path string, headers map[string]string) *authv3.CheckRequest {
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{
		Http: &authv3.AttributeContext_HttpRequest{
			Id: "1", Method: method, Path: path, Host: "api.test", Scheme: "https", Protocol: "HTTP/2",
			Headers: headers,
		},
	}}}
}

// dial returns a client of the gRPC listener.
func dial(t *testing.T, r *running) authv3.AuthorizationClient {
	t.Helper()
	conn, err := grpc.NewClient(r.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return authv3.NewAuthorizationClient(conn)
}

// headerMap returns the header fields of a response.
func headerMap(options []*corev3.HeaderValueOption) map[string][]string {
	header := make(map[string][]string)
	for _, o := range options {
		header[o.GetHeader().GetKey()] = append(header[o.GetHeader().GetKey()], o.GetHeader().GetValue())
	}
	return header
}

// Envoy receives the decision, the response to the client, and what to change in the request to the API.
func TestEnvoy(t *testing.T) {
	t.Parallel()
	r := start(t, envoy)
	client := dial(t, r)
	authorization := bearer(r.issuer.AccessToken().Set("scope", "orders:read"))[1]
	for _, test := range []struct {
		name      string
		request   *authv3.CheckRequest
		code      codes.Code
		status    int    // of the response to the client; 0: accepted
		challenge string // contained in it
	}{
		{"accepted", checkRequest("GET", "/orders/7?x", map[string]string{":path": "/admin/", "authorization": authorization}), codes.OK, 0, ""},
		{"no token", checkRequest("GET", "/orders/7", nil), codes.Unauthenticated, 401, `scope="orders:read"`},
		{"invalid token", checkRequest("GET", "/orders/7", map[string]string{"authorization": "Bearer x"}), codes.Unauthenticated, 401, "invalid_token"},
		{"two tokens, joined by Envoy", checkRequest("GET", "/orders/7", map[string]string{"authorization": authorization + "," + authorization}), codes.InvalidArgument, 400, "invalid_request"},
		{"too little scope", checkRequest("GET", "/admin/", map[string]string{"authorization": authorization}), codes.PermissionDenied, 403, "insufficient_scope"},
		{"not canonical", checkRequest("GET", "/orders//7", map[string]string{"authorization": authorization}), codes.InvalidArgument, 400, "invalid_request"},
		{"forged claim", checkRequest("GET", "/orders/7", map[string]string{"authorization": authorization, "x_auth_subject": "mallory"}), codes.InvalidArgument, 400, "invalid_request"},
		{"other conventions", checkRequest("GET", "/orders/7", map[string]string{"x-original-uri": "/public/", "x-forwarded-uri": "/public/", "x-forwarded-method": "GET"}), codes.Unauthenticated, 401, "scope"},
		{"public", checkRequest("GET", "/public/", nil), codes.OK, 0, ""},
		{"no request", &authv3.CheckRequest{}, codes.InvalidArgument, 400, "invalid_request"},
		{"no method", checkRequest("", "/orders/7", nil), codes.InvalidArgument, 400, "invalid_request"},
		{"no path", checkRequest("GET", "", nil), codes.InvalidArgument, 400, "invalid_request"},
		{"raw headers", withRaw(checkRequest("GET", "/orders/7", nil), "authorization", authorization), codes.OK, 0, ""},
		{"raw headers, two tokens", withRaw(checkRequest("GET", "/orders/7", nil), "authorization", authorization, "authorization", authorization), codes.InvalidArgument, 400, "invalid_request"},
		{"both forms of headers", withRaw(checkRequest("GET", "/orders/7", map[string]string{"authorization": authorization}), "authorization", authorization), codes.InvalidArgument, 400, "invalid_request"},
	} {
		response, err := client.Check(t.Context(), test.request)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		denied := response.GetDeniedResponse()
		challenges := headerMap(denied.GetHeaders())["www-authenticate"]
		if code := codes.Code(response.GetStatus().GetCode()); code != test.code || int(denied.GetStatus().GetCode()) != test.status {
			t.Errorf("%s: code %v, status %d, want %v, %d", test.name, code, denied.GetStatus().GetCode(), test.code, test.status)
		}
		if test.status == 0 {
			if ok := response.GetOkResponse(); ok == nil || !slices.Contains(ok.GetHeadersToRemove(), "authorization") {
				t.Errorf("%s: %v", test.name, response)
			}
			continue
		}
		if len(challenges) != 1 || !strings.Contains(challenges[0], test.challenge) || !strings.HasPrefix(denied.GetBody(), `{"title":`) {
			t.Errorf("%s: challenges %q, body %q", test.name, challenges, denied.GetBody())
		}
	}
}

// withRaw adds header fields as Envoy does with encode_raw_headers.
func withRaw(request *authv3.CheckRequest, pairs ...string) *authv3.CheckRequest {
	header := new(corev3.HeaderMap)
	for i := 0; i < len(pairs); i += 2 {
		header.Headers = append(header.Headers, &corev3.HeaderValue{Key: pairs[i], RawValue: []byte(pairs[i+1])})
	}
	request.Attributes.Request.Http.HeaderMap = header
	return request
}

// Envoy overwrites the header fields of claims, and removes those without a value, so that the client cannot choose them.
func TestEnvoyHeaders(t *testing.T) {
	t.Parallel()
	r := start(t, envoy)
	client := dial(t, r)
	authorization := bearer(r.issuer.AccessToken().Set("scope", "orders:read"))[1]
	response, err := client.Check(t.Context(), checkRequest("GET", "/orders/7", map[string]string{"authorization": authorization}))
	if err != nil {
		t.Fatal(err)
	}
	ok := response.GetOkResponse()
	if diff := cmp.Diff(map[string][]string{"x-auth-subject": {"alice"}}, headerMap(ok.GetHeaders())); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	for _, o := range ok.GetHeaders() {
		if o.GetAppendAction() != corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
			t.Errorf("%s: %v", o.GetHeader().GetKey(), o.GetAppendAction())
		}
	}
	if diff := cmp.Diff([]string{"x-auth-name", "authorization", "dpop"}, ok.GetHeadersToRemove()); diff != "" {
		t.Errorf("headers to remove (-want +got):\n%s", diff)
	}
	if header := headerMap(ok.GetResponseHeadersToAdd()); len(header) != 0 {
		t.Errorf("headers for the client: %v", header)
	}
}

// A bound token needs a proof for the URL of the client's request, with a nonce that Envoy passes on.
func TestEnvoyDPoP(t *testing.T) {
	t.Parallel()
	r := start(t, envoy)
	client := dial(t, r)
	key := bearertest.NewProofKey("ES256")
	raw := r.issuer.AccessToken().Set("scope", "orders:read").BoundTo(key).Sign()
	call := func(url, nonce string) *authv3.CheckResponse {
		proof := key.Proof("GET", url, raw)
		if nonce != "" {
			proof.Set("nonce", nonce)
		}
		response, err := client.Check(t.Context(), checkRequest("GET", "/orders/7?x", map[string]string{"authorization": "DPoP " + raw, "dpop": proof.Sign()}))
		if err != nil {
			t.Fatal(err)
		}
		return response
	}
	header := headerMap(call("https://api.test/orders/7", "").GetDeniedResponse().GetHeaders())
	if len(header["dpop-nonce"]) != 1 || !strings.Contains(header["www-authenticate"][0], "use_dpop_nonce") {
		t.Fatalf("header %v", header)
	}
	nonce := header["dpop-nonce"][0]
	if got := call("https://api.test/orders/7", nonce); got.GetOkResponse() == nil {
		t.Errorf("rejected: %v", got)
	}
	if got := call("https://other.test/orders/7", nonce); got.GetDeniedResponse().GetStatus().GetCode() != 401 {
		t.Errorf("a proof for another host: %v", got)
	}
}

// Other networks get no decision.
func TestEnvoyTrust(t *testing.T) {
	t.Parallel()
	r := start(t, "trusted_proxies: [10.0.0.0/8]"+envoy)
	_, err := dial(t, r).Check(t.Context(), checkRequest("GET", "/public/", nil))
	if status.Code(err) != codes.PermissionDenied {
		t.Errorf("%v, want PermissionDenied", err)
	}
}

// Envoy's HTTP service removes the header fields that X-Envoy-Auth-Headers-To-Remove lists.
func TestEnvoyHTTPRemovesToken(t *testing.T) {
	t.Parallel()
	r := start(t, "proxy: envoy\nremove_token: true"+common)
	response, _ := r.ask(t, "envoy", http.MethodGet, "/orders/7", bearer(r.issuer.AccessToken().Set("scope", "orders:read")))
	if got := response.header.Get("X-Envoy-Auth-Headers-To-Remove"); response.status != 200 || got != "authorization,dpop" {
		t.Errorf("status %d, %q", response.status, got)
	}
	if response, _ = r.ask(t, "envoy", http.MethodGet, "/orders/7", nil); response.header.Get("X-Envoy-Auth-Headers-To-Remove") != "" {
		t.Errorf("a rejected request: %v", response.header)
	}
}
