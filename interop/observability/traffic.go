package observability

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"strconv"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
)

// pause is the time between two rounds of requests.
const pause = 10 * time.Millisecond

// Event is something that happens in a run. From and To are fractions of the length of the run.
type Event struct {
	Name     string
	From, To float64
}

const (
	rotation = iota
	attack
	storeOutage
	outage
)

// Events returns the events of a run in chronological order.
func Events() []Event {
	return []Event{
		rotation:    {"keys rotated", 0.15, 0.15},
		attack:      {"forged tokens", 0.25, 0.38},
		storeOutage: {"status store down", 0.46, 0.54},
		outage:      {"issuer down", 0.58, 0.7},
	}
}

// traffic sends requests until ctx ends.
func (w *world) traffic(ctx context.Context, began time.Time) {
	stranger := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience, Algorithms: []string{"ES256"}})
	events, rotated := Events(), false
	for round := 0; ctx.Err() == nil; round++ {
		now := float64(time.Since(began)) / float64(w.length)
		within := func(event int) bool { return events[event].From <= now && now < events[event].To }
		if !rotated && now >= events[rotation].From {
			w.rotate()
			rotated = true
		}
		w.store.down.Store(within(storeOutage))
		w.outage.Store(within(outage))
		w.calm(ctx, round)
		w.revoked.round(ctx, round)
		if within(attack) {
			w.attack(ctx, stranger)
		}
		time.Sleep(pause)
	}
}

// calm sends the requests of twenty regular users, of a few new ones, and some invalid ones.
func (w *world) calm(ctx context.Context, round int) {
	if round%500 == 0 {
		w.clients = nil
		for i := range 20 {
			w.clients = append(w.clients, w.good().Set("sub", "client"+strconv.Itoa(i)).Sign())
		}
	}
	for i := range 3 {
		_, _ = w.get(ctx, "/me", w.clients[(round+7*i)%len(w.clients)])
	}
	w.send(ctx, "/orders", w.good().Set("jti", strconv.Itoa(round)))
	mistakes := []func(){
		func() { w.send(ctx, "/me", w.good().Set("exp", time.Now().Add(-time.Minute).Unix())) },
		func() { w.send(ctx, "/me", w.good().Set("aud", "https://other.example.com")) },
		func() { w.send(ctx, "/orders", w.good().Set("scope", "profile")) },
		func() { w.send(ctx, "/me", w.good().Set("sub", "mallory")) },
		func() { w.send(ctx, "/report", w.good()) },
		func() { _, _ = w.get(ctx, "/me", "") },
	}
	if round%4 == 0 {
		mistakes[round/4%len(mistakes)]()
	}
}

// attack sends a flood of forged tokens.
func (w *world) attack(ctx context.Context, stranger *bearertest.Issuer) {
	forged := stranger.AccessToken().Set("iss", w.issuer.URL())
	for range 2 {
		w.send(ctx, "/me", w.good().SetHeader("kid", rand.Text()))
	}
	kid, _ := w.issuer.Key("ES256")
	w.send(ctx, "/me", forged.SetHeader("kid", kid))
	w.send(ctx, "/me", stranger.AccessToken())
	_, _ = w.get(ctx, "/me", "no.token.at-all")
}

func (w *world) good() *bearertest.Token {
	return w.issuer.AccessToken().Set("exp", time.Now().Add(time.Hour).Unix()).Set("scope", "orders:read")
}

func (w *world) send(ctx context.Context, path string, token *bearertest.Token) {
	_, _ = w.get(ctx, path, token.Sign()) // the metrics contain the result
}

// rotate rotates the signing key and adds an encryption key to the set, as many issuers publish one.
func (w *world) rotate() {
	w.issuer.Rotate()
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	_ = json.Unmarshal(w.issuer.JWKS(), &set) // the issuer wrote it
	other := maps.Clone(set.Keys[0])
	maps.Copy(other, map[string]any{"kid": "encryption", "use": "enc"})
	document, _ := json.Marshal(map[string]any{"keys": append(set.Keys, other)})
	w.issuer.SetJWKS(document)
}
