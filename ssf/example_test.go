package ssf_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/ssf"
	"github.com/bearerkit/bearerkit/store"
)

// The following functions are the Go blocks of docs/revocation.md.

// newVerifier verifies access tokens, and rejects those that the deny list in storage denies.
func newVerifier(storage store.Storage) (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:   "https://login.example.com",
		Audience: []string{"https://api.example.com"},
		Status:   store.DenyList{Storage: storage},
	})
}

// newReceiver receives events of the issuer, and saves entries of the deny list in the same storage.
func newReceiver(storage store.Storage) (*ssf.Receiver, error) {
	return ssf.New(ssf.Config{
		Issuer:        "https://login.example.com",
		Audience:      []string{"https://api.example.com/events"},
		Storage:       storage,
		TokenLifetime: time.Hour,
	})
}

// createPushStream creates a stream whose events the transmitter sends to the handler of Receiver.PushHandler.
func createPushStream(ctx context.Context, token func(context.Context) (string, error), secret string) (*ssf.Stream, error) {
	transmitter, err := ssf.NewTransmitter(ssf.TransmitterConfig{Issuer: "https://login.example.com", Token: token})
	if err != nil {
		return nil, err
	}
	return transmitter.CreateStream(ctx, ssf.StreamSettings{
		EventsRequested: []string{ssf.TypeSessionRevoked, ssf.TypeTokenClaimsChange, ssf.TypeAccountDisabled, ssf.TypeAccountPurged},
		Delivery: &ssf.Delivery{
			Method: ssf.DeliveryPush, EndpointURL: "https://api.example.com/events", AuthorizationHeader: "Bearer " + secret,
		},
	})
}

// handlePush serves the endpoint that the transmitter sends events to.
func handlePush(mux *http.ServeMux, receiver *ssf.Receiver, secret string) error {
	push, err := receiver.PushHandler(ssf.PushConfig{Authorization: []string{"Bearer " + secret}})
	if err != nil {
		return err
	}
	mux.Handle("POST /events", push)
	return nil
}

// poll fetches events until ctx ends. Call it in a goroutine.
func poll(ctx context.Context, receiver *ssf.Receiver, stream *ssf.Stream, token func(context.Context) (string, error)) error {
	return receiver.Poll(ctx, ssf.PollConfig{Endpoint: stream.Delivery.EndpointURL, Token: token})
}

// findUser returns the `sub` of the user with an email address.
type findUser func(ctx context.Context, address string) (subject string, found bool, err error)

// mapSubject maps subjects with an email address. Use it as Config.MapSubject.
func mapSubject(find findUser) func(context.Context, ssf.Subject) ([]ssf.Target, error) {
	return func(ctx context.Context, s ssf.Subject) ([]ssf.Target, error) {
		if user, ok := s.Members["user"]; ok {
			s = user
		}
		if s.Format != "email" {
			return nil, nil // the rules of ssf.Target apply
		}
		subject, found, err := find(ctx, s.ID)
		if err != nil || !found {
			return nil, err
		}
		return []ssf.Target{{Subject: subject}}, nil
	}
}

// handleLogout serves the backchannel_logout_uri of a client.
func handleLogout(mux *http.ServeMux, storage store.Storage) error {
	c, err := client.New(client.Config{Issuer: "https://login.example.com", ClientID: "app", RedirectURI: "https://app.example.com/callback"})
	if err != nil {
		return err
	}
	logout, err := ssf.LogoutHandler(ssf.LogoutConfig{Client: c, Storage: storage, TokenLifetime: time.Hour})
	if err != nil {
		return err
	}
	mux.Handle("POST /backchannel-logout", logout)
	return nil
}

// TestGoBlocks checks that the Go blocks of docs/revocation.md are functions of this file, so that they compile.
func TestGoBlocks(t *testing.T) {
	t.Parallel()
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	source := read("example_test.go")
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(read("../docs/revocation.md"), -1)
	if len(blocks) != 7 {
		t.Errorf("%d Go blocks, want 7", len(blocks))
	}
	for _, block := range blocks {
		if !strings.Contains(source, "\n"+block[1]+"\n") {
			t.Errorf("example_test.go does not contain this block:\n%s", block[1])
		}
	}
}

// The code of the document works together.
func TestDocument(t *testing.T) {
	t.Parallel()
	const secret = "0123456789abcdef"
	storage := store.NewMemory(10)
	if _, err := newVerifier(storage); err != nil {
		t.Error(err)
	}
	receiver, err := newReceiver(storage)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	if err := handlePush(mux, receiver, secret); err != nil {
		t.Error(err)
	}
	if err := handleLogout(mux, storage); err != nil {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := createPushStream(ended, nil, secret); err == nil {
		t.Error("a stream was created without a transmitter")
	}
	stream := &ssf.Stream{StreamSettings: ssf.StreamSettings{Delivery: &ssf.Delivery{EndpointURL: pollEndpoint}}}
	if err := poll(ended, receiver, stream, nil); err != nil {
		t.Error(err)
	}
	find := mapSubject(func(_ context.Context, address string) (string, bool, error) {
		return "u1", address == "a@example.com", nil
	})
	for _, subject := range []ssf.Subject{
		ssf.EmailSubject("a@example.com"), ssf.ComplexSubject(map[string]ssf.Subject{"user": ssf.EmailSubject("a@example.com")}),
	} {
		if targets, err := find(t.Context(), subject); err != nil || !slices.Equal(targets, []ssf.Target{{Subject: "u1"}}) {
			t.Errorf("%v: %v, %v", subject, targets, err)
		}
	}
	for _, subject := range []ssf.Subject{ssf.EmailSubject("b@example.com"), ssf.OpaqueSubject("a@example.com")} {
		if targets, err := find(t.Context(), subject); err != nil || targets != nil {
			t.Errorf("%v: %v, %v", subject, targets, err)
		}
	}
}

// A transmitter sends an event to the handler, and the API rejects the token of the session.
func Example() {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	keys, err := jwks.ParseJWKS(issuer.JWKS())
	if err != nil {
		fmt.Println(err)
		return
	}
	storage := store.NewMemory(100_000)
	verifier, err := consumer.New(consumer.Config{
		Issuer: issuer.URL(), Audience: []string{"https://api.test"}, Keys: keys, Status: store.DenyList{Storage: storage},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	receiver, err := ssf.New(ssf.Config{
		Issuer: issuer.URL(), Audience: []string{"https://api.test/events"}, Keys: keys, Storage: storage, TokenLifetime: time.Hour,
		OnReceived: func(_ context.Context, reception ssf.Reception) {
			fmt.Println(reception.Outcome, reception.Event.Subject.Format)
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	push, err := receiver.PushHandler(ssf.PushConfig{Authorization: []string{"Bearer 0123456789abcdef"}})
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx := context.Background()
	token := issuer.AccessToken().Set("sub", "alice").Sign()
	_, err = verifier.Verify(ctx, token)
	fmt.Println("before:", err)

	event := issuer.Token("secevent+jwt", map[string]any{
		"iss": issuer.URL(), "aud": "https://api.test/events", "iat": time.Now().Unix(), "jti": "4d3559ec",
		"sub_id": map[string]any{"format": "iss_sub", "iss": issuer.URL(), "sub": "alice"},
		"events": map[string]any{ssf.TypeSessionRevoked: map[string]any{"event_timestamp": time.Now().Unix()}},
	}).Sign()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/events", strings.NewReader(event))
	r.Header.Set("Content-Type", "application/secevent+jwt")
	r.Header.Set("Authorization", "Bearer 0123456789abcdef")
	w := httptest.NewRecorder()
	push.ServeHTTP(w, r)
	fmt.Println("status:", w.Code)

	_, err = verifier.Verify(ctx, token)
	fmt.Println("after:", err)
	// Output:
	// before: <nil>
	// denied iss_sub
	// status: 202
	// after: consumer: revoked: Config.Status reports that the token may not be used
}
