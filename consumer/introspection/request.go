package introspection

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/clock"
)

// introspect sends one token to the server, and checks the response. known is true if the token was active before. asked is
// when the request was sent.
func (v *Verifier) introspect(ctx context.Context, raw string, known bool) (asked clock.Instant, t *consumer.Token, err error) {
	response, asked, err := v.request(ctx, raw, known)
	if err != nil {
		return asked, nil, err
	}
	if !response.Active() {
		return asked, nil, v.reject(consumer.ReasonInactive, "the authorization server reports that the token is not active")
	}
	t, err = v.check(ctx, response)
	return asked, t, err
}

// request sends one request, as soon as there is a free place.
func (v *Verifier) request(ctx context.Context, raw string, known bool) (*client.Introspection, clock.Instant, error) {
	release, ok := v.places.take(ctx, known)
	if !ok {
		return nil, clock.Instant{}, v.unavailable("no place was free within Config.Timeout (Config.MaxConcurrent)", nil)
	}
	defer release()
	test, ok := v.breaker.admit(time.Now()) // again: a pause may have begun during the wait
	if !ok {
		return nil, clock.Instant{}, v.paused()
	}
	result := outcome{failed: true} // if the code of the application panics
	defer func() {
		if pause := v.breaker.record(test, result, time.Now()); pause > 0 {
			v.logPause(ctx, pause)
		}
	}()
	asked := clock.Now() // before the request: the token may be revoked before the response arrives
	response, err := v.cfg.Client.Introspect(ctx, raw, "access_token")
	if err == nil {
		result = outcome{}
		v.state.succeed()
		return response, asked, nil
	}
	f := v.failureOf(err)
	err = withoutBody(err, raw)
	result = outcome{failed: f.counts, retryAfter: f.retryAfter}
	if f.rejected {
		v.state.succeed()
		return nil, asked, v.reject(consumer.ReasonInactive, f.detail)
	}
	v.state.fail(errors.New("introspection: " + f.detail))
	v.logFailure(ctx, f, err)
	return nil, asked, v.unavailable(f.detail, err)
}

// failure is what an error of the client means.
type failure struct {
	kind       failureKind
	detail     string // for the error and the log; without any part of the token
	rejected   bool   // the server does not introspect such a token
	counts     bool   // for the breaker: the server is not available, or rejects every request
	retryAfter time.Duration
}

// failureKind is a kind of failure that is logged separately.
type failureKind int

const (
	noResponse failureKind = iota
	badResponse
	credentials   // the server rejects the client
	misconfigured // the request could not be made
	failureKinds
)

// isOurFault reports whether only the operator of the API can solve the problem.
func (k failureKind) isOurFault() bool { return k == credentials || k == misconfigured }

// failureOf reads an error of Client.Introspect. A response that may depend on the token does not count for the breaker:
// otherwise anyone could stop all introspections with a few malformed tokens.
func (v *Verifier) failureOf(err error) failure {
	e, ok := errors.AsType[*client.Error](err)
	switch {
	case ok && e.Status == http.StatusBadRequest && errors.Is(e, client.ErrUnsupportedTokenType):
		return failure{rejected: true, detail: "the authorization server does not introspect tokens of this type (unsupported_token_type)"}
	case ok && rejectsClient(e):
		return failure{
			// A firewall in front of the server may reject a token with 403. It sends no error code.
			kind: credentials, counts: e.Status != http.StatusForbidden || e.Code != "", retryAfter: e.RetryAfter,
			detail: fmt.Sprintf("the authorization server rejects the client with status %d (Config.Client)", e.Status),
		}
	case ok && errors.Is(e, client.ErrUnavailable):
		return failure{
			kind: noResponse, counts: true, retryAfter: e.RetryAfter,
			detail: fmt.Sprintf("the authorization server is unavailable: status %d", e.Status),
		}
	case ok:
		return failure{kind: badResponse, detail: fmt.Sprintf("the response of the authorization server is not valid: status %d", e.Status)}
	case errors.Is(err, context.DeadlineExceeded):
		return failure{kind: noResponse, counts: true, detail: fmt.Sprintf("no response within %v (Config.Timeout)", v.cfg.Timeout)}
	case errors.Is(err, client.ErrBadResponse):
		return failure{kind: badResponse, detail: "the response of the authorization server is not valid"}
	case errors.Is(err, client.ErrUnavailable):
		return failure{kind: noResponse, counts: true, detail: "the authorization server could not be reached"}
	}
	return failure{kind: misconfigured, detail: "the request could not be made (Config.Client)"}
}

// withoutBody returns err without the texts of the server that may quote the token. Otherwise the token could stay in memory,
// or in a log of the application.
func withoutBody(err error, raw string) error {
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		return err
	}
	kept := *e
	kept.Description, kept.URI, kept.Challenge, kept.Body = "", "", "", nil
	if strings.Contains(kept.Code, raw) {
		kept.Code = ""
	}
	return &kept
}

// rejectsClient reports whether the server rejected the credentials of the client, or does not allow it to introspect.
func rejectsClient(e *client.Error) bool {
	return e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden || strings.Contains(e.Code, "client")
}

// paused returns the error for a request that is not sent.
func (v *Verifier) paused() error {
	return v.unavailable("requests pause after failures of the authorization server", nil)
}
