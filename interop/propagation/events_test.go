package propagation_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/engine"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/ssf"
	"github.com/bearerkit/bearerkit/store"
)

// newReceiver returns a receiver of the events of the issuer, whose keys are given.
func newReceiver(storage store.Storage, keys jwks.Source, change func(*ssf.Config)) (*ssf.Receiver, error) {
	cfg := ssf.Config{Issuer: issuerURL, Audience: []string{audience}, Keys: keys, Storage: storage, TokenLifetime: time.Hour}
	if change != nil {
		change(&cfg)
	}
	return ssf.New(cfg)
}

// accessToken returns an access token of a user that is valid for an hour.
func accessToken(issuer *bearertest.Issuer, user string) string {
	return issuer.AccessToken().Set("sub", user).Set("exp", time.Now().Add(time.Hour).Unix()).Sign()
}

// about returns the subject of an event about a user.
func about(user string) map[string]any {
	return map[string]any{"format": "iss_sub", "iss": issuerURL, "sub": user}
}

// set returns a SET with one event.
func set(issuer *bearertest.Issuer, event string, subject, content map[string]any) *bearertest.Token {
	if content == nil {
		content = map[string]any{}
	}
	return issuer.Token("secevent+jwt", map[string]any{
		"iss": issuerURL, "aud": audience, "jti": rand.Text(), "iat": time.Now().Unix(), "sub_id": subject,
		"events": map[string]any{event: content},
	})
}

// eventAbout returns a SET that denies the tokens that a user has received.
func eventAbout(issuer *bearertest.Issuer, user string) string {
	return set(issuer, ssf.TypeAccountDisabled, about(user), map[string]any{"event_timestamp": time.Now().Unix()}).Sign()
}

// shop is an issuer, and a store whose server other tests of it share.
type shop struct {
	backend backend
	server  *engine.Server // nil for SQLite
	address string
	issuer  *bearertest.Issuer
	keys    jwks.Static
}

// Events take effect, and are recorded, in every kind of store. Nothing that was acknowledged is lost.
func TestEvents(t *testing.T) {
	needServers(t)
	t.Parallel()
	for _, b := range []backend{redisServer, postgres, mariadb, sqliteFile} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			s := &shop{backend: b, issuer: bearertest.NewIssuer(bearertest.IssuerConfig{URL: issuerURL, Audience: audience, Algorithms: []string{"ES256"}})}
			s.server, s.address = b.start(t)
			var err error
			if s.keys, err = jwks.ParseJWKS(s.issuer.JWKS()); err != nil {
				t.Fatal(err)
			}
			t.Run("outcomes", s.testOutcomes)
			t.Run("steps that fail", s.testSteps)
			t.Run("two processes", s.testTwoProcesses)
			t.Run("a killed process", s.testKilledProcess)
			if s.server != nil {
				t.Run("a killed server", s.testKilledServer)
			}
		})
	}
}

// open opens the store once more, as another process does.
func (s *shop) open(t *testing.T) *opened {
	t.Helper()
	o, err := s.backend.open(t.Context(), s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.close)
	return o
}

// receiver returns a push handler with a receiver of its own.
func (s *shop) receiver(t *testing.T, storage store.Storage, change func(*ssf.Config)) http.Handler {
	t.Helper()
	r, err := newReceiver(storage, s.keys, change)
	if err != nil {
		t.Fatal(err)
	}
	push, err := r.PushHandler(ssf.PushConfig{Authorization: []string{pushSecret}})
	if err != nil {
		t.Fatal(err)
	}
	return push
}

// push sends a SET to a handler, and returns the status of the response.
func push(t *testing.T, handler http.Handler, set string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/events", strings.NewReader(set))
	r.Header.Set("Authorization", pushSecret)
	r.Header.Set("Content-Type", "application/secevent+jwt")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if (w.Code == http.StatusServiceUnavailable) != (w.Header().Get("Retry-After") != "") {
		t.Errorf("status %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	return w.Code
}

// api returns a Consumer that reads the status of each token from the store.
func (s *shop) api(t *testing.T, storage store.Storage) *consumer.Consumer {
	t.Helper()
	c, err := consumer.New(consumer.Config{
		Issuer: issuerURL, Audience: []string{audience}, Keys: s.keys, Status: store.DenyList{Storage: storage},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// accepts reports whether the API accepts a token.
func accepts(t *testing.T, api *consumer.Consumer, token string) bool {
	t.Helper()
	_, err := api.Verify(t.Context(), token)
	if e, ok := errors.AsType[*consumer.Error](err); err != nil && (!ok || e.Reason != consumer.ReasonRevoked) {
		t.Fatalf("the API rejects the token for another reason: %v", err)
	}
	return err == nil
}

// outcomes collects the outcomes of a receiver.
type outcomes struct {
	mu  sync.Mutex // guards all
	all []ssf.Outcome
}

func (o *outcomes) note(_ context.Context, r ssf.Reception) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, r.Outcome)
}

// take returns the outcomes since the last call.
func (o *outcomes) take() []ssf.Outcome {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := o.all
	o.all = nil
	return all
}

// testOutcomes sends events of every outcome to one receiver, and again to another one, which has its own connections.
func (s *shop) testOutcomes(t *testing.T) {
	user, session := rand.Text, map[string]any{"format": "opaque", "id": "session"}
	type object = map[string]any
	tests := map[string]struct {
		event   string
		subject func(user string) object
		content object
		change  func(*bearertest.Token)
		outcome ssf.Outcome
		status  int
	}{
		"a session": {event: ssf.TypeSessionRevoked, subject: func(user string) object {
			return object{"format": "complex", "user": about(user), "session": object{"format": "opaque", "id": "sid of " + user}}
		}, outcome: ssf.OutcomeDenied, status: http.StatusAccepted},
		"a session without its user": {event: ssf.TypeSessionRevoked, subject: func(user string) object {
			return object{"format": "opaque", "id": "sid of " + user}
		}, outcome: ssf.OutcomeDenied, status: http.StatusAccepted},
		"a token": {event: ssf.TypeTokenClaimsChange, subject: func(user string) object {
			return object{"format": "jwt_id", "iss": issuerURL, "jti": "jti of " + user}
		}, outcome: ssf.OutcomeDenied, status: http.StatusAccepted},
		"a user":     {event: ssf.TypeAccountDisabled, subject: about, outcome: ssf.OutcomeDenied, status: http.StatusAccepted},
		"a password": {event: ssf.TypeCredentialChange, subject: about, content: object{"change_type": "update"}, outcome: ssf.OutcomeDenied, status: http.StatusAccepted},
		"a client": {event: ssf.TypeAccountDisabled, subject: func(user string) object {
			return object{"format": "complex", "application": object{"format": "opaque", "id": "client of " + user}}
		}, outcome: ssf.OutcomeDenied, status: http.StatusAccepted},
		"a new credential":    {event: ssf.TypeCredentialChange, subject: about, content: object{"change_type": "create"}, outcome: ssf.OutcomeNoted, status: http.StatusAccepted},
		"a verification":      {event: ssf.TypeVerification, subject: func(string) object { return session }, outcome: ssf.OutcomeNoted, status: http.StatusAccepted},
		"an unknown event":    {event: "https://example.com/event", subject: about, outcome: ssf.OutcomeUnknown, status: http.StatusAccepted},
		"an email address":    {event: ssf.TypeAccountDisabled, subject: func(string) object { return object{"format": "email", "email": "a@example.com"} }, outcome: ssf.OutcomeUnmapped, status: http.StatusAccepted},
		"another receiver":    {event: ssf.TypeAccountDisabled, subject: about, change: func(set *bearertest.Token) { set.Set("aud", "https://other.test") }, outcome: ssf.OutcomeRejected, status: http.StatusBadRequest},
		"an ID token":         {event: ssf.TypeAccountDisabled, subject: about, change: func(set *bearertest.Token) { set.SetHeader("typ", "JWT") }, outcome: ssf.OutcomeRejected, status: http.StatusBadRequest},
		"an unexpected state": {event: ssf.TypeVerification, subject: func(string) object { return session }, content: object{"state": "other"}, outcome: ssf.OutcomeRejected, status: http.StatusBadRequest},
	}
	first, second := s.open(t), s.open(t)
	api := s.api(t, second.storage)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seen, again outcomes
			one := s.receiver(t, first.storage, func(c *ssf.Config) { c.OnReceived = seen.note })
			other := s.receiver(t, second.storage, func(c *ssf.Config) { c.OnReceived = again.note })
			user := user()
			token := s.issuer.AccessToken().Set("sub", user).Set("sid", "sid of "+user).Set("jti", "jti of "+user).Set("client_id", "client of "+user).Sign()
			event := set(s.issuer, tt.event, tt.subject(user), tt.content)
			if tt.change != nil {
				tt.change(event)
			}
			raw := event.Sign()
			if status := push(t, one, raw); status != tt.status {
				t.Errorf("status %d, want %d", status, tt.status)
			}
			if denied := !accepts(t, api, token); denied != (tt.outcome == ssf.OutcomeDenied) {
				t.Errorf("the token is denied: %v", denied)
			}
			if status := push(t, other, raw); status != tt.status {
				t.Errorf("the second delivery: status %d, want %d", status, tt.status)
			}
			want := tt.outcome
			if tt.outcome != ssf.OutcomeRejected {
				want = ssf.OutcomeDuplicate
			}
			if diff := cmp.Diff([]ssf.Outcome{tt.outcome, want}, append(seen.take(), again.take()...)); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
		})
	}
}
