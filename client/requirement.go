package client

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/challenge"
)

// requirement is what a challenge of an API requires of a valid token. A new sign-in may provide such a token.
type requirement struct {
	scopes []string
	acr    []string
	maxAge time.Duration // zero means any
}

const (
	insufficientScope = "insufficient_scope" // RFC 6750, Section 3.1

	// maxSignInScopes limits the scopes of one authorization request, because an API could require others in each response.
	maxSignInScopes = 100
)

// requirementIn returns what a response requires: the scopes of a 403 with the error code insufficient_scope (RFC 6750,
// Section 3.1), or the sign-in that a 401 with insufficient_user_authentication describes (RFC 9470, Section 3). ok is false
// for every other response, for a challenge that cannot be parsed, and for one that does not say what is missing.
func requirementIn(resp *http.Response) (need requirement, ok bool) {
	code := ""
	switch resp.StatusCode {
	case http.StatusForbidden:
		code = insufficientScope
	case http.StatusUnauthorized:
		code = insufficientAuthentication
	default:
		return requirement{}, false
	}
	all, err := challenge.Parse(resp.Header.Values("WWW-Authenticate"))
	if err != nil {
		return requirement{}, false
	}
	i := slices.IndexFunc(all, func(c challenge.Challenge) bool {
		scheme := strings.ToLower(c.Scheme)
		return (scheme == "bearer" || scheme == "dpop") && c.Params["error"] == code
	})
	if i < 0 {
		return requirement{}, false
	}
	return requirementOf(all[i], code)
}

// requirementOf returns what a challenge with this error code requires. ok is false if a value is invalid, or if the challenge
// requires scopes and lists none.
func requirementOf(c challenge.Challenge, code string) (need requirement, ok bool) {
	need.scopes = union(strings.Fields(c.Params["scope"]))
	if len(need.scopes) > maxSignInScopes || slices.ContainsFunc(need.scopes, func(s string) bool { return !isScopeToken(s) }) {
		return requirement{}, false
	}
	if code == insufficientScope {
		return need, len(need.scopes) > 0
	}
	need.acr = union(strings.Fields(c.Params["acr_values"]))
	if need.maxAge, ok = maxAgeOf(c); !ok {
		return requirement{}, false
	}
	return need, true
}

// maxAgeOf returns the parameter max_age, or zero if there is none. ok is false if it is not a number of seconds, or more than 68
// years. An age of
// zero seconds is returned as one second, because zero means any age.
func maxAgeOf(c challenge.Challenge) (age time.Duration, ok bool) {
	text, there := c.Params["max_age"]
	if !there {
		return 0, true
	}
	seconds, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, false
	}
	return time.Duration(max(seconds, 1)) * time.Second, true
}

// key returns a string that two requirements share if they are equal, except for the order of their scopes.
func (r requirement) key() string {
	return strings.Join(slices.Sorted(slices.Values(r.scopes)), " ") + "\n" + strings.Join(r.acr, " ") + "\n" + r.maxAge.String()
}

// union returns the elements of all lists, each once, in the order of their first occurrence.
func union(lists ...[]string) []string {
	var all []string
	seen := make(map[string]bool) // a server may grant hundreds of thousands of scopes
	for _, list := range lists {
		for _, element := range list {
			if !seen[element] {
				seen[element] = true
				all = append(all, element)
			}
		}
	}
	return all
}

// missing returns the elements of want that are not in have.
func missing(want, have []string) []string {
	return slices.DeleteFunc(slices.Clone(want), func(s string) bool { return slices.Contains(have, s) })
}
