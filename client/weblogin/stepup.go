package weblogin

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/internal/clock"
)

// StepUpError says that an API behind a Proxy requires a stronger or more recent sign-in (RFC 9470). Config.ErrorHandler
// receives it if a browser has opened a page of the API. If the request came from a script, the App responds with the error
// insufficient_user_authentication, and does not call ErrorHandler.
type StepUpError struct {
	// Login is the local URL that starts the required sign-in. It works for 10 minutes. Show it as a link. Do not redirect
	// to it: if the server cannot meet the requirement, the redirects would not end.
	Login string
}

// Error returns a text without the URL.
func (e *StepUpError) Error() string {
	return "weblogin: the API requires a stronger or more recent sign-in"
}

// stepUp is what an API requires of a sign-in, and the user who must sign in. The browser sends it, encrypted, as a
// parameter of the login. The encryption ensures that the requirement comes from the API, and not from a link on another
// site.
type stepUp struct {
	ACR     []string      `json:"acr,omitzero"`
	MaxAge  time.Duration `json:"age,omitzero"`
	Subject string        `json:"sub,omitzero"` // the user who must sign in; empty: the login has no ID token
	Expires time.Time     `json:"exp"`
}

const (
	stepUpParam    = "step_up"
	stepUpLifetime = 10 * time.Minute
	maxACRBytes    = 512     // of all acr_values in a challenge: they become part of a URL and of a cookie
	maxStepUpBytes = 2 << 10 // of a sealed requirement: JSON makes some characters longer
)

// stepUpIn returns an error if the response of an API requires a stronger sign-in of the user.
func (a *App) stepUpIn(resp *http.Response, u *User) error {
	if resp.StatusCode != http.StatusUnauthorized {
		return nil
	}
	o, ok := client.AuthorizationOptions{}.StepUp(resp.Header)
	if !ok || len(strings.Join(o.ACRValues, " ")) > maxACRBytes {
		return nil
	}
	sealed, err := a.sealed(stepUp{o.ACRValues, o.MaxAge, u.login.Subject, clock.Now().Time().Add(stepUpLifetime)})
	if err != nil || len(sealed) > maxStepUpBytes {
		return err
	}
	return &StepUpError{a.cfg.Prefix + "login?" + url.Values{stepUpParam: {sealed}}.Encode()}
}

// steppedUp returns o with the requirement of a step-up link, if the request has one. The same user must sign in: the page
// to which the browser returns is about that user.
func (a *App) steppedUp(o client.AuthorizationOptions, query url.Values) (client.AuthorizationOptions, error) {
	if !query.Has(stepUpParam) {
		return o, nil
	}
	required, ok := a.unsealed(query[stepUpParam])
	if !ok {
		return o, fmt.Errorf("%w: %s has expired, or is not from this application", errParams, stepUpParam)
	}
	isConfigured := func(acr string) bool { return slices.Contains(o.ACRValues, acr) }
	switch {
	case slices.ContainsFunc(required.ACR, isConfigured): // the sign-in must satisfy the API and Config.Authorization
		o.ACRValues = slices.DeleteFunc(required.ACR, func(acr string) bool { return !isConfigured(acr) })
	case len(required.ACR) > 0: // which one is stronger is not known; the API decides for its own responses
		o.ACRValues = required.ACR
	}
	o.Subject = required.Subject
	return withAge(o, required.MaxAge), nil
}

// newSeal returns the AEAD for step-up links. It uses the key of the cookies; the additional data keeps the two apart.
func newSeal(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// sealed encrypts a requirement for this App.
func (a *App) sealed(s stepUp) (string, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(a.seal.Seal(nil, nil, text, a.owner.stepUp())), nil //nolint:gosec // G407: the AEAD chooses its own nonce
}

// unsealed decrypts a requirement. ok is false if this App has not sealed it, or if it has expired.
func (a *App) unsealed(values []string) (s stepUp, ok bool) {
	if len(values) != 1 || len(values[0]) > maxStepUpBytes {
		return s, false
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(values[0])
	if err != nil {
		return s, false
	}
	text, err = a.seal.Open(nil, nil, text, a.owner.stepUp())
	if err != nil || json.Unmarshal(text, &s) != nil {
		return stepUp{}, false
	}
	return s, !clock.Now().Time().After(s.Expires)
}
