package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/challenge"
)

// rejection is what the response of an API says about the access token in the request.
type rejection int

const (
	// notRejected: the status is not 401, or the response requires something that a new token does not provide.
	notRejected rejection = iota

	// unclear: the status is 401, and the response does not say why. Many APIs send no challenge, a challenge without an
	// error, or one of another scheme.
	unclear

	// rejected: the API says that the token is not valid (RFC 6750, Section 3.1).
	rejected
)

// rejectionIn returns what a response says about the token. needsNonce reports whether the API requires a nonce in the DPoP
// proof (RFC 9449, Section 9).
func rejectionIn(resp *http.Response) (r rejection, needsNonce bool) {
	if resp.StatusCode != http.StatusUnauthorized {
		return notRejected, false
	}
	challenges, _ := challenge.Parse(resp.Header.Values("WWW-Authenticate")) // one that cannot be parsed says nothing
	invalid, other := false, false
	for _, c := range challenges {
		scheme, code := strings.ToLower(c.Scheme), c.Params["error"]
		switch {
		case scheme != "bearer" && scheme != "dpop":
		case code == string(ErrInvalidToken):
			invalid = true
		case isAboutRequest(code):
			other = true
			needsNonce = needsNonce || scheme == "dpop" && code == string(ErrUseDPoPNonce)
		}
	}
	switch {
	case invalid:
		return rejected, needsNonce
	case other:
		return notRejected, needsNonce
	}
	return unclear, false
}

// isAboutRequest reports whether an error code of a challenge is about something that a new token for the same user and the
// same scopes does not change: insufficient_scope (RFC 6750, Section 3.1), insufficient_user_authentication (RFC 9470,
// Section 3), the form of the request, or its DPoP proof.
func isAboutRequest(code string) bool {
	switch ErrorCode(code) {
	case ErrInvalidRequest, ErrUseDPoPNonce, ErrInvalidDPoPProof:
		return true
	default:
		return strings.HasPrefix(code, "insufficient_")
	}
}

// errRejectedAgain says that an API rejected a token too soon after it rejected the last one.
var errRejectedAgain = errors.New("client: the API rejects new tokens too")

// after returns a token other than token, which an API did not accept. It starts at most one renewal in rejectedPause, so
// that an API that rejects every token does not cause a stream of renewals.
func (s *TokenSource) after(ctx context.Context, token *Token, why rejection) (*Token, error) {
	n, err := s.renewRejected(ctx, token, why)
	switch {
	case err != nil:
		return nil, err
	case n == nil: // another caller has renewed it, or it has ended
		return s.token(ctx)
	}
	return n.wait(ctx)
}

// renewRejected starts a renewal for after, or joins one. It returns nil if token is not the current token.
func (s *TokenSource) renewRejected(ctx context.Context, token *Token, why rejection) (*renewal, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == nil || s.held.AccessToken != token.AccessToken {
		return nil, nil //nolint:nilnil // see above
	}
	s.rejection = max(s.rejection, why)
	if s.endLocked(s.failure) { // the refresh token was rejected before
		s.failure = rejectedByAPI(s.failure)
		return nil, s.failure
	}
	if s.renewal == nil && time.Now().Before(s.rejectAt) {
		return nil, errRejectedAgain
	}
	n, err := s.renewLocked(ctx, token, true)
	if err == nil {
		s.rejectAt = time.Now().Add(rejectedPause)
	}
	return n, err
}

// rejectedByAPI adds ErrInvalidToken to an error that matches ErrNoToken.
func rejectedByAPI(err error) error {
	if !errors.Is(err, ErrNoToken) || errors.Is(err, ErrInvalidToken) {
		return err
	}
	return fmt.Errorf("%w; an API has rejected the access token: %w", err, ErrInvalidToken)
}

// endLocked ends the current token if an API has rejected it and err, the error of a renewal, says that there will be no
// other token without the user. It reports whether it did.
//
// If the response of the API is unclear, and the server has not rejected a refresh token, a token with a known expiry is
// kept: the API may have meant something else, such as a wrong password in the request. Without an expiry, the response of an
// API is the only sign that the token has ended.
func (s *TokenSource) endLocked(err error) bool {
	_, refused := errors.AsType[*Error](err)
	switch {
	case s.held == nil, s.rejection == notRejected, !errors.Is(err, ErrNoToken):
		return false
	case s.rejection == unclear && !refused && s.expires:
		return false
	}
	s.ended, s.held = s.held, nil
	return true
}
