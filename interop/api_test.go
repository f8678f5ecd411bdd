package interop_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/labstack/echo/v5"

	"github.com/bearerkit/bearerkit/adapters/echoauth"
	"github.com/bearerkit/bearerkit/adapters/ginauth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// framework runs an API with one web framework. The API is GET /orders, which responds with the subject of the token.
type framework struct {
	name    string
	handler func(g *middleware.Guard, rules ...middleware.Rule) http.Handler
}

var frameworks = []framework{{"net/http", netHTTP}, {"gin", ginEngine}, {"echo", echoRouter}}

func netHTTP(g *middleware.Guard, rules ...middleware.Rule) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /orders", g.With(rules...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := middleware.TokenFromContext(r.Context())
		if !ok {
			http.Error(w, "no token", http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, token.Subject())
	})))
	return mux
}

func ginEngine(g *middleware.Guard, rules ...middleware.Rule) http.Handler {
	engine := gin.New()
	engine.GET("/orders", ginauth.Middleware(g, rules...), func(c *gin.Context) {
		token, ok := ginauth.Token(c)
		if !ok {
			c.String(http.StatusUnauthorized, "no token")
			return
		}
		c.String(http.StatusOK, token.Subject())
	})
	return engine
}

func echoRouter(g *middleware.Guard, rules ...middleware.Rule) http.Handler {
	router := echo.New()
	router.GET("/orders", func(c *echo.Context) error {
		token, ok := echoauth.Token(c)
		if !ok {
			return c.String(http.StatusUnauthorized, "no token")
		}
		return c.String(http.StatusOK, token.Subject())
	}, echoauth.Middleware(g, rules...))
	return router
}

// api is a guarded API that listens on 127.0.0.1.
type api struct {
	server  *httptest.Server
	reasons chan consumer.Reason // of the decisions, in their order
}

// serve runs a guarded API until the test ends. Requests to it must not be concurrent.
func (f framework) serve(t *testing.T, verifier consumer.Verifier, rules ...middleware.Rule) *api {
	t.Helper()
	return f.serveWith(t, nil, func(string) middleware.Config { return middleware.Config{Verifier: verifier} }, rules...)
}

// serveWith is like serve. config returns the configuration of the Guard for the URL of the API. The API uses TLS if secure is
// not nil.
func (f framework) serveWith(
	t *testing.T, secure *tls.Config, config func(url string) middleware.Config, rules ...middleware.Rule,
) *api {
	t.Helper()
	a := &api{server: httptest.NewUnstartedServer(nil), reasons: make(chan consumer.Reason, 64)}
	scheme := "http://"
	if secure != nil {
		scheme, a.server.TLS = "https://", secure
	}
	cfg := config(scheme + a.server.Listener.Addr().String())
	cfg.OnDecision = func(_ context.Context, d middleware.Decision) { a.reasons <- d.Reason }
	guard, err := middleware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	a.server.Config.Handler = f.handler(guard, rules...)
	if secure != nil {
		a.server.StartTLS()
	} else {
		a.server.Start()
	}
	t.Cleanup(a.server.Close)
	return a
}

// answer is the response to a request, and the reason for it.
type answer struct {
	Status  int
	Scheme  string          // of the challenge with the error code, unless it is Bearer
	Error   string          // the code in the challenge
	Scope   string          // the scope in the challenge
	ACR     string          // the acr_values in the challenge
	MaxAge  int             // the max_age in the challenge
	Subject string          // the subject that the handler wrote
	Reason  consumer.Reason // not part of the response; read from OnDecision
}

func passed(subject string) answer { return answer{Status: http.StatusOK, Subject: subject} }

func invalidToken(reason consumer.Reason) answer {
	return answer{Status: http.StatusUnauthorized, Error: "invalid_token", Reason: reason}
}

func noToken() answer {
	return answer{Status: http.StatusUnauthorized, Reason: consumer.ReasonNoToken}
}

func insufficientScope(needed string) answer {
	return answer{
		Status: http.StatusForbidden, Error: "insufficient_scope", Scope: needed, Reason: consumer.ReasonScope,
	}
}

func keysUnavailable() answer {
	return answer{Status: http.StatusServiceUnavailable, Reason: consumer.ReasonKeysUnavailable}
}

// String returns the answer as the tables show it.
func (a answer) String() string {
	words := []string{strconv.Itoa(a.Status), a.Scheme, a.Error, a.Scope, a.ACR, a.Subject}
	if a.Reason != "" {
		words = append(words, "("+string(a.Reason)+")")
	}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

// get sends GET /orders with the token under the scheme, or without credentials if the token is empty.
func (a *api) get(t *testing.T, scheme, token string) answer {
	t.Helper()
	req := newRequest(t, http.MethodGet, a.server.URL+"/orders", "")
	if token != "" {
		req.Header.Set("Authorization", scheme+" "+token)
	}
	return a.send(t, a.server.Client(), req)
}

// send sends a request with the client.
func (a *api) send(t *testing.T, c *http.Client, req *http.Request) answer {
	t.Helper()
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := answer{Status: resp.StatusCode, Reason: <-a.reasons}
	if resp.StatusCode == http.StatusOK {
		got.Subject = string(body)
		return got
	}
	got.readChallenges(t, resp.Header)
	got.checkProblem(t, resp.Header, body)
	return got
}

var challengeParameter = regexp.MustCompile(`(\w+)="([^"]*)"`)

// readChallenges checks that a 401 or 403 has a challenge for each scheme, and that a 503 has Retry-After instead.
func (a *answer) readChallenges(t *testing.T, header http.Header) {
	t.Helper()
	challenges := header.Values("WWW-Authenticate")
	if a.Status == http.StatusServiceUnavailable {
		if seconds, err := strconv.Atoi(header.Get("Retry-After")); len(challenges) > 0 || err != nil || seconds < 1 {
			t.Errorf("503 has Retry-After %q and the challenges %q", header.Get("Retry-After"), challenges)
		}
		return
	}
	if len(challenges) == 0 {
		t.Errorf("%d has no challenge", a.Status)
	}
	for _, challenge := range challenges {
		a.readChallenge(t, challenge)
	}
}

func (a *answer) readChallenge(t *testing.T, challenge string) {
	t.Helper()
	scheme, parameters, _ := strings.Cut(challenge, " ")
	bearer := strings.HasPrefix(challenge, "Bearer realm=")
	if dpop := scheme == "DPoP" && strings.Contains(parameters, `algs="`); !bearer && !dpop {
		t.Errorf("%d has the challenge %q", a.Status, challenge)
	}
	for _, parameter := range challengeParameter.FindAllStringSubmatch(parameters, -1) {
		switch parameter[1] {
		case "error":
			if a.Error = parameter[2]; !bearer {
				a.Scheme = scheme
			}
		case "scope":
			a.Scope = parameter[2]
		case "acr_values":
			a.ACR = parameter[2]
		case "max_age":
			var err error
			if a.MaxAge, err = strconv.Atoi(parameter[2]); err != nil {
				t.Error(err)
			}
		}
	}
}

// checkProblem checks that the body contains the same as status and challenge, and nothing else (RFC 9457). The scopes of a 401 are
// only in the challenge, unless the user must sign in again.
func (a *answer) checkProblem(t *testing.T, header http.Header, body []byte) {
	t.Helper()
	type problem struct {
		Title, Error, Scope string
		Status              int
		ACR                 string `json:"acr_values"`
		MaxAge              int    `json:"max_age"`
	}
	var got problem
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&got); err != nil {
		t.Errorf("%d has the body %q: %v", a.Status, body, err)
	}
	want := problem{Title: http.StatusText(a.Status), Status: a.Status, Error: a.Error, Scope: a.Scope, ACR: a.ACR, MaxAge: a.MaxAge}
	if a.Status == http.StatusUnauthorized && a.ACR == "" && a.MaxAge == 0 {
		want.Scope = "" // only the challenge has it
	}
	if got != want || header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s says %+v as %q, want %+v", a, got, header.Get("Content-Type"), want)
	}
}

// newConsumer returns a Consumer for the server, with discovered keys.
func (as authorizationServer) newConsumer(t *testing.T, cfg consumer.Config) *consumer.Consumer {
	t.Helper()
	if cfg.Issuer == "" {
		cfg.Issuer = as.issuer
	}
	c, err := consumer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
