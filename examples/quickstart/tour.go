package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

var errTour = errors.New("the tour failed: see WRONG in the table")

// takeTour sends the whole story to an API that newAPI makes, over real sockets, and prints what is answered. Its error
// says that an answer is not the right one.
func takeTour(ctx context.Context, stdout io.Writer, newAPI func(issuer string) (http.Handler, error)) error {
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

	issuer.Announce() // the key that the first rotation changes to
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
	fmt.Fprintf(stdout, "\nThe API asked the issuer for its keys %d times: at first, and for the two keys that it did not have.\n", fetches)
	if slices.ContainsFunc(shown, step.wrong) {
		return errTour
	}
	fmt.Fprintf(stdout, "All %d answers are as they should be.\n", len(shown))
	return nil
}

// fresh: nobody has sent a token yet, so it is the probe that gets the keys.
func fresh() []step {
	return []step{
		{path: "/healthz", what: "alive?", want: isAlive()},
		{path: "/readyz", what: "ready? (the probe gets the keys)", patient: true, want: isReady()},
	}
}

func credentials(issuer *demo.Issuer) []step {
	good := bearer(issuer.Good())
	return []step{
		{path: "/", what: "a public route", want: welcomed()},
		{path: "/me", what: "no token", want: refused(401, "", "")},
		{path: "/me", what: "a password (Basic)", send: []string{"Basic YWxpY2U6c2VjcmV0"}, want: refused(401, "", "")},
		{path: "/me", what: "two Authorization lines", send: slices.Concat(good, good), want: refused(400, "invalid_request", "")},
		{path: "/me", what: "a good token", send: good, want: greeted()},
	}
}

// badTokens is what an attacker sends, and clients that took the wrong token. The answer never tells what is wrong.
func badTokens(issuer *demo.Issuer) []step {
	stranger := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: demo.Audience, Algorithms: []string{"ES256"}})
	forged := stranger.AccessToken().Set("iss", issuer.URL())
	idToken := issuer.IDToken().Set("aud", demo.Audience)
	invalid := refused(401, "invalid_token", "")
	return []step{
		{path: "/me", what: "a token for another API", send: bearer(issuer.WrongAudience()), want: invalid},
		{path: "/me", what: "an expired token", send: bearer(issuer.Expired()), want: invalid},
		{path: "/me", what: "an ID token", send: bearer(idToken), want: invalid},
		{path: "/me", what: "a token of another issuer", send: bearer(stranger.AccessToken()), want: invalid},
		{path: "/me", what: "a token with a forged signature", send: bearer(forged), want: invalid},
		{path: "/me", what: "a token that is not signed (alg none)", send: bearer(unsigned(issuer)), want: invalid},
	}
}

func rules(issuer *demo.Issuer) []step {
	lacksScope := refused(403, "insufficient_scope", "orders:read")
	return []step{
		{path: "/orders", what: "a token without the scope", send: bearer(issuer.NoScope()), want: lacksScope},
		{path: "/orders", what: "a token with the scope", send: bearer(issuer.Good()), want: greeted()},
		{path: "/admin", what: "a token without the role", send: bearer(issuer.Good()), want: refused(403, "", "")},
		{path: "/admin", what: "a token with the role", send: bearer(issuer.Admin()), want: greeted()},
	}
}

// rotated: the API has the new key already, since it was announced.
func rotated(issuer *demo.Issuer, first *bearertest.Token) []step {
	return []step{
		{path: "/me", what: "keys rotated: signed with the new key", send: bearer(issuer.Good()), want: greeted()},
		{path: "/me", what: "keys rotated: signed with the old key, still published", send: bearer(first), want: greeted()},
	}
}

// rotatedAgain: the API asks for the new key when it meets it, and with the same answer learns that the first is gone.
func rotatedAgain(issuer *demo.Issuer, first *bearertest.Token) []step {
	gone := refused(401, "invalid_token", "")
	return []step{
		{path: "/me", what: "keys rotated again: signed with a key not seen before", send: bearer(issuer.Good()), want: greeted()},
		{path: "/me", what: "keys rotated again: signed with the first key, withdrawn", send: bearer(first), want: gone},
	}
}

func warmOutage(issuer *demo.Issuer) []step {
	return []step{
		{path: "/me", what: "issuer down, keys held: a good token", send: bearer(issuer.Good()), want: greeted()},
		{path: "/readyz", what: "issuer down, keys held: ready?", want: isReady()},
	}
}

// coldOutage: without keys nobody can tell whether a token is good, and that is not its sender's fault. But what is no
// good with any key stays refused.
func coldOutage(issuer *demo.Issuer) []step {
	unavailable, invalid := refused(503, "", ""), refused(401, "invalid_token", "")
	return []step{
		{path: "/me", what: "issuer down, no keys yet: a good token", send: bearer(issuer.Good()), want: unavailable},
		{path: "/me", what: "issuer down, no keys yet: a token that is not signed", send: bearer(unsigned(issuer)), want: invalid},
		{path: "/readyz", what: "issuer down, no keys yet: ready?", want: notReady()},
		{path: "/healthz", what: "issuer down, no keys yet: alive?", want: isAlive()},
	}
}

func unsigned(issuer *demo.Issuer) *bearertest.Token { return issuer.Good().SignWith("none", nil) }

func bearer(token *bearertest.Token) []string { return []string{"Bearer " + token.Sign()} }
