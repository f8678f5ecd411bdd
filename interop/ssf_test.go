package interop_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/ssf"
	"github.com/bearerkit/bearerkit/store"
)

const receiverExample = "https://receiver.example" // the audience of the SETs

// callAPI returns the status of a request to an API with a token.
func callAPI(t *testing.T, api http.Handler, token string) int {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	api.ServeHTTP(w, r)
	return w.Code
}

// denyingAPI returns an API that accepts the access tokens of an issuer, except the denied ones.
func denyingAPI(t *testing.T, storage store.Storage, cfg consumer.Config) http.Handler {
	t.Helper()
	cfg.Status = store.DenyList{Storage: storage}
	c, err := consumer.New(cfg)
	succeed(t, err)
	guard, err := middleware.New(middleware.Config{Verifier: c})
	succeed(t, err)
	return guard.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
}

// SETs that npm's jose has signed deny tokens, by push and by poll. The transmitter publishes its key and its metadata, and manages
// the streams.
func TestSecurityEventsOfNode(t *testing.T) {
	t.Parallel()
	var ready struct{ Issuer string }
	node := &nodeClient{process: startNode(t, "transmitter.mjs", &ready)}
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: apiExample})
	storage := store.NewMemory(1000)
	api := denyingAPI(t, storage, consumer.Config{Issuer: issuer.URL(), Audience: []string{apiExample}, HTTPClient: issuer.Client()})
	receiver, err := ssf.New(ssf.Config{
		Issuer: ready.Issuer, Audience: []string{receiverExample}, Storage: storage, TokenLifetime: time.Hour,
		TokenIssuers: []string{issuer.URL()},
	})
	succeed(t, err)
	succeed(t, receiver.Warm(t.Context()))
	transmitter, err := ssf.NewTransmitter(ssf.TransmitterConfig{
		Issuer: ready.Issuer, Token: func(context.Context) (string, error) { return "manage", nil },
	})
	succeed(t, err)

	user := func(name string) (token string, claims map[string]any) {
		token = issuer.AccessToken().Set("sub", name).Set("iat", time.Now().Add(-time.Minute).Unix()).Sign()
		if got := callAPI(t, api, token); got != http.StatusOK {
			t.Fatalf("the token of %s: status %d", name, got)
		}
		return token, map[string]any{
			"aud": receiverExample, "sub_id": map[string]any{"format": "iss_sub", "iss": issuer.URL(), "sub": name},
			"events": map[string]any{ssf.TypeSessionRevoked: map[string]any{"event_timestamp": time.Now().Unix()}},
		}
	}
	t.Run("push", func(t *testing.T) { // not parallel: the node process handles one command at a time
		const secret = "Bearer 0123456789abcdef"
		handler, err := receiver.PushHandler(ssf.PushConfig{Authorization: []string{secret}})
		succeed(t, err)
		server := httptest.NewServer(handler)
		defer server.Close()
		push := func(authorization string, claims, header map[string]any) (status int, code string) {
			var got struct {
				Status int
				Body   string
			}
			node.do(t, map[string]any{
				"do": "push", "endpoint": server.URL, "authorization": authorization, "claims": claims, "header": header,
			}, &got)
			var body struct{ Err string }
			if got.Body != "" {
				succeed(t, json.Unmarshal([]byte(got.Body), &body))
			}
			return got.Status, body.Err
		}
		token, claims := user("pushed")
		if status, code := push("Bearer wrong", claims, nil); status != http.StatusBadRequest || code != "authentication_failed" {
			t.Errorf("a wrong Authorization: %d, %s", status, code)
		}
		if status, code := push(secret, claims, map[string]any{"typ": "JWT"}); status != http.StatusBadRequest || code != "invalid_request" {
			t.Errorf("typ JWT: %d, %s", status, code)
		}
		if got := callAPI(t, api, token); got != http.StatusOK {
			t.Errorf("before the event: status %d", got)
		}
		if status, code := push(secret, claims, nil); status != http.StatusAccepted || code != "" {
			t.Errorf("the event: %d, %s", status, code)
		}
		if got := callAPI(t, api, token); got != http.StatusUnauthorized {
			t.Errorf("after the event: status %d", got)
		}
		stream, err := transmitter.CreateStream(t.Context(), ssf.StreamSettings{
			EventsRequested: []string{ssf.TypeSessionRevoked},
			Delivery:        &ssf.Delivery{Method: ssf.DeliveryPush, EndpointURL: server.URL, AuthorizationHeader: secret},
		})
		succeed(t, err)
		succeed(t, receiver.VerifyStream(t.Context(), transmitter, stream.ID))
		succeed(t, transmitter.DeleteStream(t.Context(), stream.ID))
		_, err = transmitter.Stream(t.Context(), stream.ID)
		if e, ok := errors.AsType[*ssf.StatusError](err); !ok || e.Status != http.StatusNotFound {
			t.Errorf("the deleted stream: %v", err)
		}
	})
	t.Run("poll", func(t *testing.T) {
		stream, err := transmitter.CreateStream(t.Context(), ssf.StreamSettings{Description: "interop"})
		succeed(t, err)
		if !slices.Equal(stream.Audience, []string{receiverExample}) || stream.Delivery.Method != ssf.DeliveryPoll {
			t.Fatalf("stream %+v", stream)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() {
			ended <- receiver.Poll(ctx, ssf.PollConfig{
				Endpoint: stream.Delivery.EndpointURL, Token: func(context.Context) (string, error) { return "manage", nil },
			})
		}()
		token, claims := user("polled")
		forged := map[string]any{"aud": "https://other.example", "jti": "forged", "sub_id": claims["sub_id"], "events": claims["events"]}
		node.do(t, map[string]any{"do": "queue", "claims": forged}, new(struct{}))
		claims["jti"] = "polled"
		node.do(t, map[string]any{"do": "queue", "claims": claims}, new(struct{}))
		succeed(t, receiver.VerifyStream(t.Context(), transmitter, stream.ID)) // arrives after both
		if got := callAPI(t, api, token); got != http.StatusUnauthorized {
			t.Errorf("after the event: status %d", got)
		}
		var state struct {
			Acked  []string
			Errors map[string]string
		}
		for !slices.Contains(state.Acked, "polled") || state.Errors["forged"] != "invalid_audience" {
			node.do(t, map[string]any{"do": "state"}, &state)
			if t.Context().Err() != nil || t.Failed() {
				t.Fatalf("acknowledged %v, reported %v", state.Acked, state.Errors)
			}
		}
		cancel()
		succeed(t, <-ended)
	})
}
