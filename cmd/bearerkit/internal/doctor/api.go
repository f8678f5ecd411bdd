package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/internal/challenge"
	"github.com/bearerkit/bearerkit/internal/fetch"
)

// reply is a response of the API.
type reply struct {
	status     int
	header     http.Header
	body       string
	challenges []challenge.Challenge
	err        error // there is no response, or its challenges cannot be parsed
}

// maxBody is how much of a response of the API is read.
const maxBody = 64 << 10

// send requests the API with these values of Authorization. It uses http only on this machine, whatever InsecureAllowHTTP says: that
// setting is about the issuer, and the request may have the token of the user.
func (d *doctor) send(ctx context.Context, authorization ...string) reply {
	header := http.Header{"Accept": {"application/json, */*;q=0.5"}}
	if len(authorization) > 0 {
		header["Authorization"] = authorization
	}
	resp, err := fetch.Send(ctx, http.MethodGet, d.api, nil, fetch.Options{
		Client: d.client, Header: header, MaxBytes: maxBody, Timeout: d.apiTimeout(),
	})
	if large, ok := errors.AsType[*fetch.TooLargeError](err); ok && large.Status/100 == 2 {
		return reply{status: large.Status} // a long list of orders, for example; nothing but the status is needed
	}
	if err != nil {
		return reply{err: err}
	}
	r := reply{status: resp.Status, header: resp.Header, body: string(resp.Body)}
	r.challenges, r.err = challenge.Parse(resp.Header.Values("WWW-Authenticate"))
	return r
}

// bearer returns the challenge of the scheme Bearer or DPoP.
func (r reply) bearer() (challenge.Challenge, bool) {
	i := slices.IndexFunc(r.challenges, func(c challenge.Challenge) bool {
		return strings.EqualFold(c.Scheme, "Bearer") || strings.EqualFold(c.Scheme, "DPoP")
	})
	if i < 0 {
		return challenge.Challenge{}, false
	}
	return r.challenges[i], true
}

// code returns the error code of the challenges.
func (r reply) code() string {
	for _, c := range r.challenges {
		if code := c.Params["error"]; code != "" {
			return code
		}
	}
	return ""
}

// A token that no issuer has created.
const garbage = "doctor.garbage.token"

// checkAPI sends requests to the running API, and checks its responses.
func (d *doctor) checkAPI(ctx context.Context) {
	if d.api == "" {
		return
	}
	d.progress.Step("requesting " + cli.URL(d.api))
	without := d.send(ctx)
	if !d.reachable(without) {
		return
	}
	if !d.checkWithout(without) {
		return
	}
	d.checkGarbage(ctx)
	d.checkScheme(ctx)
	d.checkTwo(ctx)
	d.checkWith(ctx)
	d.checkResource(ctx, without)
}

// reachable adds a finding if the API did not send a response.
func (d *doctor) reachable(r reply) bool {
	if r.status != 0 {
		return true
	}
	f := Finding{Check: "api", Severity: Problem, Found: fmt.Sprintf("The API does not respond: %v.", r.err), Actor: ActorAPI}
	switch {
	case isTLS(r.err):
		f.Change = tlsAdvice(r.err)
	case isA[*fetch.RedirectError](r.err):
		f.Found = fmt.Sprintf("The API redirects a request without a token: %v.", r.err)
		f.Change = "Use the final URL of the API: a client must not follow a redirect with a token. If the target is a page for signing in, put the " +
			"Guard in front of the handler that redirects, because clients of an API need the status 401."
	case isA[*fetch.URLError](r.err):
		f.Change = "Use the https URL of the API. A token must not be sent without TLS."
	default:
		f.Change = "Start the API, or correct the URL."
	}
	d.add(f)
	return false
}

// adviceForOpen says what to do if a request without a token gets neither 401 nor a failure, and which field controls it.
func adviceForOpen(r reply) (change, field string) {
	switch {
	case r.status == http.StatusForbidden:
		return "Find out what rejects the request in front of the Guard, such as a firewall, a proxy or a check of cookies: the Guard responds " +
			"to a request without a token with 401.", ""
	case r.status == http.StatusMethodNotAllowed:
		return "Use the URL of a guarded route that accepts GET. If this is one, put the Guard in front of the router.", ""
	case strings.HasPrefix(strings.ToLower(r.header.Get("Content-Type")), "text/html"):
		return "Use the URL of a guarded route: the response is an HTML page. If this is one, put the Guard in front of the handler that shows " +
			"the page.", ""
	}
	return "Guard this route: wrap its handler with Guard.With or Guard.Handler. If it is guarded, Config.Optional must be false.", inMiddleware + "Optional"
}

// checkWithout checks the response to a request without a token. It returns false if the API is not guarded.
func (d *doctor) checkWithout(r reply) bool {
	f := Finding{Check: "api.challenge", Severity: Problem, Actor: ActorAPI}
	c, there := r.bearer()
	switch {
	case r.status >= 500:
		f.Found = fmt.Sprintf("Without a token, the API responds with status %d.", r.status)
		f.Change = "Look at the log of the API. If the Guard reports a fault of the Verifier, check the Verifier."
		f.Field = inMiddleware + "Verifier"
		d.add(f)
		return false
	case r.status == http.StatusNotFound:
		f.Found = "Without a token, the API responds with status 404."
		f.Change = "Use the URL of a guarded route. If this is one, put the Guard in front of the router."
		d.add(f)
		return false
	case r.status != http.StatusUnauthorized:
		f.Found = fmt.Sprintf("Without a token, the API responds with status %d, expected 401.", r.status)
		f.Change, f.Field = adviceForOpen(r)
		d.add(f)
		return false
	case r.err != nil || !there:
		f.Found = "Without a token, the API responds with status 401, but without a Bearer challenge in WWW-Authenticate (RFC 6750 section 3)."
		f.Change = "Let the Guard write the response: call Guard.Deny, and set WWW-Authenticate in your own DenyHandler and error pages of proxies."
		f.Field = inMiddleware + "DenyHandler"
		d.add(f)
		return true
	case c.Params["error"] != "":
		f.Severity = Warning
		f.Found = fmt.Sprintf("Without a token, the challenge has the error %s. It should have none (RFC 6750 section 3.1).", cli.Quote(c.Params["error"]))
		f.Change, f.Field = "Omit error if the request has no credentials.", inMiddleware+"DenyHandler"
		d.add(f)
		return true
	}
	d.ok("api.challenge", inMiddleware+"Realm", "Without a token, the API responds with 401 and a challenge.")
	return true
}

// checkGarbage checks the responses to tokens that are not valid, and whether they say why.
func (d *doctor) checkGarbage(ctx context.Context) {
	r := d.send(ctx, "Bearer "+garbage)
	f := Finding{Check: "api.invalid", Severity: Problem, Actor: ActorAPI, Field: inConsumer + "Keys"}
	switch {
	case r.status == http.StatusUnauthorized && r.code() == "invalid_token":
		d.ok(f.Check, "", "An invalid token gets 401 with the error invalid_token.")
	case r.status == http.StatusUnauthorized:
		f.Severity, f.Field = Warning, inMiddleware+"DenyHandler"
		f.Found = fmt.Sprintf("An invalid token gets 401 with the error %s, expected invalid_token (RFC 6750 section 3.1).", cli.Quote(r.code()))
		f.Change = "Write the challenge with Guard.Deny, so that clients know that they need a new token."
		d.add(f)
	case r.status == http.StatusServiceUnavailable:
		f.Found = "An invalid token gets 503: the API has no keys, or cannot reach the issuer."
		f.Change = "Look at the log of the API. It must be able to fetch the metadata and the keys."
		d.add(f)
	default:
		f.Found, f.Field = fmt.Sprintf("An invalid token gets status %d, expected 401.", r.status), inMiddleware+"Verifier"
		f.Change = "Guard this route, and let the Guard decide about every credential."
		d.add(f)
	}
	d.checkForged(ctx, r)
}

// checkScheme checks the response to another scheme.
func (d *doctor) checkScheme(ctx context.Context) {
	r := d.send(ctx, "Basic ZG9jdG9yOmRvY3Rvcg==") // doctor:doctor
	if r.status == http.StatusUnauthorized {
		d.ok("api.scheme", inMiddleware+"TokenSources", "Credentials of another scheme get 401.")
		return
	}
	d.add(Finding{
		Check: "api.scheme", Severity: Problem, Found: fmt.Sprintf("Credentials with the scheme Basic get status %d, expected 401.", r.status),
		Change: "Guard this route, and let no other middleware in front of the Guard accept credentials.", Actor: ActorAPI, Field: inMiddleware + "TokenSources",
	})
}

// checkTwo checks the response to a request with two tokens.
func (d *doctor) checkTwo(ctx context.Context) {
	r := d.send(ctx, "Bearer "+garbage, "Bearer "+garbage+"2")
	switch r.status {
	case http.StatusBadRequest:
		d.ok("api.two", inMiddleware+"TokenSources", "Two Authorization headers get 400.")
	case http.StatusUnauthorized:
		d.add(Finding{
			Check: "api.two", Severity: Warning, Found: "Two Authorization headers get 401, expected 400 (RFC 6750 section 2).",
			Change: "Check the proxies in front of the API: one of them joins or removes headers. The Guard responds with 400.", Actor: ActorAPI,
			Field: inMiddleware + "TokenSources",
		})
	default:
		d.add(Finding{
			Check: "api.two", Severity: Problem, Found: fmt.Sprintf("Two Authorization headers get status %d, expected 400 (RFC 6750 section 2).", r.status),
			Change: "Let the Guard read the credentials. If it does, check the proxies in front of the API.", Actor: ActorAPI, Field: inMiddleware + "TokenSources",
		})
	}
}
