package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

var errTour = errors.New("the tour failed: see WRONG")

// tour sends requests to the processes, and prints the responses. It returns errTour if one of them is wrong.
func (c *cluster) tour(ctx context.Context, stdout io.Writer) error {
	t := &tour{cluster: c, out: stdout, client: &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}}
	defer t.client.CloseIdleConnections()
	t.say("One API has two processes, A %s and B %s.", c.a.url, c.b.url)
	denied := t.token(ctx)
	t.session(ctx)
	t.subject(ctx)
	if c.postgresDSN == "" {
		t.say("\nThere is no PostgreSQL, so the processes do not share a token for another service.")
	} else {
		t.stock(ctx)
	}
	if c.redis != nil {
		if err := t.outage(ctx, denied); err != nil {
			return err
		}
	}
	if err := t.crash(ctx, denied); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if t.wrong {
		return errTour
	}
	t.say("\nAll responses are correct.")
	return nil
}

// tour is one run of the tour.
type tour struct {
	*cluster

	out    io.Writer
	client *http.Client
	wrong  bool
}

// token denies a single token, and returns it.
func (t *tour) token(ctx context.Context) credential {
	denied, other := t.newToken("phone"), t.newToken("phone")
	t.say("\nThe processes accept two tokens of alice, and cache the results:")
	t.accepted(ctx, denied, other)
	t.say("An administrator denies the first token at A:")
	t.revoke(ctx, t.a, "jti", denied.jti, 204)
	t.rejected(ctx, denied)
	t.say("The second one is still accepted:")
	t.accepted(ctx, other)
	return denied
}

// session denies the tokens of one sign-in.
func (t *tour) session(ctx context.Context) {
	laptop, refreshed, phone := t.newToken("laptop"), t.newToken("laptop"), t.newToken("phone")
	t.say("\nAlice has two tokens of a session on her laptop, and one of a session on her phone:")
	t.accepted(ctx, laptop, refreshed, phone)
	t.say("An administrator denies the session on the laptop at B:")
	t.revoke(ctx, t.b, "sid", "laptop", 204)
	t.rejected(ctx, laptop)
	t.rejected(ctx, refreshed)
	t.say("The session on the phone goes on:")
	t.accepted(ctx, phone)
}

// subject denies all tokens that a user has received.
func (t *tour) subject(ctx context.Context) {
	before := t.newToken("phone")
	t.say("\nAn administrator denies all tokens that alice has received until now:")
	t.accepted(ctx, before)
	t.revoke(ctx, t.a, "sub", "alice", 204)
	t.rejected(ctx, before)
	t.say("Alice signs in again. Times in tokens are full seconds, so her new token is accepted from the next second on:")
	pause(ctx, time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
	t.accepted(ctx, t.newToken("phone"))
}

// stock lets the API call another service. Both processes need a token at the same time, and get the same one.
func (t *tour) stock(ctx context.Context) {
	alice := t.newToken("phone")
	t.say("\nAlice calls a route for which the API calls another service. Both processes need a token at the same time:")
	var results [2]result
	var both sync.WaitGroup
	for i, p := range []*process{t.a, t.b} {
		both.Go(func() { results[i] = t.patiently(ctx, p, "/stock", alice, http.StatusOK) })
	}
	both.Wait()
	t.show(t.a, "GET /stock", results[0], 200, "")
	t.show(t.b, "GET /stock", results[1], 200, "")
	requests := t.issuer.Requests()["/token"]
	if results[0] != results[1] || requests > 1 {
		t.wrong = true
		t.say("  WRONG, want the same token")
	}
	t.say("The token is sealed in PostgreSQL. Requests that the authorization server has received for it: %d", requests)
}

// outage stops Redis, and starts it again.
func (t *tour) outage(ctx context.Context, denied credential) error {
	cached, fresh := t.newToken("phone"), t.newToken("phone")
	t.say("\nRedis is killed. A token whose status is cached is still accepted, and no other one:")
	t.accepted(ctx, cached)
	t.redis.stop()
	killed := time.Now()
	t.accepted(ctx, cached)
	t.orders(ctx, t.a, fresh, 503)
	t.say("A process that has not reached Redis for %v (MaxSilence) rejects all tokens. It notices every %v (PollInterval):", maxSilence, pollInterval)
	t.until(ctx, killed, cached, 503)
	t.say("No token can be denied. The administrator must try again:")
	t.revoke(ctx, t.a, "jti", cached.jti, 503)
	if err := t.redis.start(ctx); err != nil {
		return err
	}
	t.say("Redis starts again, with its data:")
	t.until(ctx, time.Now(), fresh, 200)
	t.until(ctx, time.Now(), denied, 401)
	return nil
}

// crash replaces a process.
func (t *tour) crash(ctx context.Context, denied credential) (err error) {
	t.b.kill()
	t.say("\nB is killed, and C replaces it. C has the same deny list:")
	if t.b, err = t.startProcess(ctx, "C"); err != nil {
		return err
	}
	t.accepted(ctx, t.newToken("phone"))
	t.orders(ctx, t.b, denied, 401)
	return nil
}
