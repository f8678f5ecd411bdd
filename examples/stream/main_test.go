package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/examples/internal/demotest"
	"github.com/bearerkit/bearerkit/middleware"
)

// heard contains what a client received until the end of a stream.
type heard struct {
	ticks  int
	reason string
	code   websocket.StatusCode // 0 for events
}

// kinds contains the kinds of streams. Each function opens a stream and returns a function that reads it.
var kinds = map[string]func(t *testing.T, client *http.Client, api, token string) func() heard{
	"events":                           openEvents,
	"socket":                           openSocket,
	"socket, token among subprotocols": openBrowserSocket,
}

func openEvents(t *testing.T, client *http.Client, api, token string) func() heard {
	t.Helper()
	response, err := client.Do(request(t, http.MethodGet, api+"/events", token))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %q", response.StatusCode, response.Header)
	}
	return func() (all heard) {
		event := ""
		lines := bufio.NewScanner(response.Body)
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch {
			case name == "event":
				event = value
			case name == "data" && event == "tick":
				all.ticks++
			case name == "data" && event == "end":
				all.reason = value
			}
		}
		if err := lines.Err(); err != nil {
			t.Errorf("the stream was cut: %v", err)
		}
		return all
	}
}

func openSocket(t *testing.T, client *http.Client, api, token string) func() heard {
	t.Helper()
	return openSocketWith(t, client, api, &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer " + token}},
	})
}

func openBrowserSocket(t *testing.T, client *http.Client, api, token string) func() heard {
	t.Helper()
	return openSocketWith(t, client, api, &websocket.DialOptions{
		Subprotocols: []string{protocol, tokenProtocol + token},
		HTTPHeader:   http.Header{"Origin": {api}},
	})
}

func openSocketWith(t *testing.T, client *http.Client, api string, options *websocket.DialOptions) func() heard {
	t.Helper()
	options.HTTPClient = client
	conn, _, err := websocket.Dial(t.Context(), api+"/socket", options) //nolint:bodyclose // a WebSocket has no body
	if err != nil {
		t.Fatal(err)
	}
	if len(options.Subprotocols) > 0 && conn.Subprotocol() != protocol {
		t.Errorf("the subprotocol is %q", conn.Subprotocol())
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	return func() (all heard) {
		for {
			_, _, err := conn.Read(t.Context())
			if err == nil {
				all.ticks++
				continue
			}
			closed, ok := errors.AsType[websocket.CloseError](err)
			if !ok {
				t.Errorf("the connection was cut: %v", err)
			}
			all.reason, all.code = closed.Reason, closed.Code
			return all
		}
	}
}

// listen reads a stream in a new goroutine.
func listen(hear func() heard) <-chan heard {
	all := make(chan heard, 1)
	go func() { all <- hear() }()
	return all
}

func request(t *testing.T, method, url, token string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

// status sends r and returns the status.
func status(t *testing.T, client *http.Client, r *http.Request) int {
	t.Helper()
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode
}

func logOut(t *testing.T, client *http.Client, api, token string) {
	t.Helper()
	if got := status(t, client, request(t, http.MethodPost, api+"/logout", token)); got != http.StatusNoContent {
		t.Fatalf("logout: %d", got)
	}
}

// TestEndings checks that a stream lasts as long as its token, longer than the timeouts of the server, and that it ends with
// the reason.
func TestEndings(t *testing.T) {
	t.Parallel()
	const api = "http://api.test"
	tests := []struct {
		name  string
		after func(t *testing.T, w *world, token string) // what happens while somebody listens
		lasts time.Duration
		want  string
		code  websocket.StatusCode
	}{
		{"expired", func(*testing.T, *world, string) {}, 5 * time.Minute, "expired", 1008},
		{"revoked", func(t *testing.T, w *world, token string) {
			time.Sleep(90 * time.Second)
			logOut(t, w.client, api, token)
		}, 90 * time.Second, "revoked", 1008},
		{"program stops", func(_ *testing.T, w *world, _ string) {
			time.Sleep(time.Minute)
			w.stop()
		}, time.Minute, "stopping", 1001},
	}
	for kind, open := range kinds {
		for _, test := range tests {
			t.Run(kind+", "+test.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					token := w.issuer.AccessToken().Sign()
					hear := open(t, w.client, api, token)
					began := time.Now()
					all := listen(hear)
					test.after(t, w, token)
					got := <-all
					if took := time.Since(began); took < test.lasts || took > test.lasts+recheckEvery {
						t.Errorf("ended after %v, want %v", took, test.lasts)
					}
					if got.reason != test.want || kind != "events" && got.code != test.code {
						t.Errorf("got %+v, want %q", got, test.want)
					}
					if want := int(test.lasts / tickEvery); got.ticks < want || got.ticks > want+2 {
						t.Errorf("%d ticks, want about %d", got.ticks, want)
					}
				})
			})
		}
	}
}

// TestRevokedForOne checks that other streams continue, and that the revoked token is rejected.
func TestRevokedForOne(t *testing.T) {
	t.Parallel()
	const api = "http://api.test"
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		one, other := w.issuer.AccessToken().Set("jti", "one").Sign(), w.issuer.AccessToken().Set("jti", "other").Sign()
		hearOne, hearOther := openEvents(t, w.client, api, one), openSocket(t, w.client, api, other)
		all := listen(hearOne)
		logOut(t, w.client, api, one)
		if got := <-all; got.reason != "revoked" {
			t.Errorf("got %+v", got)
		}
		if got := status(t, w.client, request(t, http.MethodGet, api+"/events", one)); got != http.StatusUnauthorized {
			t.Errorf("opened again: %d", got)
		}
		if got := hearOther(); got.reason != "expired" {
			t.Errorf("the other: got %+v", got)
		}
	})
}

// TestSmoke runs the program with real sockets.
func TestSmoke(t *testing.T) {
	t.Parallel()
	issuer, err := demo.StartIssuer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(issuer.Close)
	handler, err := newAPI(t.Context(), consumer.Config{Issuer: issuer.URL(), Audience: []string{demo.Audience}})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := demo.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(demo.Start(t.Context(), listener, handler))
	client, api := &http.Client{Transport: &http.Transport{}}, "http://"+listener.Addr().String()
	t.Cleanup(client.CloseIdleConnections)

	for kind, open := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			token := issuer.Good().Set("jti", kind).Sign()
			hear := open(t, client, api, token)
			logOut(t, client, api, token)
			if got := hear(); got.ticks == 0 || got.reason != "revoked" || kind != "events" && got.code != 1008 {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	const api = "http://api.test"
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		good := w.issuer.AccessToken().Sign()
		offer := func(offers ...string) http.Header { return http.Header{"Sec-Websocket-Protocol": offers} }
		both := offer("bearer." + good)
		both.Set("Authorization", "Bearer "+good)
		foreign := offer(protocol + ", bearer." + good)
		foreign.Set("Origin", "http://other.test")
		tests := []struct {
			name, path string
			header     http.Header
			status     int
		}{
			{"public", "/", nil, 200},
			{"no token", "/events", nil, 401},
			{"no token for the socket", "/socket", nil, 401},
			{"no token among the subprotocols", "/socket", offer(protocol), 401},
			{"bad token among the subprotocols", "/socket", offer("ticks.v1, bearer.bad"), 401},
			{"no name to revoke it by", "/events", http.Header{
				"Authorization": {"Bearer " + w.issuer.AccessToken().Set("jti", bearertest.Absent).Sign()},
			}, 401},
			{"empty token", "/socket", offer("bearer."), 400},
			{"two tokens", "/socket", offer("bearer."+good, "bearer."+good), 400},
			{"two tokens in a line", "/socket", offer("bearer." + good + ",bearer." + good), 400},
			{"token in two places", "/socket", both, 400},
			{"subprotocols are read for the socket alone", "/events", offer("bearer." + good), 401},
			{"another origin", "/socket", foreign, 403},
		}
		for _, test := range tests {
			if got := handshake(t, w.client, api+test.path, test.header); got != test.status {
				t.Errorf("%s: %d, want %d", test.name, got, test.status)
			}
		}
	})
}

// handshake returns a WebSocket handshake for the URL.
func handshake(t *testing.T, client *http.Client, url string, header http.Header) int {
	t.Helper()
	r := request(t, http.MethodGet, url, "")
	maps.Copy(r.Header, header)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
	return status(t, client, r)
}

// TestEndingOf checks that the reason does not contain the text of an error.
func TestEndingOf(t *testing.T) {
	t.Parallel()
	refusal := func(reason consumer.Reason) error {
		return &consumer.Error{Reason: reason, Issuer: "https://secret.example", Detail: "secret", Err: errors.New("secret")}
	}
	tests := []struct {
		cause  error
		reason string
		code   websocket.StatusCode
	}{
		{refusal(consumer.ReasonExpired), "expired", 1008},
		{refusal(consumer.ReasonRevoked), "revoked", 1008},
		{refusal(consumer.ReasonUnknownKey), "ended", 1008},
		{refusal(consumer.ReasonStatusUnavailable), "unavailable", 1013},
		{middleware.ErrNoToken, "ended", 1008},
		{errors.New("secret"), "ended", 1008},
		{errStopping, "stopping", 1001},
	}
	for _, test := range tests {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(test.cause)
		if got := endingOf(ctx); got.reason != test.reason || got.code != test.code {
			t.Errorf("%v: got %+v", test.cause, got)
		}
	}
}

// TestNoStreamHere checks that a stream fails at the start if the server does not support write deadlines.
func TestNoStreamHere(t *testing.T) {
	t.Parallel()
	issuer, err := demo.StartIssuer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(issuer.Close)
	api, err := newAPI(t.Context(), consumer.Config{Issuer: issuer.URL(), Audience: []string{demo.Audience}})
	if err != nil {
		t.Fatal(err)
	}
	if got := demotest.Get(t.Context(), api, "/events", issuer.Good().Sign()); got.Code != 500 {
		t.Errorf("%d %q", got.Code, got.Body)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	output, stdout := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, nil, stdout) }()
	for lines := bufio.NewScanner(output); lines.Scan() && !strings.HasPrefix(lines.Text(), "Press Ctrl-C"); {
		if strings.ContainsAny(lines.Text(), "{}") {
			t.Errorf("printed %q", lines.Text())
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
