package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	maxStepUps       = 3                // sign-ins that one request waits for
	signInPause      = 30 * time.Second // after a sign-in that failed or did not help, before the next one for the same reason
	maxFailedStepUps = 100              // requirements whose last sign-in failed, for each Transport
	defaultSignIn    = 10 * time.Minute // for one sign-in of the user
)

// StepUpError says that an API requires more than the access token has, and that a new sign-in failed, did not help, or
// would not help. It contains no token.
type StepUpError struct {
	// Scopes, ACRValues and MaxAge are what the API requires: the scopes of a 403 response with the error code
	// insufficient_scope (RFC 6750, Section 3.1), or the values of a 401 response with insufficient_user_authentication
	// (RFC 9470, Section 3).
	Scopes    []string
	ACRValues []string
	MaxAge    time.Duration

	// Granted lists the scopes of the token that the API did not accept. If the authorization server did not grant Scopes,
	// these are the scopes of the new token.
	Granted []string

	// Err is the error of the sign-in. If there was no sign-in, or if it did not help, Err says why.
	Err error
}

// Error returns a text that names the required scopes, and contains the text of Err.
func (e *StepUpError) Error() string {
	required := "a stronger or more recent sign-in"
	if len(e.Scopes) > 0 {
		required = "the scopes " + clip(quoted(e.Scopes))
	}
	return fmt.Sprintf("client: the API requires %s: %v", required, e.Err)
}

// Unwrap returns Err.
func (e *StepUpError) Unwrap() error { return e.Err }

// The reasons for which a step-up ends. StepUpError.Err wraps them.
var (
	errAlreadyGranted = errors.New("the token has these scopes already")
	errNotGranted     = errors.New("the authorization server did not grant all of them")
	errNoEffect       = errors.New("the API rejects the token of the new sign-in too")
	errTooManyStepUps = fmt.Errorf("one request needed more than %d sign-ins", maxStepUps)
	errTooManyScopes  = fmt.Errorf("together with the scopes of the token, these are more than %d", maxSignInScopes)
)

// stepUps signs the user in again if an API requires more than the token has. All requests of one [Transport] share it. Make one
// with newStepUps; the zero value cannot be used.
type stepUps struct {
	source *TokenSource
	signIn func(context.Context, AuthorizationOptions) (*Token, error)
	limit  time.Duration // for one sign-in
	budget *signInBudget // for those that fail, and those that provide no further scopes

	mu      sync.Mutex                       // guards the fields below
	running *stepUp                          // in progress; nil if there is none
	failed  *lru.Cache[string, failedStepUp] // by requirement.key
}

// stepUp is one sign-in. All requests that need it wait for done. err is set before done is closed.
type stepUp struct {
	key   string // of the requirement
	isNew bool   // it requests scopes that were not requested before
	done  chan struct{}
	err   error
}

type failedStepUp struct {
	err   error
	until time.Time // only limits the rate of sign-ins, so the monotonic clock is enough
}

func newStepUps(source *TokenSource, signIn func(context.Context, AuthorizationOptions) (*Token, error), limit time.Duration, budget *signInBudget) *stepUps {
	return &stepUps{source: source, signIn: signIn, limit: limit, budget: budget, failed: newLRU[string, failedStepUp](maxFailedStepUps)}
}

// attempts counts the sign-ins that one request waited for.
type attempts struct {
	count int
	keys  []string // of the requirements of these sign-ins
}

// token returns a token for need, the requirement in the response to a request with the token sent. If the current token is not
// the one that was sent and has the required scopes, token returns it. Otherwise, it signs the user in, or waits for the
// sign-in of another request.
func (s *stepUps) token(ctx context.Context, sent *Token, need requirement, tried *attempts) (*Token, error) {
	key := need.key()
	if slices.Contains(tried.keys, key) { // a sign-in for the same requirement has already succeeded for this request
		return nil, s.fail(need, sent.Scopes, errNoEffect)
	}
	for {
		current, err := s.source.token(ctx)
		if err != nil {
			return nil, err
		}
		isOther := current.AccessToken != sent.AccessToken
		if isOther && need.isMetBy(current.Scopes) {
			return current, nil
		}
		n, err := s.join(ctx, current, need, tried)
		if err != nil {
			return nil, err
		}
		if err := n.wait(ctx); err != nil && (n.key == key || ctx.Err() != nil) {
			return nil, err
		}
		if n.key == key {
			tried.keys = append(tried.keys, key)
			return s.source.token(ctx)
		}
	}
}

// isMetBy reports whether a token with these scopes may meet the requirement. It returns false for a requirement of acr_values or
// max_age, which only a sign-in can meet.
func (r requirement) isMetBy(scopes []string) bool {
	return r.isAboutScopes() && len(missing(r.scopes, scopes)) == 0
}

// isAboutScopes reports whether the requirement names scopes and nothing else.
func (r requirement) isAboutScopes() bool {
	return len(r.acr) == 0 && r.maxAge == 0 && len(r.scopes) > 0
}

// join returns the sign-in that is in progress, or starts one. It returns an error if a sign-in for need would not help, or
// if the last one failed a short time ago.
func (s *stepUps) join(ctx context.Context, current *Token, need requirement, tried *attempts) (*stepUp, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := need.key()
	scopes := s.source.scopesWith(current, need.scopes)
	last, isRemembered := s.failed.Get(key)
	switch {
	case s.running != nil && s.running.key != key:
		return s.running, nil
	case s.running == nil && isRemembered && time.Now().Before(last.until):
		return nil, last.err
	case s.running == nil && need.isMetBy(current.Scopes):
		return nil, stepUpError(need, current.Scopes, errAlreadyGranted)
	case len(scopes) > maxSignInScopes:
		return nil, stepUpError(need, current.Scopes, errTooManyScopes)
	}
	if tried.count++; tried.count > maxStepUps {
		return nil, stepUpError(need, current.Scopes, errTooManyStepUps)
	}
	if s.running != nil {
		return s.running, nil
	}
	if s.budget.isSpent() {
		return nil, stepUpError(need, current.Scopes, errTooManySignIns)
	}
	isNew := need.isAboutScopes() && len(missing(need.scopes, s.source.scopesWith(new(Token), nil))) > 0
	n := &stepUp{key: key, isNew: isNew, done: make(chan struct{}), err: errPanic}
	s.running = n
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.limit) // other requests may wait for it
	go func() {
		defer cancel()
		defer s.finish(n, need, current)
		defer func() { _ = recover() }() // a panic here would end the process; callers get errPanic
		n.err = s.run(ctx, current, need, scopes)
	}()
	return n, nil
}

// run signs the user in and makes the new token the current one. A new token without the required scopes is not used, because
// the current token may have scopes that the new one does not have.
func (s *stepUps) run(ctx context.Context, current *Token, need requirement, scopes []string) error {
	token, err := s.signIn(ctx, AuthorizationOptions{
		Scopes: slices.Clone(scopes), ACRValues: need.acr, MaxAge: need.maxAge, Subject: subjectOf(current, scopes),
	})
	switch {
	case err != nil:
		return stepUpError(need, current.Scopes, err)
	case token == nil || token.AccessToken == "":
		return stepUpError(need, current.Scopes, errors.New("the function for the sign-in returned neither an access token nor an error"))
	case len(missing(token.Scopes, scopes)) == 0 && len(missing(need.scopes, token.Scopes)) > 0:
		// This case is only for servers that grant the requested scopes by name. If a granted scope was not requested, the
		// server uses other names for scopes, and only the API can decide whether the token has enough of them.
		return stepUpError(need, token.Scopes, errNotGranted)
	}
	if err := s.source.adopt(ctx, token, scopes); err != nil {
		return stepUpError(need, current.Scopes, err)
	}
	return nil
}

// subjectOf returns the user who must sign in again: the one of the ID token that was received with the current token. It
// returns "" if there is none, or if the sign-in has no ID token.
func subjectOf(current *Token, scopes []string) string {
	if !isOpenID(scopes) {
		return ""
	}
	if current.IDClaims != nil {
		return current.IDClaims.Subject()
	}
	claims, err := unverified(current.IDToken) // it was verified when it was received
	if err != nil {
		return ""
	}
	subject, _ := claims.OptionalText("sub")
	return subject
}

// finish wakes the requests that wait for n.
func (s *stepUps) finish(n *stepUp, need requirement, current *Token) {
	defer close(n.done)
	if n.err != nil {
		if _, ok := errors.AsType[*StepUpError](n.err); !ok {
			n.err = stepUpError(need, current.Scopes, n.err)
		}
	}
	if n.err != nil || !n.isNew {
		s.budget.spend() // the number of scopes limits the others
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = nil
	if n.err == nil {
		s.failed.Remove(n.key)
		return
	}
	s.failed.Add(n.key, failedStepUp{n.err, time.Now().Add(signInPause)})
}

// wait waits for n and returns its error. If ctx ends first, wait returns its error, and the sign-in continues.
func (n *stepUp) wait(ctx context.Context) error {
	select {
	case <-n.done:
		return n.err
	case <-ctx.Done():
		return fmt.Errorf("client: waiting for a sign-in: %w", ctx.Err())
	}
}

// fail returns the error of a requirement that a sign-in did not meet. It stores the error, so that further requests with the same
// requirement get it for signInPause.
func (s *stepUps) fail(need requirement, granted []string, why error) error {
	err := stepUpError(need, granted, why)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed.Add(need.key(), failedStepUp{err, time.Now().Add(signInPause)})
	return err
}

func stepUpError(need requirement, granted []string, why error) *StepUpError {
	return &StepUpError{
		Scopes: slices.Clone(need.scopes), ACRValues: slices.Clone(need.acr), MaxAge: need.maxAge,
		Granted: slices.Clone(granted), Err: why,
	}
}

// Format implements [fmt.Formatter]. For every verb, it prints the text of [StepUpError.Error].
func (e StepUpError) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.Error()) }

// LogValue implements [slog.LogValuer]. It has the text of [StepUpError.Error].
func (e StepUpError) LogValue() slog.Value { return slog.StringValue(e.Error()) }
