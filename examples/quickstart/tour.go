package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

var errTour = errors.New("the tour failed: see WRONG in the table")

// takeTour sends requests over sockets to an API that newAPI returns, and prints the responses and the log lines of the
// rejected requests. It returns an error if a response, or the reason in the log, is wrong.
func takeTour(ctx context.Context, stdout io.Writer, newAPI api) error {
	issuer, err := demo.StartIssuer(ctx)
	if err != nil {
		return err
	}
	defer issuer.Close()
	api, err := open(ctx, issuer, newAPI)
	if err != nil {
		return err
	}
	defer api.close()

	issuer.Announce() // publishes the key for the first rotation
	first := issuer.Good()
	shown := api.send(ctx, slices.Concat(fresh(), credentials(issuer), badTokens(issuer), rules(issuer))...)
	issuer.Rotate()
	shown = append(shown, api.send(ctx, rotated(issuer, first)...)...)
	issuer.Retire()
	issuer.Rotate()
	shown = append(shown, api.send(ctx, rotatedAgain(issuer, first)...)...)
	fetches := issuer.Requests()["/jwks"]

	issuer.Close()
	cold, err := open(ctx, issuer, newAPI)
	if err != nil {
		return err
	}
	defer cold.close()
	shown = append(shown, api.send(ctx, warmOutage(issuer)...)...)
	shown = append(shown, cold.send(ctx, coldOutage(issuer)...)...)

	if err := printTable(stdout, shown); err != nil {
		return err
	}
	printLog(stdout, shown)
	fmt.Fprintf(stdout, "\nThe API requested the key set of the issuer %d times: once at the start, once for the forged signature, and once for each of the two keys that it did not have.\n", fetches)
	if slices.ContainsFunc(shown, step.wrong) {
		return errTour
	}
	fmt.Fprintf(stdout, "All %d responses are correct.\n", len(shown))
	return nil
}

// fresh returns the steps before the first token. The readiness probe fetches the keys.
func fresh() []step {
	return []step{
		{path: "/healthz", what: "liveness probe", want: isAlive()},
		{path: "/readyz", what: "readiness probe, which fetches the keys", patient: true, want: isReady()},
	}
}

func credentials(issuer *demo.Issuer) []step {
	good := bearer(issuer.Good())
	return []step{
		{path: "/", what: "a public route", want: welcomed()},
		{path: "/me", what: "no token", want: rejected(401, "", "").because("no_token")},
		{path: "/me", what: "a password (Basic)", send: []string{"Basic YWxpY2U6c2VjcmV0"}, want: rejected(401, "", "").because("no_token")},
		{path: "/me", what: "two Authorization header fields", send: slices.Concat(good, good), want: rejected(400, "invalid_request", "").because("invalid_request")},
		{path: "/me", what: "a good token", send: good, want: greeted()},
	}
}

// badTokens returns tokens of attackers and wrong tokens of clients. The response never says what is wrong.
func badTokens(issuer *demo.Issuer) []step {
	stranger := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: demo.Audience, Algorithms: []string{"ES256"}})
	forged := stranger.AccessToken().Set("iss", issuer.URL())
	idToken := issuer.IDToken().Set("aud", demo.Audience)
	slash := issuer.Good().Set("iss", issuer.URL()+"/")
	invalid := rejected(401, "invalid_token", "")
	return []step{
		{path: "/me", what: "a token for another API", send: bearer(issuer.WrongAudience()), want: invalid.because("audience")},
		{path: "/me", what: "an iss with a slash at the end", send: bearer(slash), want: invalid.because("issuer")},
		{path: "/me", what: "an expired token", send: bearer(issuer.Expired()), want: invalid.because("expired")},
		{path: "/me", what: "an ID token", send: bearer(idToken), want: invalid.because("type")},
		{path: "/me", what: "a token of another issuer", send: bearer(stranger.AccessToken()), want: invalid.because("issuer")},
		{path: "/me", what: "a token with a forged signature", send: bearer(forged), want: invalid.because("signature")},
		{path: "/me", what: "an unsigned token (alg none)", send: bearer(unsigned(issuer)), want: invalid.because("algorithm")},
	}
}

func rules(issuer *demo.Issuer) []step {
	lacksScope := rejected(403, "insufficient_scope", "orders:read").because("scope")
	otherClaim := issuer.NoScope().Set("permissions", []string{"orders:read"})
	return []step{
		{path: "/orders", what: "a token without the scope", send: bearer(issuer.NoScope()), want: lacksScope},
		{path: "/orders", what: "a token with the scope in another claim", send: bearer(otherClaim), want: lacksScope},
		{path: "/orders", what: "a token with the scope", send: bearer(issuer.Good()), want: greeted()},
		{path: "/admin", what: "a token without the role", send: bearer(issuer.Good()), want: rejected(403, "", "").because("policy")},
		{path: "/admin", what: "a token with the role", send: bearer(issuer.Admin()), want: greeted()},
	}
}

// rotated returns the steps after the first rotation. The API already has the new key, because it was announced.
func rotated(issuer *demo.Issuer, first *bearertest.Token) []step {
	return []step{
		{path: "/me", what: "keys rotated: signed with the new key", send: bearer(issuer.Good()), want: greeted()},
		{path: "/me", what: "keys rotated: signed with the old key, still published", send: bearer(first), want: greeted()},
	}
}

// rotatedAgain returns the steps after the second rotation. The API fetches the key set for the unknown key. The new set does
// not contain the first key.
func rotatedAgain(issuer *demo.Issuer, first *bearertest.Token) []step {
	gone := rejected(401, "invalid_token", "").because("unknown_key")
	return []step{
		{path: "/me", what: "keys rotated again: signed with an unknown key", send: bearer(issuer.Good()), want: greeted()},
		{path: "/me", what: "keys rotated again: signed with the withdrawn first key", send: bearer(first), want: gone},
	}
}

func warmOutage(issuer *demo.Issuer) []step {
	return []step{
		{path: "/me", what: "issuer down, keys cached: a good token", send: bearer(issuer.Good()), want: greeted()},
		{path: "/readyz", what: "issuer down, keys cached: readiness probe", want: isReady()},
	}
}

// coldOutage returns the steps for an API that starts during an outage. Without keys it cannot verify a token: 503. A token
// that no key could make valid is rejected: 401.
func coldOutage(issuer *demo.Issuer) []step {
	unavailable := rejected(503, "", "").because("keys_unavailable")
	invalid := rejected(401, "invalid_token", "").because("algorithm")
	return []step{
		{path: "/me", what: "issuer down, no keys yet: a good token", send: bearer(issuer.Good()), want: unavailable},
		{path: "/me", what: "issuer down, no keys yet: an unsigned token", send: bearer(unsigned(issuer)), want: invalid},
		{path: "/readyz", what: "issuer down, no keys yet: readiness probe", want: notReady()},
		{path: "/healthz", what: "issuer down, no keys yet: liveness probe", want: isAlive()},
	}
}

func unsigned(issuer *demo.Issuer) *bearertest.Token { return issuer.Good().SignWith("none", nil) }

func bearer(token *bearertest.Token) []string { return []string{"Bearer " + token.Sign()} }
